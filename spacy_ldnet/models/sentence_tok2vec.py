"""The authors' own tagger below its CRF, as a tok2vec; made by `ldnet convert`."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, cast

import numpy
import torch
from spacy.attrs import LOWER
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ..errors import Errors
from ..lm_directory import EOS_ROW
from ..nn.precision import with_own_defaults
from ..nn.sentence_stack import Sentences, SentenceStack
from .encoder import (
    check_dropout,
    check_range,
    check_rows,
    dropout_rate,
    split_rows,
    with_ends,
)
from .sentences import Layout, lay_out
from .word_shim import WordShim
from .words import find_types, flat_attribute, in_one_vocab

Tok2VecModel = Model[List[Doc], List[Floats2d]]
#: What the authors put behind a word, and behind a sentence.
SPACE, END = " ", "\n"


class SentenceShim(WordShim):
    """Holds the network, the lower-case words of its table and its characters."""

    def __init__(self) -> None:
        super().__init__(SentenceStack)
        self.characters: Dict[str, int] = {}

    def load(
        self, module: SentenceStack, words: List[str], characters: Dict[str, int]
    ) -> None:
        """module (SentenceStack): The network.
        words (List[str]): Words of its table's rows, from FIRST_WORD_ROW; they are
            looked up by the hashes of lower case.
        characters (Dict[str, int]): Row of each character, `\\n` for the end of a
            sentence among them; "" is the row of all others.
        """
        self.module = module
        self.set_words(words)
        self.characters = characters

    def char_rows(self, text: str) -> numpy.ndarray:
        """RETURNS (ndarray): Rows of a text's characters. Shape: (characters,)"""
        data = text.encode("utf-32-le", "surrogatepass")
        codes, places = numpy.unique(
            numpy.frombuffer(data, dtype="<u4"), return_inverse=True
        )
        unknown = self.characters[""]
        rows = [self.characters.get(chr(code), unknown) for code in codes.tolist()]
        return numpy.array(rows, dtype="int64")[places.reshape(-1)]

    def extra(self) -> Dict[str, Any]:
        return {**super().extra(), "characters": self.characters}

    def set_extra(self, message: Dict[str, Any]) -> None:
        self.set_words(message["words"])
        self.characters = message["characters"]


def build_sentence_tok2vec_v1(
    *,
    width: int,
    contextual: Optional[Tok2VecModel] = None,
    dropout: Optional[float] = None,
) -> Tok2VecModel:
    """Build the tagger of the authors' code up to its CRF. Its other sizes and its
    weights come from `ldnet convert`, and then from the saved pipeline.

    Each sentence of a doc is read on its own, a doc without sentence starts as one.

    width (int): Width of the output, both directions together; even.
    contextual (Optional[Model[List[Doc], List[Floats2d]]]): An LD-Net encoder with
        `sentence_end = true`; None for none.
    dropout (Optional[float]): Rate in [0, 1); None for that of `[training] dropout`.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    RAISES (ValueError): E013 for a value out of range; E032 when initialised.
    """
    check_range("width", width, width >= 2 and width % 2 == 0, "it must be even")
    check_dropout(dropout)
    return Model(
        "ldnet_sentence_tok2vec",
        forward,
        init=init,
        dims={"nO": width},
        layers=[] if contextual is None else [contextual],
        attrs={"fixed_dropout": dropout, "dropout_rate": dropout or 0.0},
        shims=[SentenceShim()],
    )


def init(
    model: Tok2VecModel, X: Optional[List[Doc]] = None, Y: Optional[Any] = None
) -> None:
    """RAISES (ValueError): E032 unless the weights are there already."""
    if _shim(model).module is None:
        raise ValueError(Errors.E032)


@with_own_defaults
def forward(
    model: Tok2VecModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    shim = _shim(model)
    if shim.module is None:
        raise ValueError(Errors.E004)
    layout = lay_out(docs)
    context, bp_context = None, None
    if model.layers:
        Xs, bp_context = model.layers[0](docs, is_train)
        width = shim.module.config.context
        check_rows(Xs, layout.of_docs, width, model, model.layers[0])
        flat = model.ops.flatten(Xs).astype("float32", copy=False)
        context = xp2torch(flat, requires_grad=is_train, device=shim.device)
    shim.module.dropout = dropout_rate(model)
    sentences = _sentences(shim, in_one_vocab(docs), layout)
    Y, bp_network = shim(ArgsKwargs(args=(context, sentences), kwargs={}), is_train)
    of_tokens = torch.from_numpy(layout.of_tokens).to(shim.device)
    sizes = [len(doc) for doc in docs]

    @with_own_defaults
    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        dY = torch.zeros_like(Y)
        dY[of_tokens] = xp2torch(model.ops.flatten(dYs), device=shim.device)
        dX = bp_network(ArgsKwargs(args=((Y,),), kwargs={"grad_tensors": (dY,)}))
        if bp_context is not None:
            bp_context(split_rows(torch2xp(dX.args[0]), layout.of_docs))
        return docs

    kept = Y.detach()[of_tokens]
    return split_rows(torch2xp(kept), sizes), backprop


def _shim(model: Tok2VecModel) -> SentenceShim:
    return cast(SentenceShim, model.shims[0])


def _sentences(shim: SentenceShim, docs: Sequence[Doc], layout: Layout) -> Sentences:
    """Look up words and characters of the batch."""
    lower = flat_attribute(docs, LOWER)
    types = find_types(docs)
    texts = [docs[0].vocab.strings[int(key)] for key in types.keys] if docs else []
    pieces = [END] * layout.size
    for place, number in zip(layout.of_tokens.tolist(), types.of_tokens.tolist()):
        pieces[place] = texts[number] + SPACE
    sizes = numpy.fromiter(map(len, pieces), "int64", count=len(pieces))
    first = numpy.cumsum(sizes) - sizes
    char_lengths = numpy.add.reduceat(sizes, layout.starts) if len(sizes) else sizes
    arrays = (
        with_ends(shim.rows(lower), layout, EOS_ROW),
        layout.starts,
        layout.lengths,
        shim.char_rows("".join(pieces)),
        first[layout.starts],
        char_lengths,
        first,
        first + sizes - 1,
    )
    return Sentences(*(torch.from_numpy(array).to(shim.device) for array in arrays))
