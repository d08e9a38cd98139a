"""The LD-Net encoder: two language models, cut to what a tagger needs of them."""

from dataclasses import asdict, dataclass
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..inputs import EncoderWords, Windows
from ..lm_directory import DIRECTIONS, LayerId, LayerIndex
from .batching import map_windows, reorder_time, reverse_index, take_rows
from .cache import WindowCache, window_keys
from .rnn import DenseRNN
from .serialize import Structure
from .word_embedding import Bags, WordEmbedding

#: Tokens per type from which on it is faster to project the embeddings of types.
REPEATED = 2


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of an encoder, as they are saved with it.

    :param rows: words of each direction's embedding, special rows included.
    :param embed: width of the word embeddings.
    :param hidden: width of each recurrent layer.
    :param forward: id of each layer of the forward model: its place in the unpruned
        network.
    :param backward: the same for the backward model.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param width: width of the output.
    :param boundary: row of the end-of-sentence symbol, which a window starts with.
    :param vocabulary: hash of the words that the rows stand for.
    :param starts: whether a window starts with a boundary symbol, as a text does in
        pretraining; if not, with its first word.
    :param subword_rows: rows of the hashed table of subwords; 0 for none.
    :param ngrams: shortest and longest character n-grams among the subwords.
    :param features: features of whole words among the subwords.
    """

    rows: int
    embed: int
    hidden: int
    forward: Tuple[LayerId, ...]
    backward: Tuple[LayerId, ...]
    unit: str
    width: int
    boundary: int
    vocabulary: str = ""
    # Older files lack these fields and have these values.
    starts: bool = True
    subword_rows: int = 0
    ngrams: Tuple[int, ...] = (0, 0)
    features: Tuple[str, ...] = ()


class LMBackbone(nn.Module):
    """Embedding and recurrent layers of one direction, without the softmax."""

    def __init__(
        self,
        *,
        rows: int,
        embed: int,
        hidden: int,
        layers: Sequence[int],
        unit: str,
        subword_rows: int = 0,
    ):
        super().__init__()
        self.embedding = WordEmbedding(rows, embed, subword_rows)
        self.rnn = DenseRNN(embed=embed, hidden=hidden, layers=layers, unit=unit)

    def forward(
        self,
        ids: Tensor,
        table: Tensor,
        *,
        gates: Optional[Tensor] = None,
        closed: Sequence[bool] = (),
        with_embeddings: bool = True,
    ) -> Tensor:
        """Read words in the order given.

        :param ids: rows of the table. *Shape:* (time, batch)
        :param table: embeddings. *Shape:* (rows, embed)
        :param gates: None for all ones. *Shape:* (layers,)
        :param closed: whether each layer need not be run; empty if all are run.
        :param with_embeddings: whether the embeddings are part of the result.
        :returns: *Shape:* (time, batch, embed + layers * hidden), or
            (time, batch, layers * hidden)
        """
        x = F.embedding(ids, table)
        return self.rnn(x, gates=gates, closed=closed, with_input=with_embeddings)[0]


class BidirectionalProjection(nn.Linear):
    """``W_c [r_forward, r_backward] + b_c`` (Liu et al. 2018, section 3.2).

    The part of each direction begins with the word's embedding, and what that
    contributes is the same wherever the word stands.

    :param embed: width of the embeddings.
    :param widths: width of each direction's part.
    :param width: width of the output.
    """

    def __init__(self, *, embed: int, widths: Sequence[int], width: int):
        super().__init__(sum(widths), width)
        self.embed = embed
        self.widths = list(widths)

    def project_embeddings(self, embeddings: Tensor) -> Tensor:
        """The output for words without the layers.

        :param embeddings: of both directions. *Shape:* (words, 2 * embed)
        :returns: *Shape:* (words, width)
        """
        columns = torch.cat([first for first, _ in self._columns()], dim=1)
        return F.linear(embeddings, columns, self.bias)

    def add_hidden(self, c: Tensor, hidden: Sequence[Tensor]) -> Tensor:
        """Add the contribution of the layers.

        :param c: from :meth:`project_embeddings`. *Shape:* (time, batch, width)
        :param hidden: outputs of each direction's layers. *Shape:*
            (time, batch, layers * hidden)
        :returns: *Shape:* (time, batch, width)
        """
        flat = c.flatten(0, 1)
        for h, (_, columns) in zip(hidden, self._columns()):
            if columns.shape[1]:
                flat = torch.addmm(flat, h.flatten(0, 1), columns.t())
        return flat.unflatten(0, c.shape[:2])

    def _columns(self) -> List[List[Tensor]]:
        """Views of each direction's weights: those of its embedding and of its layers."""
        parts = self.weight.split(self.widths, dim=1)
        return [list(part.tensor_split([self.embed], dim=1)) for part in parts]


class LDNetEncoder(nn.Module):
    """``c = ReLU(W_c [r_forward, r_backward] + b_c)`` for every word.

    Liu et al. 2018, section 3.2. The gates of both directions are one parameter,
    forward first, since the penalty counts them together.

    :param config: the sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        for direction in DIRECTIONS:
            backbone = LMBackbone(
                rows=config.rows,
                embed=config.embed,
                hidden=config.hidden,
                layers=getattr(config, direction),
                unit=config.unit,
                subword_rows=config.subword_rows,
            )
            self.add_module(f"{direction}_lm", backbone)
        layers = len(config.forward) + len(config.backward)
        self.gates = nn.Parameter(torch.ones(layers), requires_grad=False)
        self.project = BidirectionalProjection(
            embed=config.embed,
            widths=[backbone.rnn.width for backbone in self.backbones.values()],
            width=config.width,
        )

    @property
    def backbones(self) -> Dict[str, LMBackbone]:
        """The language model of each direction."""
        return {name: getattr(self, f"{name}_lm") for name in DIRECTIONS}

    def gates_of(self, direction: str) -> Tensor:
        """*Shape:* (layers of that direction,)"""
        n_forward = len(self.config.forward)
        if direction == "forward":
            return self.gates[:n_forward]
        return self.gates[n_forward:]

    def by_direction(self, positions: Sequence[int]) -> Dict[str, List[LayerIndex]]:
        """Places among all gates, as indices of each direction's layers."""
        n_forward = len(self.config.forward)
        return {
            "forward": [LayerIndex(i) for i in positions if i < n_forward],
            "backward": [
                LayerIndex(i - n_forward) for i in positions if i >= n_forward
            ],
        }

    @property
    def lm_macs(self) -> int:
        """Multiply-accumulates per word of both language models."""
        return sum(backbone.rnn.macs for backbone in self.backbones.values())

    def structure(self) -> Structure:
        structure = asdict(self.config)
        if not self.config.subword_rows:
            for name in ("subword_rows", "ngrams", "features"):
                del structure[name]
        return structure

    @classmethod
    def from_structure(cls, structure: Structure) -> "LDNetEncoder":
        lists = {k: tuple(v) for k, v in structure.items() if isinstance(v, list)}
        return cls(EncoderConfig(**{**structure, **lists}))

    @property
    def frozen(self) -> bool:
        """Whether nothing is trained below `project`."""
        parts = [*self.backbones.values()]
        trained = any(w.requires_grad for part in parts for w in part.parameters())
        return not trained and not self.gates.requires_grad

    def train_language_models(self, train: bool, *, embeddings: bool = True) -> None:
        """Let the language models' weights be trained, or freeze them.

        :param train: whether to train them.
        :param embeddings: whether that includes the words' embeddings.
        """
        for backbone in self.backbones.values():
            backbone.rnn.requires_grad_(train)
            backbone.embedding.requires_grad_(train and embeddings)

    def compose(self, ids: Tensor, bags: Optional[Bags]) -> Tensor:
        """Embeddings of words in both directions.

        :param ids: rows of the words. *Shape:* (words,)
        :param bags: their subwords; None where there are none.
        :returns: *Shape:* (words, 2 * embed)
        """
        backbones = self.backbones.values()
        return torch.cat([b.embedding.compose(ids, bags) for b in backbones], dim=-1)

    def forward(
        self,
        words: EncoderWords[Tensor],
        windows: Windows[Tensor],
        *,
        dropout: float = 0.0,
        gates_frozen: bool = False,
        cache: Optional[WindowCache] = None,
    ) -> Tensor:
        """Encode words that lie in windows.

        :param words: the words.
        :param windows: every word is kept by exactly one of them.
        :param dropout: rate on the output, in training.
        :param gates_frozen: whether a gate that is zero stays zero although gates are
            trained, so that its layer need not be run.
        :param cache: outputs of the language models for windows that were read before;
            only while both are :attr:`frozen`.
        :returns: *Shape:* (words, width)
        """
        call = _Call(words.inverse, self._tables(words), self._gating(gates_frozen))
        size = len(words.inverse)
        if cache is not None:
            states = self._cached_states(call, self._keys(words), windows, cache)
            c = self._project(states)
        elif size >= REPEATED * len(words.ids) and not torch.is_grad_enabled():
            c = self._encode_by_type(call, windows)
        else:
            c = map_windows(
                windows,
                self._empty(size, self.config.width),
                lambda index, lengths: self._project(
                    self._states(call, index, lengths)
                ),
            )
        return F.dropout(c, dropout, self.training)

    def _tables(self, words: EncoderWords[Tensor]) -> List[Tensor]:
        """Embeddings of the types in each direction, and then of the boundary symbol.

        *Shape:* (types + 1, embed) each
        """
        embeddings = [backbone.embedding for backbone in self.backbones.values()]
        if words.embeddings is None:
            types = [e.compose(words.ids, words.bags) for e in embeddings]
        else:
            types = list(words.embeddings.split(self.config.embed, dim=1))
        row = self.config.boundary
        symbols = [e.weight[row : row + 1] for e in embeddings]
        return [torch.cat(pair) for pair in zip(types, symbols)]

    def _gating(self, gates_frozen: bool) -> List["_Gating"]:
        trained = self.gates.requires_grad
        final = gates_frozen or not (trained and torch.is_grad_enabled())
        found = []
        for direction in DIRECTIONS:
            gates = self.gates_of(direction)
            if not trained and bool((gates == 1).all()):
                found.append(_Gating(None, []))
            else:
                found.append(_Gating(gates, (gates == 0).tolist() if final else []))
        return found

    def _project(self, states: Tensor) -> Tensor:
        return torch.relu(self.project(states))

    def _empty(self, *shape: int) -> Tensor:
        return self.project.weight.new_empty(*shape)

    def _states(self, call: "_Call", index: Tensor, lengths: Tensor) -> Tensor:
        """*Shape:* (time, batch, width of both directions)"""
        return torch.cat(self._read(call, index, lengths), dim=-1)

    def _read(
        self,
        call: "_Call",
        index: Tensor,
        lengths: Tensor,
        *,
        with_embeddings: bool = True,
    ) -> List[Tensor]:
        """Run both language models over a padded batch of windows.

        :param index: positions of the words. *Shape:* (time, batch)
        :param lengths: *Shape:* (batch,)
        :returns: the output of each. *Shape:* (time, batch, embed + layers * hidden),
            or (time, batch, layers * hidden) without the embeddings
        """
        types = call.inverse[index]
        backwards = reverse_index(lengths, len(types))
        boundary = len(call.tables[0]) - 1
        skip = int(self.config.starts)
        start = types.new_full((skip, types.shape[1]), boundary)
        outputs = []
        for backbone, ordered, table, (gates, closed) in zip(
            self.backbones.values(),
            (types, types.gather(0, backwards)),
            call.tables,
            call.gating,
        ):
            read = backbone(
                torch.cat([start, ordered]),
                table,
                gates=gates,
                closed=closed,
                with_embeddings=with_embeddings,
            )
            outputs.append(read[skip:])
        return [outputs[0], reorder_time(outputs[1], backwards)]

    def _encode_by_type(self, call: "_Call", windows: Windows[Tensor]) -> Tensor:
        """Encode without gradients, and project the embedding of each type once.

        :returns: *Shape:* (words, width)
        """
        projected = self.project.project_embeddings(torch.cat(call.tables, dim=1))

        def encode(index: Tensor, lengths: Tensor) -> Tensor:
            c = take_rows(projected, call.inverse[index])
            hidden = self._read(call, index, lengths, with_embeddings=False)
            return torch.relu(self.project.add_hidden(c, hidden))

        out = self._empty(len(call.inverse), self.config.width)
        return map_windows(windows, out, encode)

    def _keys(self, words: EncoderWords[Tensor]) -> Tensor:
        """A number for each word that is the same in all batches. *Shape:* (words,)"""
        keys = words.ids if words.keys is None else words.keys
        boundary = keys.new_full((1,), self.config.boundary)
        return torch.cat([keys, boundary])[words.inverse]

    def _cached_states(
        self,
        call: "_Call",
        keys: Tensor,
        windows: Windows[Tensor],
        cache: WindowCache,
    ) -> Tensor:
        """Outputs of both language models, computed only for windows that are new.

        :returns: *Shape:* (words, width of both)
        """
        names = window_keys(keys, windows)
        out = self._empty(len(keys), self.project.in_features)
        starts = (windows.starts + windows.keep_from).tolist()
        missing = cache.fill(out, names, starts)
        if missing:
            with torch.no_grad():
                out = map_windows(
                    windows.select(missing),
                    out,
                    lambda index, lengths: self._states(call, index, lengths),
                )
        for i in missing:
            cache.add(names[i], out[starts[i] :][: names[i][2] - names[i][1]])
        return out


class _Gating(NamedTuple):
    """Gates of one direction, None for all ones, and which layers need not be run."""

    gates: Optional[Tensor]
    closed: List[bool]


class _Call(NamedTuple):
    """Inputs of a call that all windows share.

    :param inverse: type of each word, the boundary symbol being the last.
        *Shape:* (words,)
    :param tables: the types' embeddings in each direction. *Shape:* (types + 1, embed)
    :param gating: of each direction.
    """

    inverse: Tensor
    tables: List[Tensor]
    gating: List[_Gating]
