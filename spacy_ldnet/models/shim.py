"""The shim of our thinc models: a network's saved weights, its words and its settings.

The network itself is made of the saved weights when it is needed: in torch, or, where
torch is not installed, in numpy, which only predicts.
"""

import contextlib
import copy
import hashlib
import os
import pkgutil
import warnings
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Collection,
    ContextManager,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
    Union,
)

import numpy
import srsly
from thinc.api import ArgsKwargs, Model, Optimizer, get_current_ops
from thinc.compat import has_torch
from thinc.shims.shim import Shim

from ..errors import Errors, Warnings
from ..file_format import foreign_bytes, read_bytes
from ..lm_directory import FIRST_WORD_ROW, UNK_ROW
from ..runtime import NETWORKS, network_from_bytes
from ..threads import one_blas_thread
from ..util import check_choice, require_torch
from .doc_arrays import WordIds

if TYPE_CHECKING:
    from .torch_network import TorchNetwork

#: Environment variable that chooses what predicts.
BACKEND_VARIABLE = "SPACY_LDNET_BACKEND"
BACKENDS = ("torch", "numpy")
#: Numbers that a torch network computes with when it predicts on a CPU.
PRECISIONS = ("float32", "bfloat16")

Backprop = Callable[[Any], Tuple[Any, ...]]
#: What computes for a shim.
Network = Union["NumpyNetwork", "TorchNetwork"]


def choose_backend() -> str:
    """Choose the backend of networks that are loaded: torch if it is installed, numpy
    otherwise. The environment variable SPACY_LDNET_BACKEND, `torch` or `numpy`, overrides
    that. Training is always in torch.

    RETURNS (str): "torch" or "numpy".
    RAISES (ValueError): E137 for another value of the variable.
    """
    found = os.environ.get(BACKEND_VARIABLE)
    if found is None:
        return "torch" if has_torch else "numpy"
    if found not in BACKENDS:
        choices = ", ".join(BACKENDS)
        message = Errors.E137.format(
            name=BACKEND_VARIABLE, value=found, choices=choices
        )
        raise ValueError(message)
    return found


def dropout_rate(model: Model) -> float:
    """RETURNS (float): The node's own rate, or that of `[training] dropout`."""
    fixed = model.attrs["fixed_dropout"]
    return model.attrs["dropout_rate"] if fixed is None else fixed


def check_precision(precision: str) -> None:
    """RAISES (ValueError): E013 for a value that does not exist. One that this processor
    is slow in is W044, one that it cannot compute in, W045 or, without torch, W049.
    """
    check_choice("precision", precision, PRECISIONS)
    if precision == "float32" or get_current_ops().device_type != "cpu":
        return
    if choose_backend() == "numpy":
        warnings.warn(Warnings.W049, stacklevel=3)
        return
    from ..nn.precision import has_bfloat16, runs_bfloat16

    if not has_bfloat16():
        warning = Warnings.W044 if runs_bfloat16() else Warnings.W045
        warnings.warn(warning, stacklevel=3)


@contextlib.contextmanager
def damage_of_component(component: str) -> Iterator[None]:
    """component (str): Name of a component whose model is read inside.
    RAISES (ValueError): E139 in place of an error without a code.
    """
    try:
        yield
    except Exception as error:
        if str(error).startswith(("[E", "'[E")) or isinstance(error, OSError):
            raise
        reason = f"{type(error).__name__}: {error}"
        message = Errors.E139.format(name=component, reason=reason)
        raise ValueError(message) from error


class NumpyNetwork:
    """A network in numpy, made of saved weights. It cannot be trained.

    data (bytes): The weights.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.network = network_from_bytes(data)
        self.structure = read_bytes(data)[0]["structure"]

    def predict(self, inputs: ArgsKwargs, head: Optional["NumpyNetwork"] = None) -> Any:
        """inputs (ArgsKwargs): Of the network.
        head (Optional[NumpyNetwork]): Reads the output, batch by batch.
        RETURNS (Any): The output of the network or of the head.
        """
        options: Dict[str, Any] = {}
        if head is not None:
            options["head"] = head.network.hidden2tag
        with one_blas_thread():
            return self.network(*inputs.args, **options)

    def call(self, method: str, *inputs: Any, **options: Any) -> Any:
        """method (str): Name of a method or a part of the network.
        RETURNS (Any): Its output.
        """
        with one_blas_thread():
            return getattr(self.network, method)(*inputs, **options)

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The weights as they were read."""
        return self.data


class NetworkShim(Shim):
    """A network of a thinc model, which may not exist yet and may change its structure.

    The structure is in the saved weights: a pruned network is read back as it was
    written, whatever the config says.
    """

    def __init__(
        self,
        torch_class: str,
        *,
        mixed_precision: bool = False,
        precision: str = "float32",
    ) -> None:
        """torch_class (str): The network's class in torch, as "module:name".
        mixed_precision (bool): Compute in half precision where torch's autocast
            does. It is ignored on a CPU, where a pipeline from a GPU may run.
        precision (str): Of torch's predictions on a CPU, one of PRECISIONS; float32
            where the processor cannot compute in it.
        """
        super().__init__(None)
        self.structure: Any = None
        self.torch_class = torch_class
        self.mixed_precision = mixed_precision
        self.precision = precision
        self.set_words([])

    # The network

    @property
    def network(self) -> Optional[Network]:
        """RETURNS (Optional[Network]): What computes; None before there are weights."""
        return self._model

    @network.setter
    def network(self, network: Network) -> None:
        self._model = network
        #: The sizes of the network, as they are saved; None before there are weights.
        self.structure = network.structure
        self.clear_caches()

    @property
    def is_built(self) -> bool:
        """RETURNS (bool): Whether there are weights."""
        return self._model is not None

    @property
    def module(self) -> Any:
        """RETURNS (Optional[torch.nn.Module]): The network in torch, which is made of the
            weights if need be, and predicts from then on; None before there are weights.
        RAISES (ValueError): E136 without torch.
        """
        if isinstance(self._model, NumpyNetwork):
            self.network = self._load_torch(self._model.data)
        return None if self._model is None else self._model.module

    @module.setter
    def module(self, module: Any) -> None:
        from .torch_network import TorchNetwork

        self.network = TorchNetwork(
            module,
            id=self.id,
            mixed_precision=self.mixed_precision,
            precision=self.precision,
        )

    def _load_torch(self, data: bytes) -> Any:
        require_torch("to train a pipeline, to prune it, or to read its networks")
        from .torch_network import TorchNetwork

        return TorchNetwork.from_bytes(
            pkgutil.resolve_name(self.torch_class),
            data,
            id=self.id,
            mixed_precision=self.mixed_precision,
            precision=self.precision,
        )

    @property
    def weights(self) -> Dict[str, numpy.ndarray]:
        """RETURNS (Dict[str, ndarray]): The weights under their saved names."""
        if isinstance(self._model, NumpyNetwork):
            return read_bytes(self._model.data)[1]
        return self._model.weights

    def clear_caches(self, changed: Optional[Collection[str]] = None) -> None:
        """Drop what is kept of earlier batches, if anything. Called whenever the network
        or its weights may have changed.

        changed (Optional[Collection[str]]): Names of the weights; None for any.
        """

    # The words

    def set_words(self, words: List[str]) -> None:
        """words (List[str]): Words of the network's table, from FIRST_WORD_ROW."""
        self.words = words
        self._word_ids: Optional[WordIds] = None

    def word_ids(self, keys: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (ndarray): Ids of words, given by their hashes."""
        if self._word_ids is None:
            self._word_ids = WordIds(self.words, first=FIRST_WORD_ROW, unknown=UNK_ROW)
        return self._word_ids(keys)

    # What thinc calls

    def __call__(self, inputs: ArgsKwargs, is_train: bool) -> Tuple[Any, Backprop]:
        """inputs (ArgsKwargs): Of the network, as arrays.
        is_train (bool): Whether there will be a backward pass.
        RETURNS (Tuple[Any, Callable]): The output, and the backward pass: from the
            output's gradient to those of the positional inputs, None for those that are
            no arrays of floats.
        """
        if is_train:
            return self.begin_update(inputs)
        return self.predict(inputs), _no_gradient

    def predict(self, inputs: ArgsKwargs, head: Optional["NetworkShim"] = None) -> Any:
        """inputs (ArgsKwargs): Of the network, as arrays.
        head (Optional[NetworkShim]): Reads the network's output.
        RETURNS (Any): The output of the network, or of the head. The network's output
            for a long document is then never in memory as a whole.
        """
        network = self._model
        if head is None:
            return network.predict(inputs)
        if type(head._model) is type(network):
            return network.predict(inputs, head._model)
        output = network.predict(inputs)
        return head.predict(ArgsKwargs((output,), {}))

    def call(self, method: str, *inputs: Any, **options: Any) -> Any:
        """method (str): Name of a method or a part of the network.
        inputs (Any): Its inputs, as arrays.
        options (Any): Inputs that stay on the CPU.
        RETURNS (Any): Its output, as arrays on the CPU; no gradients.
        """
        return self._model.call(method, *inputs, **options)

    def begin_update(self, inputs: ArgsKwargs) -> Tuple[Any, Backprop]:
        """inputs (ArgsKwargs): Of the network, as arrays.
        RETURNS (Tuple[Any, Callable]): See `__call__`.
        """
        self.module  # noqa: B018  (made if need be)
        return self._model.begin_update(inputs)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Step every trainable parameter that has a gradient, in place."""
        if self._model is not None and not isinstance(self._model, NumpyNetwork):
            stepped = self._model.finish_update(optimizer, self.lr_scale)
            self.clear_caches(stepped)

    def lr_scale(self, name: str) -> float:
        """name (str): Name of a parameter inside the network.
        RETURNS (float): Its learning rate, as a share of the optimizer's.
        """
        return 1.0

    @contextlib.contextmanager
    def use_params(self, params: Dict[Tuple[int, str], Any]) -> Iterator[None]:
        """params (Dict[Tuple[int, str], FloatsXd]): Weights to use meanwhile, under the
        optimizer's keys.
        """
        if self._model is None or isinstance(self._model, NumpyNetwork):
            yield
            return
        names = [name for shim_id, name in params if shim_id == self.id]
        with self._model.use_params(params):
            self.clear_caches(names)
            yield
        self.clear_caches(names)

    def copy(self) -> "NetworkShim":
        """RETURNS (NetworkShim): A copy whose optimizer state is its own."""
        copied = copy.deepcopy(self)
        copied.renew_id()
        return copied

    def renew_id(self) -> None:
        """Leave the optimizer state kept so far, which is found by this id."""
        with Shim.global_id_lock:
            Shim.global_id += 1
            self.id = Shim.global_id
        if self._model is not None and not isinstance(self._model, NumpyNetwork):
            self._model.id = self.id

    def to_device(self, device_type: str, device_id: int) -> None:
        if device_type == "gpu" and self._model is not None:
            require_torch("to use a GPU")
            self.module  # noqa: B018  (made if need be)
        if self._model is not None and not isinstance(self._model, NumpyNetwork):
            self._model.to_device(device_type, device_id)
            self.clear_caches()

    def threads_for(self, n_words: int, is_train: bool) -> ContextManager[None]:
        """n_words (int): Number of words that the network is going to read.
        is_train (bool): Whether gradients are needed, whose threads do not change.
        RETURNS (ContextManager): Inside it, torch has only as many threads as are faster.
        """
        if is_train or isinstance(self._model, NumpyNetwork):
            return contextlib.nullcontext()
        return self._model.threads_for(n_words)

    def check_precision(self) -> None:
        """Called when a training is set up, not when its result is loaded.

        RAISES (ValueError): E005 if mixed precision is asked for on a CPU.
        """
        if self.mixed_precision and get_current_ops().device_type == "cpu":
            raise ValueError(Errors.E005.format(device="cpu"))

    # Bytes

    def get_extra_state(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What is saved next to the weights and `cfg`."""
        return {"words": self.words} if self.words else {}

    def set_extra_state(self, message: Dict[str, Any]) -> None:
        """message (Dict[str, Any]): What was saved. The weights and `cfg` have been read
        already.
        """
        self.set_words(message.get("words", []))

    def to_bytes(self) -> bytes:
        state = b"" if self._model is None else self._model.to_bytes()
        message = {"config": self.cfg, "state": state, **self.get_extra_state()}
        if state:
            message["sha256"] = hashlib.sha256(state).hexdigest()
        return srsly.msgpack_dumps(message)

    def from_bytes(self, data: bytes) -> "NetworkShim":
        """Read what `to_bytes` wrote, now or in an earlier version.

        RAISES (ValueError): E001 to E003, E138, E181 if the weights are damaged, E002 if
            a newer version wrote them, E180 for a network that needs torch.
        """
        message = srsly.msgpack_loads(data)
        # What bytes of an older version do not say stays as it is by default.
        self.cfg = {**self.cfg, **message["config"]}
        if message["state"]:
            self._read_weights(message["state"], message.get("sha256"))
        self.set_extra_state(message)
        return self

    def _read_weights(self, data: bytes, expected: Optional[str]) -> None:
        # Older versions wrote no checksum.
        found = hashlib.sha256(data).hexdigest()
        if expected not in (None, found):
            message = Errors.E138.format(found=found[:12], expected=expected[:12])
            raise ValueError(message)
        header, tensors = read_bytes(data)
        name = self.torch_class.partition(":")[2]
        if header.get("type") != name:
            reason = f"they belong to {header.get('type')}, not to {name}"
            raise foreign_bytes(reason)
        for key, tensor in tensors.items():
            if not numpy.isfinite(tensor).all():
                raise ValueError(Errors.E181.format(name=key))
        in_numpy = (
            choose_backend() == "numpy" and get_current_ops().device_type == "cpu"
        )
        if in_numpy and (name in NETWORKS or not has_torch):
            self.network = NumpyNetwork(data)
        else:
            self.network = self._load_torch(data)


def _no_gradient(d_output: Any) -> Tuple[Any, ...]:
    return ()
