"""How a shim's network is trained by thinc's optimizer."""

import contextlib
import copy
from typing import Any, Collection, Dict, Iterator, Optional, Tuple, cast

import torch
from thinc.api import Optimizer, PyTorchShim
from thinc.shims.shim import Shim
from thinc.types import FloatsXd
from thinc.util import torch2xp, xp2torch

from ..nn.precision import with_own_defaults
from ..nn.serialize import set_half


class TrainingShim(PyTorchShim):
    """Train a torch network, whatever shim it is kept in.

    Three things differ from thinc 8.3's shim, each a trap there: averaged weights are
    really applied, a copy has optimizer state of its own, and frozen parameters stay
    frozen.
    """

    @property
    def module(self) -> Any:
        """RETURNS (Optional[torch.nn.Module]): The network; None before it is built."""
        return self._model

    @module.setter
    def module(self, module: torch.nn.Module) -> None:
        self.take(module)

    def take(self, module: torch.nn.Module) -> None:
        """module (torch.nn.Module): The network from now on."""
        self._model = module
        self.forget()

    def forget(self, changed: Optional[Collection[str]] = None) -> None:
        """Drop what is kept of earlier batches, if anything. Called whenever the network
        or its weights may have changed.

        changed (Optional[Collection[str]]): Names of the weights; None for any.
        """

    @with_own_defaults
    def finish_update(self, optimizer: Optimizer) -> None:
        """Step every trainable parameter that has a gradient, in place."""
        if self._model is None:
            return
        stepped = []
        for name, parameter in self._model.named_parameters():
            if parameter.requires_grad and parameter.grad is not None:
                self.step_parameter(optimizer, name, parameter)
                stepped.append(name)
        self._grad_scaler.update()
        if stepped:
            set_half(self._model, False)
        self.forget(stepped)

    def step_parameter(
        self, optimizer: Optimizer, name: str, parameter: torch.nn.Parameter
    ) -> None:
        """optimizer (Optimizer): thinc's optimizer, which keeps the moments.
        name (str): Name of the parameter inside the network.
        parameter (torch.nn.Parameter): Stepped in place; its gradient is zeroed.
        """
        gradient = cast(torch.Tensor, parameter.grad)
        if not self._grad_scaler.found_inf:
            before = cast(FloatsXd, torch2xp(parameter.data))
            after, _ = optimizer(
                (self.id, name),
                before,
                cast(FloatsXd, torch2xp(gradient)),
                lr_scale=self.rate_of(name),
            )
            updated = xp2torch(after, device=parameter.device)
            if updated.data_ptr() != parameter.data_ptr():
                parameter.data.copy_(updated.reshape(parameter.shape))
        gradient.zero_()

    def rate_of(self, name: str) -> float:
        """name (str): Name of a parameter inside the network.
        RETURNS (float): Its learning rate, as a share of the optimizer's.
        """
        return 1.0

    @contextlib.contextmanager
    def use_params(self, params: Dict[Tuple[int, str], Any]) -> Iterator[None]:
        """params (Dict[Tuple[int, str], FloatsXd]): Weights to use meanwhile, under
        the optimizer's own keys (thinc's shim looks for others, and finds none).
        """
        backup: Dict[str, torch.Tensor] = {}
        parameters = dict(self._model.named_parameters()) if self._model else {}
        for name, parameter in parameters.items():
            if (self.id, name) in params:
                backup[name] = parameter.data.clone()
                value = xp2torch(params[(self.id, name)], device=parameter.device)
                parameter.data.copy_(value.reshape(parameter.shape))
        self.forget(backup)
        try:
            yield
        finally:
            for name, value in backup.items():
                parameters[name].data.copy_(value)
            self.forget(backup)

    def copy(self) -> "TrainingShim":
        """RETURNS (TrainingShim): A copy whose optimizer state is its own."""
        copied = copy.deepcopy(self)
        copied.renew_id()
        return copied

    def renew_id(self) -> None:
        """Leave the optimizer state kept so far, which is found by this id."""
        with Shim.global_id_lock:
            Shim.global_id += 1
            self.id = Shim.global_id
