"""Torch networks behind thinc's shims. Whatever our models need of torch is here."""

import contextlib
import copy
from functools import partial
from typing import (
    Any,
    Callable,
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
import torch
from thinc.api import ArgsKwargs, Optimizer, PyTorchShim
from thinc.shims.shim import Shim
from thinc.types import FloatsXd
from thinc.util import get_torch_default_device, torch2xp, xp2torch
from torch import Tensor

from ..errors import Errors
from ..inputs import convert
from ..nn.crf import LinearChainCRF
from ..nn.encoder import LDNetEncoder
from ..nn.precision import computes_in_bfloat16, with_own_defaults
from ..nn.serialize import as_tensors, module_from_bytes, module_to_bytes
from ..nn.tagger import StackConfig, TokenStack
from ..nn.threads import limit_threads, make_fork_safe
from ..threads import update_threads


class TrainingShim(PyTorchShim):
    """thinc's shim, without three traps of thinc 8.3: averaged weights are really
    applied, a copy has optimizer state of its own, and frozen parameters stay frozen.
    """

    @property
    def module(self) -> Any:
        """RETURNS (Optional[torch.nn.Module]): The network; None before it is built."""
        return self._model

    @property
    def is_built(self) -> bool:
        """RETURNS (bool): Whether there is a network."""
        return self._model is not None

    def clear_caches(self, changed: Optional[Collection[str]] = None) -> None:
        """changed (Optional[Collection[str]]): Names of weights that have changed."""

    @with_own_defaults
    def finish_update(
        self,
        optimizer: Optimizer,
        lr_scale: Optional[Callable[[str], float]] = None,
    ) -> List[str]:
        """Step every trainable parameter that has a gradient, in place.

        optimizer (Optimizer): thinc's optimizer, which keeps the moments.
        lr_scale (Optional[Callable[[str], float]]): From a parameter's name to its
            learning rate, as a share of the optimizer's.
        RETURNS (List[str]): Names of the parameters.
        """
        stepped = []
        for name, parameter in self._model.named_parameters():
            if not parameter.requires_grad or parameter.grad is None:
                continue
            if not self._grad_scaler.found_inf:
                after, _ = optimizer(
                    (self.id, name),
                    cast(FloatsXd, torch2xp(parameter.data)),
                    cast(FloatsXd, torch2xp(parameter.grad)),
                    lr_scale=1.0 if lr_scale is None else lr_scale(name),
                )
                updated = xp2torch(after, device=parameter.device)
                if updated.data_ptr() != parameter.data_ptr():
                    parameter.data.copy_(updated.reshape(parameter.shape))
            parameter.grad.zero_()
            stepped.append(name)
        self._grad_scaler.update()
        return stepped

    @contextlib.contextmanager
    def use_params(self, params: Dict[Tuple[int, str], Any]) -> Iterator[None]:
        """params (Dict[Tuple[int, str], FloatsXd]): Weights to use meanwhile, under the
        optimizer's keys, which thinc's shim does not look for.
        """
        backup: Dict[str, Tensor] = {}
        parameters = dict(self._model.named_parameters()) if self._model else {}
        for name, parameter in parameters.items():
            if (self.id, name) in params:
                backup[name] = parameter.data.clone()
                value = xp2torch(params[(self.id, name)], device=parameter.device)
                parameter.data.copy_(value.reshape(parameter.shape))
        try:
            yield
        finally:
            for name, value in backup.items():
                parameters[name].data.copy_(value)

    def copy(self) -> "TrainingShim":
        """RETURNS (TrainingShim): A copy whose optimizer state is its own."""
        copied = copy.deepcopy(self)
        with Shim.global_id_lock:
            Shim.global_id += 1
            copied.id = Shim.global_id
        return copied


class TorchNetwork(TrainingShim):
    """A network of ours in torch: it predicts, is trained, and is saved for a
    `NetworkShim`, which knows arrays only.
    """

    @with_own_defaults
    def __init__(
        self, module: Any, *, id: int, mixed_precision: bool, precision: str
    ) -> None:
        """module (torch.nn.Module): The network.
        id (int): Of the shim, under which the optimizer keeps its state.
        mixed_precision (bool): Whether to use autocast on a GPU.
        precision (str): Of predictions on a CPU, one of `shim.PRECISIONS`.
        """
        make_fork_safe()
        device = get_torch_default_device()
        super().__init__(
            module, mixed_precision=mixed_precision and device.type == "cuda"
        )
        # Kept, since thinc's shim looks for it through all of the network.
        self._device = device
        self._to_tensor = _make_converter(device)
        self.id = id
        self.precision = precision

    @classmethod
    @with_own_defaults
    def from_bytes(  # type: ignore[override]
        cls, module_class: Type[Any], data: bytes, **settings: Any
    ) -> "TorchNetwork":
        """module_class (Type): Class of the network, with `structure` and
            `from_structure` (see `spacy_ldnet.nn.serialize`).
        data (bytes): Its weights.
        settings (Any): See `__init__`.
        RETURNS (TorchNetwork): The network.
        """
        return cls(module_from_bytes(module_class, data), **settings)

    def to_bytes(self) -> bytes:
        return module_to_bytes(self._model)

    @property
    def structure(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The sizes of the network, as they are saved."""
        return self._model.structure()

    @property
    def weights(self) -> Dict[str, numpy.ndarray]:
        """RETURNS (Dict[str, ndarray]): The weights under their saved names."""
        state = self._model.state_dict().items()
        return {name: tensor.detach().cpu().numpy() for name, tensor in state}

    @property
    def device(self) -> torch.device:
        """RETURNS (torch.device): Where the network is."""
        return self._device

    def to_device(self, device_type: str, device_id: int) -> None:
        super().to_device(device_type, device_id)
        self._device = super().device
        self._to_tensor = _make_converter(self._device)

    def threads_for(self, n_words: int) -> ContextManager[None]:
        """n_words (int): Number of words that the network is going to read.
        RETURNS (ContextManager): Inside it, torch has only as many threads as are faster.
        """
        return limit_threads(n_words, self._model.config.hidden, self._device)

    @with_own_defaults
    def predict(self, inputs: ArgsKwargs, head: Optional["TorchNetwork"] = None) -> Any:
        """inputs (ArgsKwargs): Of the network, as arrays.
        head (Optional[TorchNetwork]): Reads the output, batch by batch.
        RETURNS (Any): The output of the network or of the head, as an array.
        """
        args = [convert(each, self._to_tensor) for each in inputs.args]
        options = {} if head is None else {"head": head._model.hidden2tag}
        with self._inference():
            return torch2xp(self._model(*args, **options))

    @with_own_defaults
    def call(self, method: str, *inputs: Any, **options: Any) -> Any:
        """method (str): Name of a method or a part of the network.
        inputs (Any): Its inputs, as arrays.
        options (Any): Inputs that stay on the CPU.
        RETURNS (Any): Its output, as arrays on the CPU.
        """
        args = [convert(each, self._to_tensor) for each in inputs]
        kept = {name: convert(each, _as_tensor) for name, each in options.items()}
        with self._inference():
            output = getattr(self._model, method)(*args, **kept)
        return convert(output, _to_numpy)

    @with_own_defaults
    def begin_update(self, inputs: ArgsKwargs) -> Any:
        """inputs (ArgsKwargs): Of the network. Arrays are positional.
        RETURNS (Tuple[Any, Callable]): The output, and the backward pass: from the
            output's gradient to those of the inputs that are arrays of floats.
        """
        args = tuple(convert(each, self._to_tensor) for each in inputs.args)
        floats = [isinstance(a, Tensor) and a.is_floating_point() for a in args]
        for arg, is_float in zip(args, floats):
            if is_float:
                arg.requires_grad_()
        with self._update_threads():
            output, backprop = super().begin_update(ArgsKwargs(args, inputs.kwargs))

        @with_own_defaults
        def backprop_arrays(d_output: Any) -> Tuple[Any, ...]:
            gradient = xp2torch(d_output, device=self._device)
            gradients = ArgsKwargs(((output,),), {"grad_tensors": (gradient,)})
            with self._update_threads():
                d_inputs = backprop(gradients)
            pairs = zip(d_inputs.args, floats)
            return tuple(torch2xp(d) if is_float else None for d, is_float in pairs)

        return torch2xp(output.detach()), backprop_arrays

    def _update_threads(self) -> ContextManager[None]:
        if self._device.type != "cpu":
            return contextlib.nullcontext()
        config = getattr(self._model, "config", None)
        return update_threads(getattr(config, "hidden", 0))

    def _inference(self) -> ContextManager[Any]:
        # Unlike thinc's shim it stays in evaluation mode afterwards: turned back, it
        # would drop out what another thread is predicting.
        if self._model.training:
            self._model.eval()
        on_cpu = self._device.type == "cpu"
        low = computes_in_bfloat16(self.precision) if on_cpu else self._mixed_precision
        if not low:
            return torch.inference_mode()
        stack = contextlib.ExitStack()
        stack.enter_context(torch.inference_mode())
        dtype = torch.bfloat16 if on_cpu else None
        stack.enter_context(torch.autocast(self._device.type, dtype))
        return stack


def _make_converter(device: torch.device) -> Callable[[Any], Tensor]:
    """RETURNS (Callable[[Any], Tensor]): Puts an array on the device."""
    return torch.from_numpy if device.type == "cpu" else partial(_put, device=device)


def _put(array: Any, *, device: torch.device) -> Tensor:
    return _as_tensor(array).to(device)


def _as_tensor(array: Any) -> Tensor:
    if isinstance(array, numpy.ndarray):
        return torch.from_numpy(array)
    return xp2torch(array)


def _to_numpy(tensor: Tensor) -> numpy.ndarray:
    # numpy has no bfloat16.
    exact = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return exact.cpu().numpy()


@with_own_defaults
def build_encoder(
    structure: Dict[str, Any], weights: Dict[str, Dict[str, numpy.ndarray]]
) -> LDNetEncoder:
    """structure (Dict[str, Any]): The sizes of an encoder.
    weights (Dict[str, Dict[str, ndarray]]): Those of each direction's embedding and
        layers, and perhaps of its softmax, which is not needed.
    RETURNS (LDNetEncoder): The network, with a random projection.
    RAISES (ValueError): E003 if the weights do not fit.
    """
    module = LDNetEncoder.from_structure(structure)
    for name, backbone in module.backbones.items():
        try:
            # Copied into the network's own tensors, so that float16 is widened.
            needed = {key: weights[name][key] for key in backbone.state_dict()}
            backbone.load_state_dict(as_tensors(needed))
        except (KeyError, RuntimeError) as error:
            raise ValueError(Errors.E003.format(reason=error)) from error
    return module


@with_own_defaults
def build_crf(**sizes: Any) -> LinearChainCRF:
    """RETURNS (LinearChainCRF): The network, with random weights."""
    return LinearChainCRF(**sizes)


@with_own_defaults
def resize_crf(crf: LinearChainCRF, n_tags: int) -> LinearChainCRF:
    """RETURNS (LinearChainCRF): One with more tags, see `LinearChainCRF.resized`."""
    return crf.resized(n_tags)


@with_own_defaults
def build_tagger(config: StackConfig, vectors: Optional[numpy.ndarray]) -> TokenStack:
    """config (StackConfig): The sizes of a tagger.
    vectors (Optional[ndarray]): The vectors that its table starts with, if it has one.
        Row 0 of the table is for words without a vector.
    RETURNS (TokenStack): The network, with random weights.
    """
    module = TokenStack(config)
    if module.table is not None:
        with torch.no_grad():
            module.table.weight.zero_()
            module.table.weight[1:].copy_(torch.from_numpy(vectors))
    return module
