"""A thinc shim whose bytes say which network they belong to."""

import contextlib
import copy
from typing import (
    Any,
    Collection,
    ContextManager,
    Dict,
    Iterator,
    Optional,
    Tuple,
    Type,
    cast,
)

import srsly
import torch
from thinc.api import ArgsKwargs, Optimizer, PyTorchShim
from thinc.shims.shim import Shim
from thinc.types import FloatsXd
from thinc.util import get_torch_default_device, torch2xp, xp2torch

from ..errors import Errors
from ..nn.serialize import module_from_bytes, module_to_bytes
from ..nn.side_by_side import as_many_threads
from .forking import make_fork_safe

#: Of what a network computes on a CPU when it predicts.
PRECISIONS = ("float32", "bfloat16")


class ModuleShim(PyTorchShim):
    """Wrap a torch network that may not exist yet and may change its structure.

    thinc's own shim loads a state dict into the network it was built with, so a
    pruned network could not be read back. Here the bytes decide. Three more things
    differ from thinc 8.3's shim, each a trap there: averaged weights are really
    applied, a copy has optimizer state of its own, and frozen parameters stay frozen.
    """

    def __init__(
        self,
        module_class: Type[Any],
        module: Optional[torch.nn.Module] = None,
        *,
        mixed_precision: bool = False,
        precision: str = "float32",
    ) -> None:
        """module_class (Type): Class of the network, with `structure` and
            `from_structure` (see `spacy_ldnet.nn.serialize`).
        module (Optional[torch.nn.Module]): The network, if it can be built already.
        mixed_precision (bool): Compute in half precision where torch's autocast
            does. On a CPU, where what was trained on a GPU may run, it is left off.
        precision (str): Of predictions on a CPU, one of PRECISIONS.
        """
        super().__init__(module, mixed_precision=mixed_precision)
        self.module_class = module_class
        self.wants_mixed_precision = mixed_precision
        self.precision = precision

    @property
    def module(self) -> Any:
        """RETURNS (Optional[torch.nn.Module]): The network; None before it is built."""
        return self._model

    @module.setter
    def module(self, module: torch.nn.Module) -> None:
        make_fork_safe()
        device = get_torch_default_device()
        module.to(device)
        self._model = module
        self._device = device
        self._mixed_precision = self.wants_mixed_precision and device.type == "cuda"
        self.forget()

    def forget(self, changed: Optional[Collection[str]] = None) -> None:
        """Drop what is kept of earlier batches, if anything. Called whenever the network
        or its weights may have changed.

        changed (Optional[Collection[str]]): Names of the weights; None for any.
        """

    def check_precision(self) -> None:
        """RAISES (ValueError): E005 if mixed precision is asked for on a CPU: when a
        training is set up, not when its result is loaded.
        """
        device = get_torch_default_device()
        if self.wants_mixed_precision and device.type != "cuda":
            raise ValueError(Errors.E005.format(device=device))

    @property
    def device(self) -> torch.device:
        """RETURNS (torch.device): Where the network is. Kept, since thinc's shim looks
        for it through all of the network, several times a prediction.
        """
        return get_torch_default_device() if self._model is None else self._device

    def threads_for(self, words: int, is_train: bool) -> ContextManager[None]:
        """words (int): How many the network is going to read.
        is_train (bool): Whether gradients are needed, whose threads are left alone.
        RETURNS (ContextManager): Inside it, torch has the threads that are worth it.
        """
        if is_train:
            return contextlib.nullcontext()
        return as_many_threads(words, self._model.config.hidden, self.device)

    @contextlib.contextmanager
    def inference(self) -> Iterator[None]:
        """What the network computes here it computes for a prediction.

        Unlike thinc's shim it stays in evaluation mode afterwards: turned back, it would
        drop out what another thread is predicting.
        """
        if self._model.training:
            self._model.eval()
        with torch.inference_mode(), self._autocast():
            yield

    def _autocast(self) -> ContextManager[Any]:
        if self.device.type == "cpu":
            if self.precision == "bfloat16":
                return torch.autocast("cpu", torch.bfloat16)
        elif self._mixed_precision:
            return torch.autocast(self.device.type)
        return contextlib.nullcontext()

    def predict(self, inputs: ArgsKwargs) -> Any:
        """inputs (ArgsKwargs): Of the network.
        RETURNS (Any): Its output.
        """
        with self.inference():
            return self._model(*inputs.args, **inputs.kwargs)

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

    def copy(self) -> "ModuleShim":
        """RETURNS (ModuleShim): A copy whose optimizer state is its own."""
        copied = copy.deepcopy(self)
        copied.renew_id()
        return copied

    def renew_id(self) -> None:
        """Leave the optimizer state kept so far, which is found by this id."""
        with Shim.global_id_lock:
            Shim.global_id += 1
            self.id = Shim.global_id

    def to_device(self, device_type: str, device_id: int) -> None:
        if self._model is not None:
            super().to_device(device_type, device_id)
            self._device = super().device
            self.forget()

    def extra(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What is saved beside the network and `cfg`."""
        return {}

    def set_extra(self, message: Dict[str, Any]) -> None:
        """message (Dict[str, Any]): What was saved, `extra` among it. The network and
        `cfg` have been read already.
        """

    def to_bytes(self) -> bytes:
        state = b"" if self._model is None else module_to_bytes(self._model)
        message = {"config": self.cfg, "state": state, **self.extra()}
        return srsly.msgpack_dumps(message)

    def from_bytes(self, bytes_data: bytes) -> "ModuleShim":
        message = srsly.msgpack_loads(bytes_data)
        # What bytes of an older version do not say stays as it is by default.
        self.cfg = {**self.cfg, **message["config"]}
        if message["state"]:
            self.module = module_from_bytes(self.module_class, message["state"])
        self.set_extra(message)
        return self
