"""The LD-Net encoder: two language models, cut to what a tagger needs of them."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..lm_directory import DIRECTIONS
from .batching import Windows, map_windows, reorder_time, reverse_index, take_rows
from .cache import WindowCache, window_keys
from .rnn import DenseRNN
from .serialize import Structure
from .word_embedding import Bags, WordEmbedding


class BidirectionalProjection(nn.Linear):
    """``W_c [r_forward, r_backward] + b_c`` (Liu et al. 2018, section 3.2).

    Each side begins with the word's embedding, and what that contributes is the same
    wherever the word stands.

    :param embed: width of the embeddings.
    :param sides: width of each side.
    :param width: width of the output.
    """

    def __init__(self, *, embed: int, sides: Sequence[int], width: int):
        super().__init__(sum(sides), width)
        self.embed = embed
        self.sides = list(sides)

    def project_embeddings(self, embeddings: Sequence[Tensor]) -> Tensor:
        """What words give without the layers.

        :param embeddings: of each side. *Shape:* (words, embed)
        :returns: *Shape:* (words, width)
        """
        columns = torch.cat([first for first, _ in self._columns()], dim=1)
        return nn.functional.linear(
            torch.cat(list(embeddings), dim=-1), columns, self.bias
        )

    def add_hidden(self, c: Tensor, sides: Sequence[Tensor]) -> Tensor:
        """Add what the layers give.

        :param c: from :meth:`project_embeddings`. *Shape:* (time, batch, width)
        :param sides: the rest of each side. *Shape:* (time, batch, layers * hidden)
        :returns: *Shape:* (time, batch, width)
        """
        flat = c.flatten(0, 1)
        for side, (_, of_layers) in zip(sides, self._columns()):
            if of_layers.shape[1]:
                flat = torch.addmm(flat, side.flatten(0, 1), of_layers.t())
        return flat.unflatten(0, c.shape[:2])

    def _columns(self) -> List[List[Tensor]]:
        """Views of each side's weights: those of its embedding, and those of its layers."""
        columns = self.weight.split(self.sides, dim=1)
        return [list(side.tensor_split([self.embed], dim=1)) for side in columns]


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
        gates: Optional[Tensor],
        closed: Sequence[bool] = (),
        *,
        table: Optional[Tensor] = None,
        with_embeddings: bool = True,
    ) -> Tensor:
        """Read words in the order given.

        :param ids: rows of the table. *Shape:* (time, batch)
        :param gates: *Shape:* (layers,)
        :param closed: layers that need not be run.
        :param table: embeddings; None for the words' own. *Shape:* (rows, embed)
        :param with_embeddings: whether the embeddings are part of the result.
        :returns: *Shape:* (time, batch, embed + layers * hidden), or
            (time, batch, layers * hidden)
        """
        x = self.embedding(ids) if table is None else F.embedding(ids, table)
        return self.rnn(x, gates=gates, closed=closed, with_input=with_embeddings)[0]


#: Words for each different one from which on it pays to project embeddings by type.
REPEATED = 2


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of an encoder.

    :param rows: words of each direction's embedding, special rows included.
    :param embed: width of the word embeddings.
    :param hidden: width of each recurrent layer.
    :param forward: number in the unpruned network of each layer of the forward model.
    :param backward: the same of the backward model.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param width: width of the output.
    :param boundary: row of the end-of-sentence symbol, which a window starts from.
    :param vocabulary: hash of the words that the rows stand for.
    :param starts: whether a window is read from one boundary symbol on, as our own
        language models saw it in pretraining; if not, from its first word on.
    :param subword_rows: rows of the hashed table of subwords; 0 for none.
    :param ngrams: shortest and longest character n-grams among the subwords.
    :param features: features of whole words among the subwords.
    """

    rows: int
    embed: int
    hidden: int
    forward: Tuple[int, ...]
    backward: Tuple[int, ...]
    unit: str
    width: int
    boundary: int
    vocabulary: str = ""
    # Files of older versions do not say it: theirs do.
    starts: bool = True
    # Nor this: theirs have no subwords.
    subword_rows: int = 0
    ngrams: Tuple[int, ...] = (0, 0)
    features: Tuple[str, ...] = ()


@dataclass(frozen=True)
class EncoderWords:
    """The different words among some words.

    :param ids: row of the embedding of each. *Shape:* (types,)
    :param inverse: which of them each word is; the number of types for the boundary
        symbol. *Shape:* (words,)
    :param bags: their subwords, where there are any.
    :param embeddings: what :meth:`LDNetEncoder.compose` gave for them, if it is known.
        *Shape:* (types, 2 * embed)
    :param keys: what tells them from the types of other batches; None for the rows.
        *Shape:* (types,)
    """

    ids: Tensor
    inverse: Tensor
    bags: Optional[Bags] = None
    embeddings: Optional[Tensor] = None
    keys: Optional[Tensor] = None


@dataclass(frozen=True)
class Tables:
    """Embeddings of both directions, and what reads them.

    :param forward: *Shape:* (rows, embed)
    :param backward: *Shape:* (rows, embed)
    :param boundary: row of the boundary symbol.
    """

    forward: Tensor
    backward: Tensor
    boundary: int


class LDNetEncoder(nn.Module):
    """``c = ReLU(W_c [r_forward, r_backward] + b_c)`` for every word.

    Liu et al. 2018, section 3.2. The gates of both directions lie in one parameter,
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
            sides=[backbone.rnn.width for backbone in self.backbones.values()],
            width=config.width,
        )
        self.dropout = 0.0
        #: Set while gates are trained, and a closed one stays closed.
        self.gates_frozen = False
        #: Set while nothing below `project` is trained.
        self.features: Optional[WindowCache] = None

    @property
    def backbones(self) -> Dict[str, LMBackbone]:
        """The language model of each direction."""
        return {name: getattr(self, f"{name}_lm") for name in DIRECTIONS}

    def gates_of(self, direction: str) -> Tensor:
        """*Shape:* (layers of that direction,)"""
        layers = len(self.config.forward)
        return self.gates[:layers] if direction == "forward" else self.gates[layers:]

    def by_direction(self, positions: Sequence[int]) -> Dict[str, List[int]]:
        """Positions among all gates, as positions among each direction's layers."""
        ahead = len(self.config.forward)
        return {
            "forward": [i for i in positions if i < ahead],
            "backward": [i - ahead for i in positions if i >= ahead],
        }

    @property
    def lm_macs(self) -> int:
        """Multiply-accumulates a word of both language models."""
        return sum(backbone.rnn.macs for backbone in self.backbones.values())

    @property
    def macs(self) -> int:
        """Multiply-accumulates a word of the whole encoder."""
        return self.lm_macs + self.project.in_features * self.project.out_features

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

    def forward(
        self,
        ids: Optional[Tensor],
        windows: Windows,
        types: Optional[EncoderWords] = None,
    ) -> Tensor:
        """Encode words that lie in windows.

        :param ids: rows of the embedding; None with `types`. *Shape:* (words,)
        :param windows: every word is kept by exactly one of them.
        :param types: the different words. Words with subwords have to be given so.
        :returns: *Shape:* (words, width)
        """
        if types is None:
            assert ids is not None
            types = EncoderWords(*ids.unique(return_inverse=True))
        boundary = types.ids.new_full((1,), self.config.boundary)
        rows = torch.cat([types.ids, boundary])
        if self.config.subword_rows:
            tables = self._composed_tables(types)
            rows = torch.arange(len(rows), device=rows.device)
        else:
            tables = self.own_tables()
        ids = rows[types.inverse]
        if not torch.is_grad_enabled():
            if len(ids) >= REPEATED * len(types.ids):
                return self._by_type(ids, windows, types.inverse, rows, tables)
        elif self.features is not None:
            keys = ids
            if types.keys is not None:
                keys = torch.cat([types.keys, boundary])[types.inverse]
            return self.mix(
                self._kept_states(ids, keys, windows, self.features, tables)
            )
        out = self.project.weight.new_empty(len(ids), self.config.width)
        return map_windows(
            windows,
            out,
            lambda index, lengths: self.mix(self.states(ids[index], lengths, tables)),
        )

    def compose(self, rows: Tensor, bags: Optional[Bags]) -> Tensor:
        """Embeddings of words in both directions.

        :param rows: rows of the words. *Shape:* (words,)
        :param bags: their subwords; None where there are none.
        :returns: *Shape:* (words, 2 * embed)
        """
        backbones = self.backbones.values()
        return torch.cat([t.embedding.compose(rows, bags) for t in backbones], dim=-1)

    def own_tables(self) -> Tables:
        """Embeddings of the words that have a row of their own, without subwords."""
        ahead, behind = (
            backbone.embedding.weight for backbone in self.backbones.values()
        )
        return Tables(ahead, behind, self.config.boundary)

    def _composed_tables(self, types: EncoderWords) -> Tables:
        embeddings = types.embeddings
        if embeddings is None:
            embeddings = self.compose(types.ids, types.bags)
        symbols = [
            t.embedding.weight[self.config.boundary] for t in self.backbones.values()
        ]
        whole = torch.cat([embeddings, torch.cat(symbols).unsqueeze(0)])
        ahead, behind = whole.split(self.config.embed, dim=1)
        return Tables(ahead, behind, len(types.ids))

    def _by_type(
        self,
        ids: Tensor,
        windows: Windows,
        inverse: Tensor,
        rows: Tensor,
        tables: Tables,
    ) -> Tensor:
        """What is read of embeddings alone is the same wherever a word stands, so that
        it is computed once for each different word; no gradients.
        """
        embeddings = [F.embedding(rows, t) for t in (tables.forward, tables.backward)]
        of_types = self.project.project_embeddings(embeddings)

        def read(index: Tensor, lengths: Tensor) -> Tensor:
            c = take_rows(of_types, inverse[index])
            sides = self.sides(ids[index], lengths, tables, with_embeddings=False)
            return self._activate(self.project.add_hidden(c, sides))

        out = self.project.weight.new_empty(len(ids), self.config.width)
        return map_windows(windows, out, read)

    def states(self, ids: Tensor, lengths: Tensor, tables: Tables) -> Tensor:
        """Output of both language models for a padded batch of windows.

        :param ids: rows of the tables. *Shape:* (time, batch)
        :param lengths: *Shape:* (batch,)
        :param tables: embeddings.
        :returns: *Shape:* (time, batch, width of both)
        """
        return torch.cat(self.sides(ids, lengths, tables), dim=-1)

    def sides(
        self,
        ids: Tensor,
        lengths: Tensor,
        tables: Tables,
        *,
        with_embeddings: bool = True,
    ) -> Tuple[Tensor, Tensor]:
        """The same of each on its own, with or without the embeddings."""
        backwards = reverse_index(lengths, len(ids))
        reversed_ids = ids.gather(0, backwards)
        ahead = self.read("forward", ids, tables, with_embeddings)
        behind = self.read("backward", reversed_ids, tables, with_embeddings)
        return ahead, reorder_time(behind, backwards)

    def mix(self, states: Tensor) -> Tensor:
        """What is trained of the encoder, on top of the language models."""
        return self._activate(self.project(states))

    def _activate(self, c: Tensor) -> Tensor:
        return nn.functional.dropout(torch.relu(c), self.dropout, self.training)

    def _kept_states(
        self,
        ids: Tensor,
        names: Tensor,
        windows: Windows,
        features: WindowCache,
        tables: Tables,
    ) -> Tensor:
        """Output of both language models for all words, read only where it is new.

        :returns: *Shape:* (words, width of both)
        """
        keys = window_keys(names, windows)
        out = self.project.weight.new_empty(len(ids), self.project.in_features)
        starts = (windows.starts + windows.keep_from).tolist()
        missing = features.fill(out, keys, starts)
        if missing:
            with torch.no_grad():
                out = map_windows(
                    windows.select(missing),
                    out,
                    lambda index, lengths: self.states(ids[index], lengths, tables),
                )
        for i in missing:
            features.add(keys[i], out[starts[i] :][: keys[i][2] - keys[i][1]])
        return out

    def read(
        self, direction: str, ids: Tensor, tables: Tables, with_embeddings: bool = True
    ) -> Tensor:
        """Output of one language model, without that of a starting symbol."""
        backbone = partial(
            self.backbones[direction],
            table=getattr(tables, direction),
            with_embeddings=with_embeddings,
        )
        gates = self.gates_of(direction)
        idle = not self.gates.requires_grad and torch.equal(
            gates, torch.ones_like(gates)
        )
        skip = int(self.config.starts)
        start = ids.new_full((skip, ids.shape[1]), tables.boundary)
        ids = torch.cat([start, ids])
        if idle:
            return backbone(ids, None)[skip:]
        final = self.gates_frozen or not (
            gates.requires_grad and torch.is_grad_enabled()
        )
        closed = (gates == 0).tolist() if final else ()
        return backbone(ids, gates, closed)[skip:]
