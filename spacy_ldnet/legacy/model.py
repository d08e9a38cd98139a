"""The authors' tagger (LightNER) below its CRF, as a thinc model.

It reads docs sentence by sentence, each with one more position for its end. So does the
LD-Net encoder inside it.
"""

from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    List,
    Optional,
    Sequence,
    Sized,
    Tuple,
    TypeVar,
    cast,
)

import numpy
from spacy.attrs import LOWER
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model
from thinc.types import Floats2d

from ..errors import Errors
from ..inputs import Windows
from ..lm_directory import EOS_ROW
from ..models.doc_arrays import (
    flat_attribute,
    in_one_vocab,
    sentence_starts,
    split_rows,
    unique_words,
)
from ..models.encoder import NODE_NAME, encode
from ..models.shim import Backprop, NetworkShim, dropout_rate
from ..models.tok2vec import read_vectors
from ..models.types import Tok2VecModel
from ..util import check_dropout, check_range

#: Characters after a word, and after a sentence.
SPACE, END = " ", "\n"

ArrayT = TypeVar("ArrayT", bound=Sized)


@dataclass(frozen=True)
class Sentences(Generic[ArrayT]):
    """A batch of sentences. Each has a position per word, and one for its end.

    :param word_rows: row of each position's word. *Shape:* (positions,)
    :param starts: first position of each sentence. *Shape:* (sentences,)
    :param lengths: positions of each sentence, at least 1. *Shape:* (sentences,)
    :param char_rows: rows of the characters of all sentences: words with a space after
        each, and a symbol for the end. *Shape:* (characters,)
    :param char_starts: first character of each sentence. *Shape:* (sentences,)
    :param char_lengths: characters of each sentence. *Shape:* (sentences,)
    :param first_char: first character of each position. *Shape:* (positions,)
    :param last_char: the space after each position's word. *Shape:* (positions,)
    """

    word_rows: ArrayT
    starts: ArrayT
    lengths: ArrayT
    char_rows: ArrayT
    char_starts: ArrayT
    char_lengths: ArrayT
    first_char: ArrayT
    last_char: ArrayT

    def __len__(self) -> int:
        """RETURNS (int): Number of positions."""
        return len(self.word_rows)


@dataclass(frozen=True)
class SentenceLayout:
    """The positions of a batch: its tokens, and the end of each sentence after them.

    starts (ndarray): First position of each sentence. Shape: (sentences,), int64
    lengths (ndarray): Number of positions of each sentence. Shape: (sentences,), int64
    of_tokens (ndarray): Position of each token. Shape: (tokens,), int64
    of_docs (List[int]): Number of positions of each doc.
    """

    starts: numpy.ndarray
    lengths: numpy.ndarray
    of_tokens: numpy.ndarray
    of_docs: List[int]

    @property
    def size(self) -> int:
        """RETURNS (int): Number of positions."""
        return sum(self.of_docs)

    @property
    def windows(self) -> Windows[numpy.ndarray]:
        """RETURNS (Windows): One window per sentence."""
        none = numpy.zeros_like(self.lengths)
        return Windows(self.starts, self.lengths, none, self.lengths)

    def insert_ends(self, ids: numpy.ndarray, end: int) -> numpy.ndarray:
        """ids (ndarray): Id of each token. Shape: (tokens,)
        end (int): Id of a sentence's end.
        RETURNS (ndarray): Id of each position. Shape: (positions,)
        """
        full = numpy.full(self.size, end, dtype=ids.dtype)
        full[self.of_tokens] = ids
        return full


def sentence_layout(docs: Sequence[Doc]) -> SentenceLayout:
    """docs (Sequence[Doc]): The batch. A doc without sentence starts is one sentence, and
        an empty doc has none.
    RETURNS (SentenceLayout): The positions of the batch.
    """
    flags = [sentence_starts(doc) for doc in docs]
    is_start = numpy.concatenate([numpy.zeros(0, dtype=bool), *flags])
    sentence = numpy.cumsum(is_start) - 1
    of_tokens = numpy.arange(len(is_start)) + sentence
    lengths = numpy.bincount(sentence, minlength=0).astype("int64") + 1
    counts = [int(own.sum()) for own in flags]
    return SentenceLayout(
        starts=numpy.cumsum(lengths) - lengths,
        lengths=lengths,
        of_tokens=of_tokens,
        of_docs=[len(doc) + count for doc, count in zip(docs, counts)],
    )


def build_sentence_tok2vec_v1(
    *,
    width: int,
    contextual: Optional[Tok2VecModel] = None,
    dropout: Optional[float] = None,
) -> Tok2VecModel:
    """Build the tagger of the authors' code below its CRF. Its other sizes and its
    weights come from `ldnet convert`, and then from the saved pipeline.

    Each sentence of a doc is read by itself. A doc without sentence starts is one sentence.

    width (int): Width of the output, both directions together; even.
    contextual (Optional[Model[List[Doc], List[Floats2d]]]): An LD-Net encoder, which
        reads the same sentences; None for none.
    dropout (Optional[float]): Rate in [0, 1); None for the rate of `[training] dropout`.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    RAISES (ValueError): E013 for a value out of range; E032 when it is initialized.
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


class SentenceShim(NetworkShim):
    """The network, the lower-case words of its table, and its characters."""

    def __init__(self) -> None:
        super().__init__("spacy_ldnet.legacy.network:SentenceStack")
        self.characters: Dict[str, int] = {}

    def load(self, module: Any, words: List[str], characters: Dict[str, int]) -> None:
        """module (SentenceStack): The network in torch.
        words (List[str]): Words of its table's rows, from FIRST_WORD_ROW. They are
            looked up by the hashes of their lower-case form.
        characters (Dict[str, int]): The row of each character. `\\n` is the end of a
            sentence, and "" stands for all other characters.
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

    def get_extra_state(self) -> Dict[str, Any]:
        return {**super().get_extra_state(), "characters": self.characters}

    def set_extra_state(self, message: Dict[str, Any]) -> None:
        super().set_extra_state(message)
        self.characters = message["characters"]


def init(
    model: Tok2VecModel, X: Optional[List[Doc]] = None, Y: Optional[Any] = None
) -> None:
    """RAISES (ValueError): E032 if there are no weights."""
    if not _shim(model).is_built:
        raise ValueError(Errors.E032)


def forward(
    model: Tok2VecModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    shim = _shim(model)
    if not shim.is_built:
        raise ValueError(Errors.E004)
    layout = sentence_layout(docs)
    context, bp_context = _read_context(model, docs, layout, is_train)
    sentences = _find_sentences(shim, in_one_vocab(docs), layout)
    inputs = ArgsKwargs((context, sentences), {"dropout": dropout_rate(model)})
    Y, bp_network = shim(inputs, is_train)
    kept = model.ops.xp.asarray(layout.of_tokens)

    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        dY = model.ops.xp.zeros_like(Y)
        dY[kept] = model.ops.flatten(dYs)
        d_context = bp_network(dY)[0]
        if bp_context is not None:
            bp_context(d_context)
        return docs

    return split_rows(Y[kept], list(map(len, docs))), backprop


def _shim(model: Tok2VecModel) -> SentenceShim:
    return cast(SentenceShim, model.shims[0])


def _read_context(
    model: Tok2VecModel, docs: List[Doc], layout: SentenceLayout, is_train: bool
) -> Tuple[Optional[Floats2d], Optional[Backprop]]:
    """The contextual vectors of all positions, and the backward pass."""
    if not model.layers:
        return None, None
    encoder = model.layers[0]
    if encoder.name != NODE_NAME:
        # Another layer gives no vectors for the ends of sentences, which is E111.
        width = _shim(model).structure["context"]
        return read_vectors(model, docs, is_train, width=width, lengths=layout.of_docs)
    words = unique_words(docs)
    positions = layout.insert_ends(words.inverse, len(words.keys))
    return encode(encoder, docs, words, positions, layout.windows, is_train)


def _find_sentences(
    shim: SentenceShim, docs: Sequence[Doc], layout: SentenceLayout
) -> Sentences[numpy.ndarray]:
    """Look up the words and characters of the batch."""
    lower = flat_attribute(docs, LOWER)
    words = unique_words(docs)
    texts = [docs[0].vocab.strings[int(key)] for key in words.keys] if docs else []
    pieces = [END] * layout.size
    for place, number in zip(layout.of_tokens.tolist(), words.inverse.tolist()):
        pieces[place] = texts[number] + SPACE
    sizes = numpy.fromiter(map(len, pieces), "int64", count=len(pieces))
    first = numpy.cumsum(sizes) - sizes
    char_lengths = numpy.add.reduceat(sizes, layout.starts) if len(sizes) else sizes
    return Sentences(
        layout.insert_ends(shim.word_ids(lower), EOS_ROW),
        layout.starts,
        layout.lengths,
        shim.char_rows("".join(pieces)),
        first[layout.starts],
        char_lengths,
        first,
        first + sizes - 1,
    )
