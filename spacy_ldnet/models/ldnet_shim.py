"""The encoder's shim: its words, its gates, and what is trained of it."""

from contextlib import contextmanager
from typing import Any, Callable, Collection, Dict, Iterator, List, Optional, Sequence

import numpy
import torch

from ..errors import Errors
from ..lm_directory import DIRECTIONS
from ..nn.budgets import Budget, LayerBudget, MacsBudget, choose_strongest
from ..nn.dense_rnn import dense_macs
from ..nn.encoder import LDNetEncoder, WordTypes
from ..nn.feature_cache import FeatureCache
from ..nn.gates import live_layers
from ..nn.prune import fold_gates, keep_layers, open_layers
from ..nn.row_cache import RowCache
from ..nn.serialize import vocabulary_hash
from ..nn.word_embedding import Bags
from ..subwords import find_subwords, subwords_of
from .gate_shim import GateShim
from .word_shim import WordShim
from .words import Types

#: Words whose composed embeddings are kept.
CACHED_WORDS = 50_000
#: What the names of the language models' weights begin with.
TRUNKS = tuple(f"{direction}_lm." for direction in DIRECTIONS)


class LDNetShim(GateShim, WordShim):
    """Holds both language models, their vocabulary, the gates and their penalty.

    cfg["train_lm"] (bool): Whether the language models' weights are trained.
    cfg["lm_rate"] (float): Their learning rate, as a share of that of other weights.
    """

    parts = DIRECTIONS

    def __init__(
        self,
        *,
        mixed_precision: bool = False,
        precision: str = "float32",
        cache_mb: int = 0,
    ) -> None:
        """mixed_precision (bool): See ModuleShim.
        precision (str): See ModuleShim.
        cache_mb (int): Memory for what frozen language models gave in training.
        """
        self.features = FeatureCache(cache_mb * 10**6)
        self.embeddings = RowCache(CACHED_WORDS)
        super().__init__(
            LDNetEncoder, mixed_precision=mixed_precision, precision=precision
        )
        self.start_gates()
        self.cfg.update(train_lm=False, lm_rate=1.0)

    def load(self, module: LDNetEncoder, words: List[str]) -> None:
        """module (LDNetEncoder): The network.
        words (List[str]): Words of its rows, from FIRST_WORD_ROW.
        """
        self.module = module
        self.embeddings.clear()
        self.set_words(words)
        self._gate_optimizer = None
        module.train_language_models(self.cfg["train_lm"])

    def train_layers(self, train: bool, rate: float) -> None:
        """Let the language models' layers be trained, or freeze them.

        train (bool): Whether to train them; their embeddings stay frozen.
        rate (float): Their learning rate, as a share of that of other weights.
        """
        self.cfg["lm_rate"] = rate
        if self.module is not None:
            self.module.train_language_models(train, embeddings=False)

    def prepare_update(self) -> None:
        super().prepare_update()
        self.module.features = self.features if self.module.frozen else None

    def forget(self, changed: Optional[Collection[str]] = None) -> None:
        below = ("gates", *TRUNKS)
        if changed is None or any(name.startswith(below) for name in changed):
            self.features.clear()
            self.embeddings.clear()

    def read_types(
        self, types: Types, of_words: numpy.ndarray, texts: Callable[[Any], List[str]]
    ) -> WordTypes:
        """types (Types): The different words of a batch.
        of_words (ndarray): Which of them each word is. Shape: (words,)
        texts (Callable): Gives the strings of some of them, chosen by their positions.
        RETURNS (WordTypes): What the network reads.
        """
        device, module = self.device, self.module
        rows = torch.from_numpy(self.rows(types.keys)).to(device)
        index = torch.from_numpy(of_words).to(device)
        if not module.config.subword_rows:
            return WordTypes(rows, index)

        def bags(some: numpy.ndarray) -> Bags:
            found = find_subwords(texts(some), subwords_of(module.config))
            arrays = (found.ids, found.offsets[:-1])
            ids, offsets = (torch.from_numpy(a).to(device) for a in arrays)
            return ids, offsets

        def compose(some: numpy.ndarray) -> Any:
            with torch.no_grad():
                return module.compose(
                    rows[torch.from_numpy(some).to(device)], bags(some)
                )

        keys = torch.from_numpy(types.keys.view("int64")).to(device)
        if module.forward_lm.embedding.weight.requires_grad:
            everything = bags(numpy.arange(len(types.keys)))
            return WordTypes(rows, index, bags=everything, keys=keys)
        embeddings = self.embeddings.get(types.keys, compose)
        return WordTypes(rows, index, embeddings=embeddings, keys=keys)

    def rate_of(self, name: str) -> float:
        return self.cfg["lm_rate"] if name.startswith(TRUNKS) else 1.0

    def macs_budget(self, max_macs: float) -> Budget:
        config = self.module.config
        return MacsBudget(
            max_macs,
            embed=config.embed,
            hidden=config.hidden,
            unit=config.unit,
            ahead=len(config.forward),
        )

    def macs_of(self, layers: Sequence[int]) -> int:
        config = self.module.config
        sizes = {name: getattr(config, name) for name in ("embed", "hidden", "unit")}
        return sum(dense_macs(layers=count, **sizes) for count in layers)

    def gates_of_parts(self) -> Dict[str, List[float]]:
        return {name: self.module.gates_of(name).tolist() for name in DIRECTIONS}

    def kept_layers(self) -> Dict[str, List[int]]:
        return {name: list(getattr(self.module.config, name)) for name in DIRECTIONS}

    def live_layers(self) -> int:
        return live_layers(self.module.gates)

    def prune(
        self, max_layers: Optional[int] = None, *, per_direction: bool = False
    ) -> None:
        keep = open_layers(self.module)
        if max_layers is not None:
            chosen = self._strongest(max_layers, per_direction)
            for name, positions in self.module.by_direction(chosen).items():
                keep[name] = [i for i in keep[name] if i in positions]
        self.keep_only(keep)

    def _strongest(self, max_layers: int, per_direction: bool) -> List[int]:
        """Positions of the layers with the largest gates; of equal ones the lower
        layers, in both directions alike."""
        gates = self.module.gates.detach()
        if per_direction:
            budget = self.budget_of({"max_layers_per_direction": max_layers})
            return choose_strongest(gates, budget)
        depths = [i for side in self.kept_layers().values() for i in range(len(side))]
        order = sorted(range(len(depths)), key=depths.__getitem__)
        ranked = choose_strongest(gates[order], LayerBudget(max_layers))
        return sorted(order[place] for place in ranked)

    def keep_only(self, keep: Dict[str, List[int]]) -> None:
        """Delete all other layers in place, and fold the gates of those that stay.

        keep (Dict[str, List[int]]): Positions of each direction's layers, in order.
        """
        pruned = keep_layers(self.module, keep)
        fold_gates(pruned)
        self.start_gates()
        self.load(pruned, self.words)

    @contextmanager
    def first_layers(self, count: int) -> Iterator[None]:
        """Which layers they are does not matter to speed."""
        whole = self.module
        kept = self.kept_layers().items()
        keep = {name: list(range(min(count, len(side)))) for name, side in kept}
        self.module = keep_layers(whole, keep)
        try:
            yield
        finally:
            self.module = whole

    def set_extra(self, message: Dict[str, Any]) -> None:
        if self.module is not None:
            words = message["words"]
            check_words(words, self.module.config.vocabulary, "the pipeline")
            self.load(self.module, words)


def check_words(words: List[str], expected: str, path: str) -> None:
    """RAISES (ValueError): E015 if these are not the words the weights belong to."""
    found = vocabulary_hash(words)
    if found != expected:
        raise ValueError(
            Errors.E015.format(
                found=len(words),
                found_hash=found[:12],
                expected_hash=expected[:12],
                path=path,
            )
        )
