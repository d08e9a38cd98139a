"""thinc shims around torch networks."""

import contextlib
import copy
from typing import (
    Any,
    Collection,
    ContextManager,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
    Type,
    cast,
)

import numpy
import srsly
import torch
from thinc.api import ArgsKwargs, Optimizer, PyTorchShim
from thinc.shims.shim import Shim
from thinc.types import FloatsXd
from thinc.util import get_torch_default_device, torch2xp, xp2torch

from ..errors import Errors
from ..lm_directory import FIRST_WORD_ROW, UNK_ROW
from ..nn.precision import runs_bfloat16, with_own_defaults
from ..nn.serialize import module_from_bytes, module_to_bytes, set_half
from ..nn.threads import limit_threads, make_fork_safe
from .doc_arrays import RowLookup


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
        return limit_threads(words, self._model.config.hidden, self.device)

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


class WordShim(ModuleShim):
    """Holds the words of the table's rows, from FIRST_WORD_ROW, and saves them."""

    def __init__(
        self,
        module_class: Type[Any],
        *,
        mixed_precision: bool = False,
        precision: str = "float32",
    ) -> None:
        """module_class (Type): Class of the network.
        mixed_precision (bool): See ModuleShim.
        precision (str): See ModuleShim.
        """
        super().__init__(
            module_class, mixed_precision=mixed_precision, precision=precision
        )
        self.set_words([])

    def set_words(self, words: List[str]) -> None:
        """words (List[str]): Words of the table's rows, from FIRST_WORD_ROW."""
        self.words = words
        self._rows: Optional[RowLookup] = None

    def rows(self, keys: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (ndarray): Rows of words, given by their hashes."""
        if self._rows is None:
            self._rows = RowLookup(
                self.words, first_row=FIRST_WORD_ROW, unknown=UNK_ROW
            )
        return self._rows(keys)

    def extra(self) -> Dict[str, Any]:
        return {"words": self.words}
