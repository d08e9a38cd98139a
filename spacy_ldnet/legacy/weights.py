"""Copying the weights of the authors' networks into networks of this package."""

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple, cast

import torch
from torch import Tensor, nn

from ..errors import Errors
from ..iobes import TagScheme
from ..layers import GATES
from ..lm_directory import (
    DIRECTIONS,
    EOS_ROW,
    FIRST_WORD_ROW,
    LayerId,
    vocabulary_hash,
)
from ..nn.crf import LinearChainCRF
from ..nn.encoder import EncoderConfig, LDNetEncoder
from ..nn.tagger import BiRNNLayer
from .checkpoint import Checkpoint, Map
from .network import SentenceStack, SentenceStackConfig

#: Prefix of the tensors of each language model.
PREFIXES = {"forward": "f_lm.", "backward": "b_lm."}


@dataclass(frozen=True)
class LMSizes:
    """Sizes of a language model.

    embed (int): Width of the word embeddings.
    hidden (int): Width of a layer; 0 if there is none.
    layers (int): Number of layers.
    unit (str): `lstm`, `gru` or `rnn`; empty if there is no layer.
    """

    embed: int
    hidden: int
    layers: int
    unit: str


def unit_of(weights: Tensor) -> str:
    """weights (Tensor): `weight_hh` of a recurrent layer.
    RETURNS (str): `lstm`, `gru` or `rnn`, by the number of rows per unit.
    """
    units = {gates: unit for unit, gates in GATES.items()}
    return units.get(weights.shape[0] // weights.shape[1], "")


def lm_sizes(checkpoint: Checkpoint, prefix: str) -> LMSizes:
    """checkpoint (Checkpoint): The checkpoint.
    prefix (str): Prefix of the language model's tensors.
    RETURNS (LMSizes): The sizes of the language model.
    RAISES (ValueError): E072 if a tensor is missing.
    """
    names = checkpoint.numbered(f"{prefix}rnn.layer.", ".layer.weight_hh_l0")
    embed = checkpoint.get(f"{prefix}word_embed.weight").shape[1]
    if not names:
        return LMSizes(embed, 0, 0, "")
    weights = checkpoint.get(names[0])
    return LMSizes(embed, weights.shape[1], len(names), unit_of(weights))


def common_lm_sizes(checkpoint: Checkpoint) -> Tuple[LMSizes, Dict[str, LMSizes]]:
    """checkpoint (Checkpoint): A tagger with language models.
    RETURNS (Tuple[LMSizes, Dict[str, LMSizes]]): The common sizes (with the larger number
        of layers), and those of each direction.
    RAISES (ValueError): E073 if the two directions differ.
    """
    each = {name: lm_sizes(checkpoint, prefix) for name, prefix in PREFIXES.items()}
    ahead, behind = each.values()
    with_layers = [sizes for sizes in each.values() if sizes.layers]
    both: Dict[str, Set[Any]] = {
        "embed": {ahead.embed, behind.embed},
        "hidden": {sizes.hidden for sizes in with_layers} or {1},
        "unit": {sizes.unit for sizes in with_layers} or {"lstm"},
    }
    for name, values in both.items():
        if len(values) > 1:
            raise checkpoint.mismatch(
                f"{name} of the backward and the forward language model",
                expected=getattr(ahead, name),
                found=getattr(behind, name),
            )
    embed, hidden, unit = (values.pop() for values in both.values())
    return LMSizes(embed, hidden, max(ahead.layers, behind.layers), unit), each


def check_config(checkpoint: Checkpoint) -> None:
    """Compare the stated sizes of a checkpoint with its tensors.

    checkpoint (Checkpoint): A tagger. Without a config there is nothing to check.
    RAISES (ValueError): E073 if they differ.
    """
    config = checkpoint.config
    if config is None:
        return
    tensors = checkpoint.tensors
    words, chars = tensors["word_embed.weight"], tensors["char_embed.weight"]
    letters = tensors["char_fw.weight_hh_l0"]
    _compare(
        checkpoint,
        config,
        {
            "word_embed_num": words.shape[0],
            "word_embed_dim": words.shape[1],
            "char_embed_num": chars.shape[0],
            "char_embed_dim": chars.shape[1],
            "char_hidden": letters.shape[1],
            "word_hidden": tensors["word_rnn.weight_hh_l0"].shape[1],
            "y_num": tensors["crf.transitions"].shape[0],
            "unit_type": unit_of(letters),
        },
    )
    for direction, prefix in PREFIXES.items():
        params = (config.get(f"{direction}_lm") or {}).get("rnn_params")
        if params:
            sizes = lm_sizes(checkpoint, prefix)
            found = {"layer_num": sizes.layers, "emb_dim": sizes.embed}
            if sizes.layers:
                found["hid_dim"] = sizes.hidden
            _compare(checkpoint, params, found, f"{direction}_lm.rnn_params.")


def _compare(
    checkpoint: Checkpoint,
    stated: Dict[str, Any],
    found: Dict[str, Any],
    prefix: str = "",
) -> None:
    for name, size in found.items():
        if stated.get(name) not in (None, size):
            name, expected = f"{prefix}{name}", stated[name]
            raise checkpoint.mismatch(name, expected=expected, found=size)


RNN_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
#: Symbols in the maps: unknown word, end of a sentence, and end in the map of words.
UNKNOWN, END, WORD_END = "<unk>", "\n", "<\n>"


class WeightCopier:
    """A copier of weights into networks, which records the tensors it has used.

    checkpoint (Checkpoint): The checkpoint with the tensors.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.used: set = set()

    def take(self, name: str) -> Tensor:
        """RETURNS (Tensor): The tensor of this name, which is recorded as used.
        RAISES (ValueError): E072 if it is missing.
        """
        self.used.add(name)
        return self.checkpoint.get(name)

    def fill(
        self, ours: Tensor, name: str, rows: Optional[Sequence[int]] = None
    ) -> None:
        """Copy a tensor.

        ours (Tensor): The weights to fill.
        name (str): Name of their tensor.
        rows (Optional[Sequence[int]]): Their row for each of ours; None for the same.
        RAISES (ValueError): E072 if it is missing or its shape differs.
        """
        theirs = self.take(name)
        if rows is not None:
            theirs = theirs[torch.tensor(rows, dtype=torch.long)]
        if theirs.shape != ours.shape:
            raise self.checkpoint.misfit(
                name,
                expected=f"of shape {tuple(ours.shape)}",
                found=f"of shape {tuple(theirs.shape)}",
            )
        with torch.no_grad():
            ours.copy_(theirs)

    def fill_rnn(self, rnn: nn.Module, prefix: str, suffix: str = "_l0") -> None:
        """Copy the weights of a recurrent layer.

        rnn (Module): A layer of torch with one direction.
        prefix (str): Prefix of their names.
        suffix (str): Suffix of their names.
        """
        ours = dict(rnn.named_parameters())
        for name in RNN_WEIGHTS:
            self.fill(ours[f"{name}_l0"], f"{prefix}{name}{suffix}")

    def fill_linear(self, linear: nn.Linear, prefix: str) -> None:
        """Copy the weights of a linear layer.

        linear (Linear): The layer.
        prefix (str): Prefix of the names of its weights and biases.
        """
        for name, weights in linear.named_parameters():
            self.fill(weights, f"{prefix}{name}")

    def fill_table(
        self, table: nn.Embedding, name: str, rows: List[int], map_name: str
    ) -> None:
        """Copy rows of an embedding table.

        table (Embedding): The table to fill.
        name (str): Name of their table.
        rows (List[int]): Their row for each of ours.
        map_name (str): The map that the rows are from.
        RAISES (ValueError): E072 if their table is missing, too short, or its width
            differs.
        """
        self.check_rows(name, len(self.take(name)), max(rows), map_name)
        self.fill(table.weight, name, rows)

    def check_rows(self, name: str, found: int, highest: int, map_name: str) -> None:
        """RAISES (ValueError): E072 if a table has fewer rows than a map needs."""
        if highest >= found:
            raise self.checkpoint.misfit(
                name,
                expected=f"of at least {highest + 1} rows, as '{map_name}' says",
                found=f"of {found}",
            )

    def check_all_used(self) -> None:
        """RAISES (ValueError): E075 if there are unused tensors."""
        left = sorted(set(self.checkpoint.tensors) - self.used)
        if left:
            names = ", ".join(left[:5])
            message = Errors.E075.format(path=self.checkpoint.path, names=names)
            raise ValueError(message)


def symbol_row(checkpoint: Checkpoint, name: str, symbol: str) -> int:
    """RETURNS (int): The row of a symbol in a map.
    RAISES (ValueError): E076 if the symbol is missing, E074 if the map is missing.
    """
    found = checkpoint.map(name)
    if symbol not in found:
        message = Errors.E076.format(
            path=checkpoint.path, name=name, symbol=symbol.encode("unicode_escape")
        )
        raise ValueError(message)
    return found[symbol]


def ordered_words(maps: Iterable[Map], symbols: Sequence[str]) -> List[str]:
    """The words of several maps: those of the first by their rows, then the additional
    words of the others.

    maps (Iterable[Map]): Rows by word.
    symbols (Sequence[str]): Keys that are not words.
    RETURNS (List[str]): Each word once.
    """
    words: Dict[str, None] = {}
    for one in maps:
        words.update(dict.fromkeys(sorted(one, key=one.__getitem__)))
    return [word for word in words if word not in symbols]


def rows_of(words: Sequence[str], found: Map, unknown: int, end: int) -> List[int]:
    """words (Sequence[str]): Our words, from FIRST_WORD_ROW on.
    found (Map): Their rows.
    unknown (int): Their row of unknown words, also for words that they lack.
    end (int): Their row of the end of a sentence.
    RETURNS (List[int]): Their row for each of our rows, those of the symbols first.
    """
    rows = [unknown, end]
    assert len(rows) == FIRST_WORD_ROW
    return rows + [found.get(word, unknown) for word in words]


#: Tags that start and end every path. They belong to no label.
START_TAG, END_TAG = "<s>", "<eof>"
#: The score of a tag that the checkpoint lacks.
NEVER = -1e4


def build_stack(
    copier: WeightCopier,
) -> Tuple[SentenceStack, List[str], Dict[str, int]]:
    """RETURNS (Tuple[SentenceStack, List[str], Dict[str, int]]): The network below the
    CRF, the words of its table from FIRST_WORD_ROW on, and the row of each character.
    """
    checkpoint = copier.checkpoint
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
    copier.fill(stack.chars.embedding.weight, "char_embed.weight")
    copier.fill_rnn(stack.chars.forward_rnn, "char_fw.")
    copier.fill_rnn(stack.chars.backward_rnn, "char_bw.")
    copier.fill_linear(stack.chars.project, "char_seq.")
    unknown = symbol_row(checkpoint, "gw_map", UNKNOWN)
    end = symbol_row(checkpoint, "gw_map", WORD_END)
    rows = rows_of(words, checkpoint.map("gw_map"), unknown, end)
    copier.fill_table(stack.table, "word_embed.weight", rows, "gw_map")
    for i, layer in enumerate(stack.layers):
        both = cast(BiRNNLayer, layer)
        copier.fill_rnn(both.forward_rnn, "word_rnn.", f"_l{i}")
        copier.fill_rnn(both.backward_rnn, "word_rnn.", f"_l{i}_reverse")
    return stack, words, _characters(copier, config.char_rows)


def _characters(copier: WeightCopier, rows: int) -> Dict[str, int]:
    checkpoint = copier.checkpoint
    found = dict(checkpoint.map("c_map"))
    copier.check_rows("char_embed.weight", rows, max(found.values()), "c_map")
    symbol_row(checkpoint, "c_map", END)
    return {**found, "": symbol_row(checkpoint, "c_map", UNKNOWN)}


def build_encoder(copier: WeightCopier) -> Tuple[LDNetEncoder, List[str]]:
    """RETURNS (Tuple[LDNetEncoder, List[str]]): Both language models as one encoder, and
    the words of its rows from FIRST_WORD_ROW on.
    """
    checkpoint = copier.checkpoint
    sizes, each = common_lm_sizes(checkpoint)
    maps = {name: f"{name[0]}lm_map" for name in DIRECTIONS}
    words = ordered_words(map(checkpoint.map, maps.values()), (UNKNOWN, END))
    encoder = LDNetEncoder(_encoder_config(checkpoint, sizes, each, words)).eval()
    encoder.train_language_models(False)
    for name, prefix in PREFIXES.items():
        backbone = encoder.backbones[name]
        unknown, end = (symbol_row(checkpoint, maps[name], s) for s in (UNKNOWN, END))
        rows = rows_of(words, checkpoint.map(maps[name]), unknown, end)
        table = f"{prefix}word_embed.weight"
        copier.fill_table(backbone.embedding, table, rows, maps[name])
        for k, rnn in enumerate(backbone.rnn.rnns):
            copier.fill_rnn(rnn, f"{prefix}rnn.layer.{k}.layer.")
        gates = f"{prefix}rnn.weight_list"
        if gates in checkpoint.tensors:
            copier.fill(encoder.gates_of(name), gates)
    copier.fill_linear(encoder.project, "lm_seq.")
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
        forward=tuple(map(LayerId, range(each["forward"].layers))),
        backward=tuple(map(LayerId, range(each["backward"].layers))),
        unit=sizes.unit,
        width=checkpoint.get("lm_seq.weight").shape[0],
        boundary=EOS_ROW,
        vocabulary=vocabulary_hash(words),
        starts=False,
    )


def build_crf(copier: WeightCopier, labels: List[str], width: int) -> LinearChainCRF:
    """Make a CRF with their tags in our order, `<s>` and `<eof>` last. A path starts after
    `<s>` and ends before `<eof>`, so their transitions are our start and end scores."""
    checkpoint = copier.checkpoint
    theirs = checkpoint.map("y_map")
    start = symbol_row(checkpoint, "y_map", START_TAG)
    end = symbol_row(checkpoint, "y_map", END_TAG)
    ours = [*TagScheme(tuple(labels)).tags, START_TAG, END_TAG]
    transitions = copier.take("crf.transitions")
    weight = copier.take("crf.hidden2tag.weight")
    bias = copier.take("crf.hidden2tag.bias")
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
