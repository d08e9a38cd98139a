"""The networks of a tagger of the authors' code, filled with its weights."""

from typing import Dict, List, Tuple, cast

import torch

from ..lm_directory import DIRECTIONS, EOS_ROW, FIRST_WORD_ROW
from ..nn.crf import LinearChainCRF
from ..nn.encoder import EncoderConfig, LDNetEncoder
from ..nn.iobes import TagScheme
from ..nn.sentence_stack import SentenceStack, SentenceStackConfig
from ..nn.serialize import vocabulary_hash
from ..nn.stack import BidirectionalLayer
from .checkpoint import Checkpoint
from .sizes import PREFIXES, LMSizes, common_lm_sizes, unit_of
from .weights import END, UNKNOWN, WORD_END, Filler, ordered_words, rows_of, symbol_row

#: Tags that begin and end every path; no label has them.
START_TAG, END_TAG = "<s>", "<eof>"
#: The score of a tag that our scheme has and the checkpoint has not.
NEVER = -1e4


def build_stack(filler: Filler) -> Tuple[SentenceStack, List[str], Dict[str, int]]:
    """RETURNS (Tuple): The network below the CRF, the words of its table from
    FIRST_WORD_ROW on, and the row of each character.
    """
    checkpoint = filler.checkpoint
    words = ordered_words([checkpoint.map("gw_map")], (UNKNOWN, WORD_END))
    width = checkpoint.get("crf.hidden2tag.weight").shape[1]
    char_weights = checkpoint.get("char_fw.weight_hh_l0")
    has_lm = "lm_seq.weight" in checkpoint.tensors
    config = SentenceStackConfig(
        context=checkpoint.get("lm_seq.weight").shape[0] if has_lm else 0,
        char_rows=checkpoint.get("char_embed.weight").shape[0],
        char_embed=checkpoint.get("char_embed.weight").shape[1],
        char_hidden=char_weights.shape[1],
        word_rows=FIRST_WORD_ROW + len(words),
        word_embed=checkpoint.get("word_embed.weight").shape[1],
        width=width,
        depth=max(1, len(checkpoint.numbered("word_rnn.weight_ih_l", ""))),
        unit=unit_of(char_weights),
    )
    stack = SentenceStack(config).eval()
    filler.fill(stack.chars.embedding.weight, "char_embed.weight")
    filler.fill_rnn(stack.chars.forward_rnn, "char_fw.")
    filler.fill_rnn(stack.chars.backward_rnn, "char_bw.")
    filler.fill_linear(stack.chars.project, "char_seq.")
    unknown = symbol_row(checkpoint, "gw_map", UNKNOWN)
    end = symbol_row(checkpoint, "gw_map", WORD_END)
    rows = rows_of(words, checkpoint.map("gw_map"), unknown, end)
    filler.fill_table(stack.table, "word_embed.weight", rows, "gw_map")
    for i, layer in enumerate(stack.layers):
        both = cast(BidirectionalLayer, layer)
        filler.fill_rnn(both.forward_rnn, "word_rnn.", f"_l{i}")
        filler.fill_rnn(both.backward_rnn, "word_rnn.", f"_l{i}_reverse")
    return stack, words, _characters(filler, config.char_rows)


def _characters(filler: Filler, rows: int) -> Dict[str, int]:
    checkpoint = filler.checkpoint
    found = dict(checkpoint.map("c_map"))
    filler.check_rows("char_embed.weight", rows, max(found.values()), "c_map")
    symbol_row(checkpoint, "c_map", END)
    return {**found, "": symbol_row(checkpoint, "c_map", UNKNOWN)}


def build_encoder(filler: Filler) -> Tuple[LDNetEncoder, List[str]]:
    """RETURNS (Tuple): Both language models as one encoder, and the words of its rows
    from FIRST_WORD_ROW on.
    """
    checkpoint = filler.checkpoint
    sizes, each = common_lm_sizes(checkpoint)
    maps = {name: f"{name[0]}lm_map" for name in DIRECTIONS}
    words = ordered_words(map(checkpoint.map, maps.values()), (UNKNOWN, END))
    encoder = LDNetEncoder(_encoder_config(checkpoint, sizes, each, words)).eval()
    encoder.train_language_models(False)
    for name, prefix in PREFIXES.items():
        trunk = encoder.trunks[name]
        unknown, end = (symbol_row(checkpoint, maps[name], s) for s in (UNKNOWN, END))
        rows = rows_of(words, checkpoint.map(maps[name]), unknown, end)
        table = f"{prefix}word_embed.weight"
        filler.fill_table(trunk.embedding, table, rows, maps[name])
        for k, rnn in enumerate(trunk.rnn.rnns):
            filler.fill_rnn(rnn, f"{prefix}rnn.layer.{k}.layer.")
        gates = f"{prefix}rnn.weight_list"
        if gates in checkpoint.tensors:
            filler.fill(encoder.gates_of(name), gates)
    filler.fill_linear(encoder.project, "lm_seq.")
    return encoder, words


def _encoder_config(
    checkpoint: Checkpoint,
    sizes: LMSizes,
    each: Dict[str, LMSizes],
    words: List[str],
) -> EncoderConfig:
    return EncoderConfig(
        rows=FIRST_WORD_ROW + len(words),
        embed=sizes.embed,
        hidden=sizes.hidden,
        forward=tuple(range(each["forward"].layers)),
        backward=tuple(range(each["backward"].layers)),
        unit=sizes.unit,
        width=checkpoint.get("lm_seq.weight").shape[0],
        boundary=EOS_ROW,
        vocabulary=vocabulary_hash(words),
        starts=False,
    )


def build_crf(filler: Filler, labels: List[str], width: int) -> LinearChainCRF:
    """Their tags in our order; `<s>` and `<eof>` last. A path begins behind the one and
    ends before the other, which makes their rows of transitions our start and end."""
    checkpoint = filler.checkpoint
    theirs = checkpoint.map("y_map")
    start = symbol_row(checkpoint, "y_map", START_TAG)
    end = symbol_row(checkpoint, "y_map", END_TAG)
    ours = [*TagScheme(tuple(labels)).tags, START_TAG, END_TAG]
    transitions = filler.take("crf.transitions")
    weight = filler.take("crf.hidden2tag.weight")
    bias = filler.take("crf.hidden2tag.bias")
    shape = (len(theirs), len(theirs))
    if tuple(transitions.shape) != shape or len(weight) != len(theirs):
        raise checkpoint.misfit(
            "crf.transitions",
            expected=f"of shape {shape}, as 'y_map' has so many tags",
            found=f"of shape {tuple(transitions.shape)}",
        )
    crf = LinearChainCRF(n_in=width, n_tags=len(ours), constrained=False).eval()
    here = torch.tensor([i for i, tag in enumerate(ours) if tag in theirs])
    there = torch.tensor([theirs[tag] for tag in ours if tag in theirs])
    with torch.no_grad():
        crf.hidden2tag.weight.zero_()
        crf.hidden2tag.bias.fill_(NEVER)
        crf.hidden2tag.weight[here] = weight[there]
        crf.hidden2tag.bias[here] = bias[there]
        crf.transitions[here.unsqueeze(1), here] = transitions[there][:, there]
        crf.start[here] = transitions[start, there]
        crf.end[here] = transitions[there, end]
    return crf
