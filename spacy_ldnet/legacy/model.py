"""The authors' tagger (LightNER) as a thinc model."""

from dataclasses import asdict, dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, cast

import numpy
import torch
from spacy.attrs import LOWER
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import Errors
from ..lm_directory import EOS_ROW
from ..models.doc_arrays import (
    Layout,
    find_types,
    flat_attribute,
    in_one_vocab,
    lay_out,
    split_rows,
)
from ..models.encoder import (
    check_rows,
    dropout_rate,
    with_ends,
)
from ..models.shim import WordShim
from ..nn.batching import (
    bucket_by_length,
    padded_index,
    reorder_time,
    reverse_index,
    take_rows,
)
from ..nn.precision import with_own_defaults
from ..nn.rnn import CELLS, run_rnn
from ..nn.serialize import Structure
from ..nn.tagger import CHARACTERS_PER_WORD, BiRNN
from ..util import check_dropout, check_range

# The authors' own tagger below its CRF: it reads sentences, ends and all.
#
# It differs from :mod:`~spacy_ldnet.nn.tagger` where the authors' code differs from the
# paper: the character LSTM runs over the whole sentence, words have a table of their own,
# and everything runs over one more position, the end of the sentence.


@dataclass(frozen=True)
class SentenceStackConfig:
    """Sizes of the stack.

    :param context: width of the contextual input; 0 for none.
    :param char_rows: rows of the table of characters' embeddings.
    :param char_embed: width of a character's embedding.
    :param char_hidden: width of each direction of the character LSTM.
    :param word_rows: rows of the table of word vectors.
    :param word_embed: width of a word vector, and of a word's characters.
    :param width: width of the output, both directions together; even.
    :param depth: number of bidirectional layers, at least 1.
    :param unit: ``lstm``, ``gru`` or ``rnn``, of words and characters.
    """

    context: int
    char_rows: int
    char_embed: int
    char_hidden: int
    word_rows: int
    word_embed: int
    width: int
    depth: int
    unit: str

    @property
    def hidden(self) -> int:
        """Width of the widest recurrent layer, one direction."""
        return max(self.char_hidden, self.width // 2)

    @property
    def input_width(self) -> int:
        return self.context + 2 * self.word_embed


@dataclass(frozen=True)
class Sentences:
    """A batch of sentences. Each has one position more than words: its end.

    :param word_rows: row of each position's word. *Shape:* (positions,)
    :param starts: first position of each sentence. *Shape:* (sentences,)
    :param lengths: positions of each sentence, at least 1. *Shape:* (sentences,)
    :param char_rows: rows of all sentences' characters: the words with a space after
        each, and one symbol for the end. *Shape:* (characters,)
    :param char_starts: first character of each sentence. *Shape:* (sentences,)
    :param char_lengths: characters of each sentence. *Shape:* (sentences,)
    :param first_char: first character of each position. *Shape:* (positions,)
    :param last_char: the space after each position's word. *Shape:* (positions,)
    """

    word_rows: Tensor
    starts: Tensor
    lengths: Tensor
    char_rows: Tensor
    char_starts: Tensor
    char_lengths: Tensor
    first_char: Tensor
    last_char: Tensor


class SentenceCharEncoder(nn.Module):
    """A character LSTM in each direction over a sentence, read at words' edges.

    :param config: the sizes.
    """

    def __init__(self, config: SentenceStackConfig):
        super().__init__()
        self.hidden = config.char_hidden
        self.unit = config.unit
        self.embedding = nn.Embedding(config.char_rows, config.char_embed)
        self.forward_rnn = CELLS[config.unit].module(
            config.char_embed, config.char_hidden
        )
        self.backward_rnn = CELLS[config.unit].module(
            config.char_embed, config.char_hidden
        )
        self.project = nn.Linear(2 * config.char_hidden, config.word_embed)

    @property
    def macs(self) -> int:
        """Multiply-accumulates a character, projection not counted."""
        width = self.embedding.embedding_dim + self.hidden
        return 2 * CELLS[self.unit].gates * self.hidden * width

    def forward(self, sentences: Sentences) -> Tensor:
        """Encode positions.

        :returns: *Shape:* (positions, word_embed)
        """
        shape = (len(sentences.char_rows), self.hidden)
        ahead = self.embedding.weight.new_zeros(shape)
        behind = self.embedding.weight.new_zeros(shape)
        for group in bucket_by_length(sentences.char_lengths):
            sizes = sentences.char_lengths[group]
            padded = padded_index(sentences.char_starts[group], sizes)
            x = self.embedding(sentences.char_rows[padded.index])
            backwards = reverse_index(padded.lengths, len(x))
            read = reorder_time(
                run_rnn(self.backward_rnn, reorder_time(x, backwards))[0], backwards
            )
            real = padded.real
            places = padded.index[real]
            ahead = ahead.index_copy(0, places, run_rnn(self.forward_rnn, x)[0][real])
            behind = behind.index_copy(0, places, read[real])
        states = [ahead[sentences.last_char], behind[sentences.first_char]]
        return self.project(torch.cat(states, dim=-1))


class SentenceStack(nn.Module):
    """``[characters, context, word vector]`` through bidirectional layers.

    :param config: the sizes.
    """

    def __init__(self, config: SentenceStackConfig):
        super().__init__()
        self.config = config
        self.chars = SentenceCharEncoder(config)
        self.table = nn.Embedding(config.word_rows, config.word_embed)
        self.layers = BiRNN(
            inputs=config.input_width,
            width=config.width,
            depth=config.depth,
            unit=config.unit,
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates a word, at a usual number of characters a word."""
        project = self.chars.project
        total = self.layers.macs + self.chars.macs * CHARACTERS_PER_WORD
        return round(total + project.in_features * project.out_features)

    def structure(self) -> Structure:
        return asdict(self.config)

    @classmethod
    def from_structure(cls, structure: Structure) -> "SentenceStack":
        return cls(SentenceStackConfig(**structure))

    def forward(
        self,
        context: Optional[Tensor],
        sentences: Sentences,
        *,
        dropout: float = 0.0,
    ) -> Tensor:
        """Encode positions.

        :param context: *Shape:* (positions, context), or None
        :param sentences: the sentences.
        :param dropout: rate on the inputs, between layers and on the output, in training.
        :returns: *Shape:* (positions, width)
        """
        parts: List[Tensor] = [self.chars(sentences)]
        parts += [] if context is None else [context]
        parts.append(self.table(sentences.word_rows))
        x = F.dropout(torch.cat(parts, dim=-1), dropout, self.training)
        out = x.new_zeros(len(x), self.config.width)
        for group in bucket_by_length(sentences.lengths):
            padded = padded_index(sentences.starts[group], sentences.lengths[group])
            index, real = padded.index, padded.real
            backwards = reverse_index(padded.lengths, len(index))
            h = self.layers(take_rows(x, index), backwards, dropout)
            out = out.index_copy(0, index[real], h[real])
        return F.dropout(out, dropout, self.training)


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
    sentences = _sentences(shim, in_one_vocab(docs), layout)
    inputs = ArgsKwargs((context, sentences), {"dropout": dropout_rate(model)})
    Y, bp_network = shim(inputs, is_train)
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
