"""One direction's language model: embeddings, dense layers, adaptive softmax."""

from dataclasses import asdict, dataclass
from typing import Any, Dict, Optional, Tuple

from torch import Tensor, nn

from .dense_rnn import DenseRNN, State

ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU}


@dataclass(frozen=True)
class LanguageModelConfig:
    """Everything about a language model but its vocabulary and direction.

    :param embed: width of the word embeddings.
    :param hidden: width of each layer's output.
    :param depth: number of layers.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param projection: width of what the softmax reads.
    :param activation: ``identity`` or ``relu``, after the projection.
    :param cutoffs: where the clusters of the adaptive softmax end, in rows.
    :param dropout: rate on what the softmax reads.
    :param layer_dropout: rate of whole layers on the way to later layers.
    :param embed_dropout: rate on the embeddings.
    :param output_dropout: rate on what the projection reads.
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


class LanguageModel(nn.Module):
    """Densely connected language model of one direction (Liu et al. 2018, section 3).

    The words' rows are in order of falling frequency, as the adaptive softmax (Grave
    et al. 2017, https://arxiv.org/abs/1609.04309) needs them. Reversing the text for
    the backward model is the caller's affair.

    :param config: sizes and rates.
    :param rows: size of the vocabulary, symbols included.
    :param direction: ``forward`` or ``backward``; kept with the weights.
    """

    def __init__(self, config: LanguageModelConfig, *, rows: int, direction: str):
        super().__init__()
        self.config = config
        self.rows = rows
        self.direction = direction
        self.embedding = nn.Embedding(rows, config.embed)
        self.embed_dropout = nn.Dropout(config.embed_dropout)
        self.rnn = DenseRNN(
            embed=config.embed,
            hidden=config.hidden,
            layers=range(config.depth),
            unit=config.unit,
        )
        self.output_dropout = nn.Dropout(config.output_dropout)
        self.projection = nn.Linear(self.rnn.width, config.projection)
        self.activation = ACTIVATIONS[config.activation]()
        self.dropout = nn.Dropout(config.dropout)
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            config.projection, rows, list(clip_cutoffs(config.cutoffs, rows))
        )
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def forward(
        self, words: Tensor, targets: Tensor, state: Optional[State] = None
    ) -> Tuple[Tensor, State]:
        """Log-probability of each next word.

        :param words: rows of the words read. *Shape:* (time, batch)
        :param targets: rows of the words to predict. *Shape:* (time, batch)
        :param state: state of every layer, from the text before; None for zeros.
        :returns: natural logarithms, *Shape:* (time, batch), and the state.
        """
        read, state = self.read(words, state)
        scores = self.softmax(read.flatten(0, 1), targets.flatten()).output
        return scores.view_as(targets), state

    def read(
        self, words: Tensor, state: Optional[State] = None
    ) -> Tuple[Tensor, State]:
        """What the softmax reads at each word.

        :param words: rows of the words read. *Shape:* (time, batch)
        :param state: state of every layer; None for zeros.
        :returns: *Shape:* (time, batch, projection), and the state.
        """
        x = self.embed_dropout(self.embedding(words))
        r, state = self.rnn(x, layer_dropout=self.config.layer_dropout, state=state)
        projected = self.projection(self.output_dropout(r))
        return self.dropout(self.activation(projected)), state

    def structure(self) -> Dict[str, Any]:
        """Description in JSON types, for :meth:`from_structure`."""
        structure = asdict(self.config)
        structure["layers"] = list(range(structure.pop("depth")))
        structure["cutoffs"] = list(self.config.cutoffs)
        structure["rows"] = self.rows
        structure["direction"] = self.direction
        return structure

    @classmethod
    def from_structure(cls, structure: Dict[str, Any]) -> "LanguageModel":
        """Build the network that :meth:`structure` described, with random weights."""
        settings = dict(structure)
        rows = settings.pop("rows")
        direction = settings.pop("direction")
        settings["depth"] = len(settings.pop("layers"))
        settings["cutoffs"] = tuple(settings["cutoffs"])
        return cls(LanguageModelConfig(**settings), rows=rows, direction=direction)


def clip_cutoffs(cutoffs: Tuple[int, ...], rows: int) -> Tuple[int, ...]:
    """Cut-offs inside a vocabulary of this size; always at least one."""
    return tuple(c for c in cutoffs if c < rows) or (rows - 1,)


def detach_state(state: State) -> State:
    """The same state, without the graph that led to it."""
    return [_detach(part) for part in state]


def _detach(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(tensor.detach() for tensor in part)
    return part.detach()
