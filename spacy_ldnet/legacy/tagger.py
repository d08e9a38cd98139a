"""A tagger of the authors' code as a spaCy pipeline."""

from typing import Any, Dict, List, Optional, Tuple, cast

import spacy
import torch
from spacy.language import Language
from thinc.api import Model

from ..errors import Errors
from ..models.encoder import find_encoders
from ..models.sentence_tok2vec import SentenceShim
from ..nn.crf import LinearChainCRF
from ..nn.encoder import EncoderConfig, LDNetEncoder
from ..nn.iobes import TagScheme
from ..nn.sentence_stack import SentenceStack, SentenceStackConfig
from ..nn.serialize import vocabulary_hash
from ..nn.stack import BidirectionalLayer
from ..vocabulary import DIRECTIONS, EOS_ROW, FIRST_WORD_ROW
from .checkpoint import Checkpoint
from .sizes import PREFIXES, LMSizes, check_config, common_lm_sizes, unit_of
from .weights import END, UNKNOWN, WORD_END, Filler, ordered_words, rows_of, symbol_row

#: Tags that begin and end every path; no label has them.
START_TAG, END_TAG = "<s>", "<eof>"
#: The score of a tag that our scheme has and the checkpoint has not.
NEVER = -1e4
CHUNK_LABEL = "NP"
FACTORIES = {"ner": "crf_ner", "chunker": "crf_chunker"}


def build_pipeline(
    checkpoint: Checkpoint, *, lang: str = "en", task: str = "auto"
) -> Language:
    """checkpoint (Checkpoint): A tagger.
    lang (str): Language of the pipeline's tokenizer.
    task (str): `ner`, `chunk`, or `auto`: chunks if there is a label NP.
    RETURNS (Language): A pipeline of one component, `ner` or `chunker`.
    RAISES (ValueError): E072 to E076 if the checkpoint does not fit together.
    """
    filler = Filler(checkpoint)
    tags = sorted(checkpoint.map("y_map"), key=checkpoint.map("y_map").__getitem__)
    labels = _labels(tags)
    stack, words, characters = _build_stack(filler)
    encoder = _build_encoder(filler) if stack.config.context else None
    crf = _build_crf(filler, labels, stack.config.width)
    check_config(checkpoint)
    filler.check_all_used()
    chunks = CHUNK_LABEL in labels if task == "auto" else task == "chunk"
    name = "chunker" if chunks else "ner"
    nlp = spacy.blank(lang)
    config = {"model": _model_config(stack, encoder and encoder[0])}
    pipe: Any = nlp.add_pipe(FACTORIES[name], name=name, config=config)
    _load(pipe.model, stack, words, characters, encoder, crf)
    for label in labels:
        pipe.cfg["labels"].append(label)
        nlp.vocab.strings.add(label)
    pipe.cfg["extra_tags"] = crf.n_tags - TagScheme(tuple(labels)).n_tags
    rate = (checkpoint.config or {}).get("droprate")
    if rate is not None:
        nlp.config["training"]["dropout"] = float(rate)
    return nlp


def _labels(tags: List[str]) -> List[str]:
    found = (tag.split("-", 1)[1] for tag in tags if "-" in tag)
    return list(dict.fromkeys(found))


def _model_config(
    stack: SentenceStack, encoder: Optional[LDNetEncoder]
) -> Dict[str, Any]:
    contextual = None
    if encoder is not None:
        config = encoder.config
        contextual = {
            "@architectures": "spacy-ldnet.LDNetEncoder.v1",
            "width": config.width,
            "embed": config.embed,
            "hidden": config.hidden,
            "depth": max(1, len(config.forward), len(config.backward)),
            "unit": config.unit,
            "dropout": 0.0,
            "sentence_end": True,
        }
    return {
        "@architectures": "spacy-ldnet.CRFTagger.v1",
        "constrained": False,
        "tok2vec": {
            "@architectures": "spacy-ldnet.SentenceTok2Vec.v1",
            "width": stack.config.width,
            "contextual": contextual,
        },
    }


def _load(
    model: Model,
    stack: SentenceStack,
    words: List[str],
    characters: Dict[str, int],
    encoder: Optional[Tuple[LDNetEncoder, List[str]]],
    crf: LinearChainCRF,
) -> None:
    """Give the thinc model its networks."""
    tok2vec = model.layers[0]
    cast(SentenceShim, tok2vec.shims[0]).load(stack, words, characters)
    for node in find_encoders(model):
        node.shims[0].load(*encoder)  # type: ignore[attr-defined, misc]
    model.shims[0].module = crf  # type: ignore[attr-defined]
    model.set_dim("nO", crf.n_tags)


def _build_stack(filler: Filler) -> Tuple[SentenceStack, List[str], Dict[str, int]]:
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


def _build_encoder(filler: Filler) -> Tuple[LDNetEncoder, List[str]]:
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


def _build_crf(filler: Filler, labels: List[str], width: int) -> LinearChainCRF:
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
        message = Errors.E072.format(
            path=checkpoint.path,
            name="crf.transitions",
            expected=f"of shape {shape}, as 'y_map' has so many tags",
            found=f"of shape {tuple(transitions.shape)}",
        )
        raise ValueError(message)
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
