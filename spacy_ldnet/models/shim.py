"""A thinc shim whose bytes say which network they belong to."""

import contextlib
from typing import (
    Any,
    ContextManager,
    Dict,
    Iterator,
    Optional,
    Type,
)

import srsly
import torch
from thinc.api import ArgsKwargs
from thinc.util import get_torch_default_device

from ..errors import Errors
from ..nn.precision import runs_bfloat16, with_own_defaults
from ..nn.serialize import module_from_bytes, module_to_bytes
from ..nn.side_by_side import as_many_threads
from .forking import make_fork_safe
from .training_shim import TrainingShim

#: Of what a network computes on a CPU when it predicts.
PRECISIONS = ("float32", "bfloat16")


class ModuleShim(TrainingShim):
    """Wrap a torch network that may not exist yet and may change its structure.

    thinc's own shim loads a state dict into the network it was built with, so a
    pruned network could not be read back. Here the bytes decide.
    """

    @with_own_defaults
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
        precision (str): Of predictions on a CPU, one of PRECISIONS; float32 where the
            processor cannot compute in it.
        """
        super().__init__(module, mixed_precision=mixed_precision)
        self.module_class = module_class
        self.wants_mixed_precision = mixed_precision
        self.precision = precision

    def take(self, module: torch.nn.Module) -> None:
        make_fork_safe()
        device = get_torch_default_device()
        module.to(device)
        self._device = device
        self._mixed_precision = self.wants_mixed_precision and device.type == "cuda"
        super().take(module)

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
            if self.precision == "bfloat16" and runs_bfloat16():
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

    @with_own_defaults
    def from_bytes(self, bytes_data: bytes) -> "ModuleShim":
        message = srsly.msgpack_loads(bytes_data)
        # What bytes of an older version do not say stays as it is by default.
        self.cfg = {**self.cfg, **message["config"]}
        if message["state"]:
            self.module = module_from_bytes(self.module_class, message["state"])
        self.set_extra(message)
        return self
