"""Gated layers of a transformer: their mix, and a penalty on the number of layers that
have to run.
"""

import copy
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Iterator, List, Optional, Tuple

import torch
from torch import Tensor, nn

from ..errors import Errors
from ..layers import select_layers
from ..nn.gates import LOWEST_OPEN_GATE, GatePenalty

#: How many of the lowest layers this thread runs; None for all.
_LIMIT: ContextVar[Optional[int]] = ContextVar("layer_limit", default=None)


@contextmanager
def lowest_layers(count: Optional[int]) -> Iterator[None]:
    """Context in which networks run only their lowest layers.

    :param count: how many; None for all.
    """
    token = _LIMIT.set(count)
    try:
        yield
    finally:
        _LIMIT.reset(token)


class TruncatableLayers(nn.ModuleList):
    """Layers of which only the lowest may be run.

    The network that they belong to does not see the others, but their weights are still
    there, under the same names.
    """

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self._lowest())

    def __len__(self) -> int:
        return len(self._lowest())

    def __getitem__(self, index: Any) -> Any:
        return self._lowest()[index]

    def _lowest(self) -> List[nn.Module]:
        return list(self._modules.values())[: _LIMIT.get()]  # type: ignore[arg-type]


class GatedLayerMix(nn.Module):
    """A transformer whose output is a gated mix of the outputs of all layers.

    ``o_0 = h_0`` and ``o_l = g_l h_l + (1 - g_l) o_{l-1}``, where h_0 are the embeddings,
    h_l is the output of layer l and g_l its gate; the output is the last o_l. This is a
    mix with weights ``g_l prod_{k>l} (1 - g_k)``, which add up to 1 whatever the gates
    are. Gates are 1 at first, so the output is the transformer's own; as the highest gate
    closes, it becomes that of the transformer without its top layer.

    :param transformer: a Hugging Face encoder whose output is that of its last layer.
    :raises ValueError: E108 if it is not such an encoder.
    """

    def __init__(self, transformer: Any):
        super().__init__()
        self.transformer = transformer
        owner, name = _find_layers(transformer)
        setattr(owner, name, TruncatableLayers(getattr(owner, name)))
        self._place = (owner, name)
        layers = transformer.config.num_hidden_layers
        self.gates = nn.Parameter(torch.ones(layers), requires_grad=False)

    @property
    def config(self) -> Any:
        """The config of the transformer."""
        return self.transformer.config

    @property
    def device(self) -> torch.device:
        """The device of the transformer."""
        return self.transformer.device

    @property
    def layers(self) -> TruncatableLayers:
        """The transformer's layers."""
        owner, name = self._place
        return getattr(owner, name)

    @property
    def macs_per_layer(self) -> int:
        """Number of weights in the matrices of one layer: its multiply-accumulates per
        piece of a word, without those of attention between pieces.
        """
        first = next(iter(self.layers._modules.values()), None)
        weights = first.parameters() if first is not None else ()
        return sum(w.numel() for w in weights if w.dim() > 1)

    @property
    def weights(self) -> Tensor:
        """The share of each layer in the mix, the embeddings first.

        *Shape:* (1 + layers,)
        """
        gates = self.gates.detach()
        above = (1 - gates).flip(0).cumprod(0).flip(0)
        ones = gates.new_ones(1)
        return torch.cat([ones, gates]) * torch.cat([above, ones])

    def forward(self, *, gates_frozen: bool = False, **inputs: Any) -> Any:
        """Run as many layers as necessary, and mix their outputs.

        :param gates_frozen: whether a gate that is zero stays zero although gates are
            trained, so that layers above the highest open one need not be run.
        :param inputs: of the transformer.
        :returns: its output, with the mix as ``last_hidden_state``.
            *Shape:* (batch, pieces, width)
        """
        gates = self.gates
        trained = gates.requires_grad and torch.is_grad_enabled()
        count = None if trained and not gates_frozen else n_required(gates)
        run = gates[:count]
        mixes = trained or (len(run) > 0 and float(run[-1]) != 1)
        wanted = self.config.output_hidden_states
        with lowest_layers(count):
            if not mixes:
                return self.transformer(**inputs)
            output = self.transformer(**inputs, output_hidden_states=True)
        states = output.hidden_states
        mixed = states[0]
        for gate, state in zip(run, states[1:]):
            mixed = torch.lerp(mixed, state, gate.to(state.dtype))
        return replace(
            output, last_hidden_state=mixed, hidden_states=states if wanted else None
        )

    def check(self) -> None:
        """See whether the transformer can do without its top layer: whether it can be
        built so, and then gives what the layer below has given.

        :raises ValueError: E109 if not.
        """
        below = max(0, len(self.gates) - 1)
        try:
            self._build(below)
            states = self._run_on_sample(len(self.gates)).hidden_states
            shorter = self._run_on_sample(below).last_hidden_state
            same = torch.allclose(states[below], shorter, atol=1e-5)
            reason = "its output is not that of its last layer" if not same else ""
        except Exception as error:  # Any kind, by the network's own code.
            reason = f"{type(error).__name__}, {error}"
        if reason:
            name = type(self.transformer).__name__
            raise ValueError(Errors.E109.format(name=name, reason=reason))

    def _build(self, layers: int) -> None:
        """Build a transformer of so many layers, of shapes only."""
        config = copy.deepcopy(self.config)
        config.num_hidden_layers = layers
        with torch.device("meta"):
            type(self.transformer)(config)

    def _run_on_sample(self, layers: int) -> Any:
        self.transformer.eval()
        ids = torch.tensor([[1, 2]], device=self.device)
        with torch.no_grad(), lowest_layers(layers):
            return self.transformer(input_ids=ids, output_hidden_states=True)

    def cut(self, layers: int) -> None:
        """Delete the highest layers, in place.

        The output stays the same if the gates of the deleted layers are zero. The other
        gates are kept as the shares of their layers in the mix: they cannot be folded,
        since the layers above read ungated outputs. If the highest gate is 1 there is
        nothing to mix.

        :param layers: number of layers to keep.
        """
        owner, name = self._place
        kept: Any = list(self.layers._modules.values())[:layers]
        setattr(owner, name, TruncatableLayers(kept))
        self.config.num_hidden_layers = layers
        trained = self.gates.requires_grad
        self.gates = nn.Parameter(self.gates.detach()[:layers], requires_grad=trained)


def _find_layers(transformer: Any) -> Tuple[nn.Module, str]:
    """The module list that has as many modules as the config says layers, and its owner;
    if there are several, the one with the most weights.
    """
    count = transformer.config.num_hidden_layers
    found = [
        (owner, name)
        for owner in transformer.modules()
        for name, child in owner.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == count
    ]
    if not found:
        name = type(transformer).__name__
        raise ValueError(Errors.E108.format(name=name, layers=count))
    return max(found, key=lambda place: _size(getattr(*place)))


def _size(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def required_by(gates: Tensor) -> Tensor:
    """For each layer, the layer that requires it: the one with the largest gate at or
    above it.

    :param gates: lowest layer first. *Shape:* (layers,)
    :returns: indices; of equal gates the highest. *Shape:* (layers,)
    """
    values = gates.tolist()
    found = []
    largest = len(values) - 1
    for i in reversed(range(len(values))):
        if values[i] > values[largest]:
            largest = i
        found.append(largest)
    return torch.tensor(found[::-1], dtype=torch.long, device=gates.device)


def effective_gates(gates: Tensor) -> Tensor:
    """The largest gate at or above each layer: a layer has to run while this is above 0.

    :param gates: lowest layer first. *Shape:* (layers,)
    :returns: *Shape:* (layers,)
    """
    return gates[required_by(gates)]


def n_required(gates: Tensor) -> int:
    """Number of layers that have to run: all up to the highest open gate."""
    return int((effective_gates(gates) > 0).sum())


@dataclass(frozen=True)
class DepthPenalty(GatePenalty):
    """The cost of open gates if each layer reads only the one below it.

    The budget counts all layers up to the highest open gate. With R1 a layer costs as much
    as the largest gate at or above it (:func:`effective_gates`). While the layers exceed
    the budget, R2 and R3 charge the layers that it has no room for, each for its own gate,
    since all of these have to close. R3's term ``sum g(1-g)`` covers all gates, also
    within the budget: a layer that has to run for one above it need not be in the mix.
    """

    def project_(self, gates: Tensor) -> None:
        """Put gates back into [0, 1], in place, after a step of the optimizer.

        The layers that the budget has room for are the lowest ones, so it is enough to
        keep the highest of them open.

        :param gates: *Shape:* (layers,)
        """
        with torch.no_grad():
            room = 0 if self.regularizer == "R1" else self._room(gates)
            gates.clamp_(0.0, 1.0)
            if room and effective_gates(gates)[room - 1] < LOWEST_OPEN_GATE:
                gates[room - 1] = LOWEST_OPEN_GATE

    def _opens(self, gates: Tensor) -> Tensor:
        return torch.zeros_like(gates, dtype=torch.bool)

    def _effective(self, gates: Tensor) -> Tensor:
        return effective_gates(gates)

    def _linear(self, gates: Tensor) -> Tensor:
        costs = super()._linear(gates)
        if self.regularizer != "R1":
            costs[: self._room(gates)] = 0.0
            return costs
        return torch.zeros_like(costs).index_add_(0, required_by(gates), costs)

    def _room(self, gates: Tensor) -> int:
        """Number of layers that the budget has room for."""
        if self.budget is None:
            return 0
        return len(
            select_layers(self._effective(gates).tolist(), self.budget, self.layers)
        )
