"""The two pruned or unpruned language models, read as one encoder."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..lm_directory import DIRECTIONS
from .batching import reorder_time, reverse_index, take_rows
from .feature_cache import FeatureCache, window_keys
from .projection import SidesProjection
from .serialize import Structure
from .trunk import LanguageModelTrunk
from .windows import Windows, read_windows

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


@dataclass(frozen=True)
class WordTypes:
    """The different words among some words.

    :param rows: row of the embedding of each. *Shape:* (types,)
    :param of_words: which of them each word is. *Shape:* (words,)
    """

    rows: Tensor
    of_words: Tensor


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
            trunk = LanguageModelTrunk(
                rows=config.rows,
                embed=config.embed,
                hidden=config.hidden,
                layers=getattr(config, direction),
                unit=config.unit,
            )
            self.add_module(f"{direction}_lm", trunk)
        layers = len(config.forward) + len(config.backward)
        self.gates = nn.Parameter(torch.ones(layers), requires_grad=False)
        self.project = SidesProjection(
            embed=config.embed,
            sides=[trunk.rnn.width for trunk in self.trunks.values()],
            width=config.width,
        )
        self.dropout = 0.0
        #: Set while gates are trained, and a closed one stays closed.
        self.settled = False
        #: Set while nothing below `project` is trained.
        self.features: Optional[FeatureCache] = None

    @property
    def trunks(self) -> Dict[str, LanguageModelTrunk]:
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
        return sum(trunk.rnn.macs for trunk in self.trunks.values())

    @property
    def macs(self) -> int:
        """Multiply-accumulates a word of the whole encoder."""
        return self.lm_macs + self.project.in_features * self.project.out_features

    def structure(self) -> Structure:
        return asdict(self.config)

    @classmethod
    def from_structure(cls, structure: Structure) -> "LDNetEncoder":
        layers = {name: tuple(structure[name]) for name in DIRECTIONS}
        return cls(EncoderConfig(**{**structure, **layers}))

    @property
    def frozen(self) -> bool:
        """Whether nothing is trained below `project`."""
        parts = [*self.trunks.values()]
        trained = any(w.requires_grad for part in parts for w in part.parameters())
        return not trained and not self.gates.requires_grad

    def train_language_models(self, train: bool, *, embeddings: bool = True) -> None:
        """Let the language models' weights be trained, or freeze them.

        :param train: whether to train them.
        :param embeddings: whether that includes the words' embeddings.
        """
        for trunk in self.trunks.values():
            trunk.rnn.requires_grad_(train)
            trunk.embedding.requires_grad_(train and embeddings)

    def forward(
        self, ids: Tensor, windows: Windows, types: Optional[WordTypes] = None
    ) -> Tensor:
        """Encode words that lie in windows.

        :param ids: rows of the embedding. *Shape:* (words,)
        :param windows: every word is kept by exactly one of them.
        :param types: the different words, if they are known.
        :returns: *Shape:* (words, width)
        """
        if not torch.is_grad_enabled():
            types = types or WordTypes(*ids.unique(return_inverse=True))
            if len(ids) >= REPEATED * len(types.rows):
                return self._by_type(ids, windows, types)
        elif self.features is not None:
            return self.mix(self._kept_states(ids, windows, self.features))
        out = self.project.weight.new_empty(len(ids), self.config.width)
        return read_windows(
            windows,
            out,
            lambda index, lengths: self.mix(self.states(ids[index], lengths)),
        )

    def _by_type(self, ids: Tensor, windows: Windows, types: WordTypes) -> Tensor:
        """What is read of embeddings alone is the same wherever a word stands, so that
        it is computed once for each different word; no gradients.
        """
        embeddings = [trunk.embedding(types.rows) for trunk in self.trunks.values()]
        of_types = self.project.of_embeddings(embeddings)

        def read(index: Tensor, lengths: Tensor) -> Tensor:
            c = take_rows(of_types, types.of_words[index])
            sides = self.sides(ids[index], lengths, with_embeddings=False)
            return self._activate(self.project.add_layers(c, sides))

        out = self.project.weight.new_empty(len(ids), self.config.width)
        return read_windows(windows, out, read)

    def states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Output of both language models for a padded batch of windows.

        :param ids: *Shape:* (time, batch)
        :param lengths: *Shape:* (batch,)
        :returns: *Shape:* (time, batch, width of both)
        """
        return torch.cat(self.sides(ids, lengths), dim=-1)

    def sides(
        self, ids: Tensor, lengths: Tensor, *, with_embeddings: bool = True
    ) -> Tuple[Tensor, Tensor]:
        """The same of each on its own, with or without the embeddings."""
        backwards = reverse_index(lengths, len(ids))
        ahead = self.read("forward", ids, with_embeddings)
        behind = self.read("backward", ids.gather(0, backwards), with_embeddings)
        return ahead, reorder_time(behind, backwards)

    def mix(self, states: Tensor) -> Tensor:
        """What is trained of the encoder, on top of the language models."""
        return self._activate(self.project(states))

    def _activate(self, c: Tensor) -> Tensor:
        return nn.functional.dropout(torch.relu(c), self.dropout, self.training)

    def _kept_states(
        self, ids: Tensor, windows: Windows, features: FeatureCache
    ) -> Tensor:
        """Output of both language models for all words, read only where it is new.

        :returns: *Shape:* (words, width of both)
        """
        keys = window_keys(ids, windows)
        out = self.project.weight.new_empty(len(ids), self.project.in_features)
        starts = (windows.starts + windows.keep_from).tolist()
        missing = features.fill(out, keys, starts)
        if missing:
            with torch.no_grad():
                out = read_windows(
                    windows.select(missing),
                    out,
                    lambda index, lengths: self.states(ids[index], lengths),
                )
        for i in missing:
            features.add(keys[i], out[starts[i] :][: keys[i][2] - keys[i][1]])
        return out

    def read(self, direction: str, ids: Tensor, with_embeddings: bool = True) -> Tensor:
        """Output of one language model, without that of a starting symbol."""
        trunk = partial(self.trunks[direction], with_embeddings=with_embeddings)
        gates = self.gates_of(direction)
        idle = not self.gates.requires_grad and torch.equal(
            gates, torch.ones_like(gates)
        )
        skip = int(self.config.starts)
        start = ids.new_full((skip, ids.shape[1]), self.config.boundary)
        ids = torch.cat([start, ids])
        if idle:
            return trunk(ids, None)[skip:]
        final = self.settled or not (gates.requires_grad and torch.is_grad_enabled())
        closed = (gates == 0).tolist() if final else ()
        return trunk(ids, gates, closed)[skip:]
