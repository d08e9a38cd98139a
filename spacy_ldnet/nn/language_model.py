"""Language models of one direction, and their adaptive softmax."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from ..errors import Errors
from ..lm_directory import FIRST_WORD_ROW, UNK_ROW
from .rnn import DenseRNN, StackedRNN, State
from .word_embedding import SubwordTable, WordEmbedding


class TiedAdaptiveSoftmax(nn.AdaptiveLogSoftmaxWithLoss):
    """The adaptive softmax, whose output weights are rows of the embeddings.

    Its own weights are the rows for the clusters and the projection of each cluster. All
    clusters are as wide as the embeddings. Tied weights: Press and Wolf (2017,
    https://arxiv.org/abs/1608.05859).

    :param width: width of the input and of the embeddings.
    :param rows: size of the vocabulary.
    :param cutoffs: where the clusters end, in rows.
    """

    def __init__(self, width: int, rows: int, cutoffs: Tuple[int, ...]):
        super().__init__(width, rows, list(cutoffs), div_value=1.0)
        del self.head.weight
        for _, output in map(_layers, self.tail):
            del output.weight
        self.clusters = nn.Parameter(torch.empty(len(self.tail), width))
        nn.init.uniform_(self.clusters, -0.1, 0.1)

    def score(self, read: Tensor, targets: Tensor, embeddings: Tensor) -> Tensor:
        """Log-probability of each target.

        :param read: *Shape:* (words, width)
        :param targets: *Shape:* (words,)
        :param embeddings: *Shape:* (rows, width)
        :returns: natural logarithms. *Shape:* (words,)
        """
        head = torch.cat([embeddings[: self.shortlist_size], self.clusters])
        weights = {"head.weight": head}
        for i, (start, end) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            weights[f"tail.{i}.1.weight"] = embeddings[start:end]
        return functional_call(self, weights, (read, targets)).output


def _layers(cluster: Any) -> List[nn.Module]:
    """The projection of a cluster, and its output layer."""
    return list(cluster)


def build_softmax(
    width: int, rows: int, cutoffs: Tuple[int, ...], tied: bool, div_value: float = 4.0
) -> nn.AdaptiveLogSoftmaxWithLoss:
    """The output layer of a language model (Grave et al. 2017).

    :param width: width of what it reads.
    :param rows: size of the vocabulary.
    :param cutoffs: where the clusters end, in rows.
    :param tied: whether its output weights are the embeddings'.
    :param div_value: by how much each cluster is narrower than the one before.
    """
    if tied:
        return TiedAdaptiveSoftmax(width, rows, cutoffs)
    return nn.AdaptiveLogSoftmaxWithLoss(
        width, rows, list(cutoffs), div_value=div_value
    )


def clip_cutoffs(cutoffs: Tuple[int, ...], rows: int) -> Tuple[int, ...]:
    """Cut-offs inside a vocabulary of this size; always at least one."""
    return tuple(c for c in cutoffs if c < rows) or (rows - 1,)


ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU}
CONNECTIVITIES = ("dense", "stacked")
#: Settings that JSON has as lists.
TUPLES = {"cutoffs", "ngrams", "features"}


@dataclass(frozen=True)
class LanguageModelConfig:
    """Everything about a language model but its vocabulary and direction.

    :param embed: width of the word embeddings.
    :param hidden: width of each layer's output.
    :param depth: number of layers.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param projection: width of the softmax's input; 0 for a model without softmax, which
        only an encoder can use.
    :param activation: ``identity`` or ``relu``, after the projection.
    :param cutoffs: where the clusters of the adaptive softmax end, in rows.
    :param dropout: rate on the input of the softmax.
    :param layer_dropout: rate at which the output of a whole layer is zero for the later
        layers.
    :param embed_dropout: rate on the embeddings.
    :param output_dropout: rate on the input of the projection.
    :param word_dropout: share of words that are read as the unknown word.
    :param connectivity: ``dense`` for LD-Net; ``stacked``, for comparison, where a layer
        reads the one before it and the softmax the last one. There `layer_dropout` is
        PyTorch's ordinary dropout between layers.
    :param tied: whether the softmax uses the embeddings as its own output weights.
    :param word_rows: the most frequent words that have an embedding of their own; 0
        for all.
    :param subword_rows: rows of the hashed table of subwords; 0 for none.
    :param ngrams: shortest and longest character n-grams among the subwords.
    :param features: features of whole words among the subwords.
    :param div_value: by how much each cluster of the softmax is narrower than the one
        before.
    """

    embed: int
    hidden: int
    depth: int
    unit: str
    projection: int
    activation: str
    cutoffs: Tuple[int, ...]
    dropout: float
    layer_dropout: float
    embed_dropout: float
    output_dropout: float
    # Older files lack these fields and have these values.
    word_dropout: float = 0.0
    connectivity: str = "dense"
    tied: bool = False
    word_rows: int = 0
    subword_rows: int = 0
    ngrams: Tuple[int, ...] = (0, 0)
    features: Tuple[str, ...] = ()
    div_value: float = 4.0


class LanguageModel(nn.Module):
    """Densely connected language model of one direction (Liu et al. 2018, section 3).

    The words' rows are in order of falling frequency, as the adaptive softmax (Grave
    et al. 2017, https://arxiv.org/abs/1609.04309) needs them. The caller reverses the text
    for the backward model.

    :param config: sizes and rates.
    :param rows: size of the vocabulary, symbols included.
    :param direction: ``forward`` or ``backward``; kept with the weights.
    :param layers: id of each layer: its place in the unpruned network; None for all.
    """

    def __init__(
        self,
        config: LanguageModelConfig,
        *,
        rows: int,
        direction: str,
        layers: Optional[Sequence[int]] = None,
    ):
        super().__init__()
        self.config = config
        self.rows = rows
        self.direction = direction
        self.layers = list(range(config.depth) if layers is None else layers)
        own = min(rows, config.word_rows + FIRST_WORD_ROW) if config.word_rows else rows
        self.embedding = WordEmbedding(own, config.embed, config.subword_rows)
        #: Set by :meth:`set_subwords`, where words are read by their subwords.
        self.subwords: Optional[SubwordTable] = None
        self.embed_dropout = nn.Dropout(config.embed_dropout)
        self.rnn = _build_rnn(config, self.layers)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        if config.projection:
            self._build_output(config)

    def _build_output(self, config: LanguageModelConfig) -> None:
        self.output_dropout = nn.Dropout(config.output_dropout)
        self.projection = nn.Linear(self.rnn.width, config.projection)
        self.activation = ACTIVATIONS[config.activation]()
        self.dropout = nn.Dropout(config.dropout)
        cutoffs = clip_cutoffs(config.cutoffs, self.rows)
        self.softmax = build_softmax(
            config.projection, self.rows, cutoffs, config.tied, config.div_value
        )

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return self.embedding.weight.dtype

    def set_subwords(self, ids: Tensor, offsets: Tensor) -> None:
        """Set the subwords of all words that may be read.

        :param ids: rows of the subwords. *Shape:* (subwords,)
        :param offsets: where each word's start, the symbols' first, and the end.
            *Shape:* (words + 1,)
        """
        self.subwords = SubwordTable(ids, offsets).to(self.embedding.weight.device)

    def forward(
        self,
        words: Tensor,
        targets: Tensor,
        state: Optional[State] = None,
        counted: Optional[Tensor] = None,
    ) -> Tuple[Tensor, State]:
        """Log-probability of each next word.

        :param words: rows of the words read. *Shape:* (time, batch)
        :param targets: rows of the words to predict. *Shape:* (time, batch)
        :param state: state of every layer, from the text before; None for zeros.
        :param counted: which targets are real, where others pad. *Shape:* (time, batch)
        :returns: natural logarithms, *Shape:* (time, batch), or (counted,) in the
            order of a mask, and the state.
        """
        read, state = self.read(words, state)
        # Words that are read by their subwords alone are not predicted.
        targets = targets.masked_fill(targets >= self.rows, UNK_ROW)
        if counted is not None:
            read, targets = read[counted], targets[counted]
        flat = read.reshape(-1, self.config.projection)
        # Sums over many words need full precision.
        with torch.autocast(flat.device.type, enabled=False):
            scores = self._score(flat.to(self.dtype), targets.flatten())
        return scores.view_as(targets), state

    def _score(self, read: Tensor, targets: Tensor) -> Tensor:
        if isinstance(self.softmax, TiedAdaptiveSoftmax):
            return self.softmax.score(read, targets, self.embedding.weight)
        return self.softmax(read, targets).output

    def read(
        self, words: Tensor, state: Optional[State] = None
    ) -> Tuple[Tensor, State]:
        """The input of the softmax at each word.

        :param words: rows of the words read. *Shape:* (time, batch)
        :param state: state of every layer; None for zeros.
        :returns: *Shape:* (time, batch, projection), and the state.
        :raises ValueError: E077 without a softmax.
        """
        if not self.config.projection:
            raise ValueError(Errors.E077)
        x = self.embed_dropout(self._embed(words))
        r, state = self.rnn(x, layer_dropout=self.config.layer_dropout, state=state)
        projected = self.projection(self.output_dropout(r))
        return self.dropout(self.activation(projected)), state

    def _embed(self, words: Tensor) -> Tensor:
        """Embeddings, each different word composed once.

        :param words: *Shape:* (time, batch)
        :returns: *Shape:* (time, batch, embed)
        """
        if not self.config.subword_rows:
            known = words.masked_fill(words >= self.rows, UNK_ROW)
            return self.embedding(self._drop_words(known))
        if self.subwords is None:
            raise ValueError(Errors.E160)
        types, index = words.unique(return_inverse=True)
        # A dropped word loses its own row and keeps its subwords, as unseen words do.
        own = self._drop_words(types)
        x = self.embedding.compose(own, self.subwords.bags(types))
        return F.embedding(index, x)

    def _drop_words(self, words: Tensor) -> Tensor:
        rate = self.config.word_dropout
        if not (self.training and rate):
            return words
        dropped = torch.rand(words.shape, device=words.device) < rate
        return words.masked_fill(dropped, UNK_ROW)

    def structure(self) -> Dict[str, Any]:
        """Description in JSON types, for :meth:`from_structure`."""
        structure = asdict(self.config)
        if len(self.layers) == structure["depth"]:
            # As in older files.
            del structure["depth"]
        structure["layers"] = list(self.layers)
        if not self.config.subword_rows:
            for name in ("word_rows", "subword_rows", "ngrams", "features"):
                del structure[name]
        if self.config.div_value == 4.0:
            del structure["div_value"]
        for name in TUPLES & {*structure}:
            structure[name] = list(structure[name])
        structure["rows"] = self.rows
        structure["direction"] = self.direction
        return structure

    @classmethod
    def from_structure(cls, structure: Dict[str, Any]) -> "LanguageModel":
        """Build the network that :meth:`structure` described, with random weights."""
        settings = dict(structure)
        rows = settings.pop("rows")
        direction = settings.pop("direction")
        layers = settings.pop("layers")
        settings["depth"] = unpruned_depth(structure)
        for name in TUPLES & {*settings}:
            settings[name] = tuple(settings[name])
        config = LanguageModelConfig(**settings)
        return cls(config, rows=rows, direction=direction, layers=layers)


def unpruned_depth(structure: Dict[str, Any]) -> int:
    """Number of layers before any were deleted.

    :param structure: of a language model.
    """
    return int(structure.get("depth", len(structure["layers"])))


def _build_rnn(
    config: LanguageModelConfig, layers: List[int]
) -> Union[DenseRNN, StackedRNN]:
    if config.connectivity == "stacked":
        return StackedRNN(
            embed=config.embed,
            hidden=config.hidden,
            depth=config.depth,
            unit=config.unit,
            dropout=config.layer_dropout,
        )
    return DenseRNN(
        embed=config.embed,
        hidden=config.hidden,
        layers=layers,
        unit=config.unit,
    )


def detach_state(state: State) -> State:
    """The same state without its graph."""
    return [_detach(part) for part in state]


def _detach(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(tensor.detach() for tensor in part)
    return part.detach()


def extend_vocabulary(
    model: LanguageModel, rows: int, config: LanguageModelConfig
) -> LanguageModel:
    """A copy of a language model with a larger vocabulary.

    Old words keep their weights. New words come last: their embeddings start as a copy of
    the unknown word's, and their rows of the softmax as the mean of the rarest words' rows.

    :param model: the trained model; it stays as it is.
    :param rows: size of the new vocabulary, at least that of the old one.
    :param config: the same sizes, and the rates for continued pretraining.
    """
    old = model.state_dict()
    # Cutoffs that were clipped to the old vocabulary stay where they are.
    cutoffs = clip_cutoffs(model.config.cutoffs, model.rows)
    config = replace(config, cutoffs=cutoffs)
    grown = LanguageModel(
        config, rows=rows, direction=model.direction, layers=model.layers
    )
    new = grown.state_dict()
    last = f"softmax.tail.{len(cutoffs) - 1}.1.weight"
    with torch.no_grad():
        for name, tensor in new.items():
            before = old[name]
            tensor[: len(before)].copy_(before)
            if len(tensor) > len(before):
                first = before.mean(dim=0) if name == last else before[UNK_ROW]
                tensor[len(before) :].copy_(first.expand_as(tensor[len(before) :]))
    return grown
