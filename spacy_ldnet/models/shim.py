"""The shim of our thinc models: a network's saved weights, its words and its settings.

The network itself is made of the saved weights: in numpy, which only predicts, and once it
is needed in torch, where that is installed.
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
    Sequence,
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
#: Numpy predicts up to so many words at once, torch more. A call of torch takes several
#: times as long as one of numpy, and its products of large matrices are faster. Measured
#: on one core with one layer of 160 per direction, in milliseconds of numpy and of torch:
#: 2.3 and 4.2 for a text of 20 words, 6.4 and 7.0 for 120, 9.5 and 9.3 for 200.
FEW_WORDS = 150
#: Numbers that a torch network computes with when it predicts on a CPU.
PRECISIONS = ("float32", "bfloat16", "auto")

Backprop = Callable[[Any], Tuple[Any, ...]]
#: What computes for a shim.
Network = Union["NumpyNetwork", "TorchNetwork"]


def choose_backend() -> Optional[str]:
    """Choose the backend of networks that are loaded. The environment variable
    SPACY_LDNET_BACKEND, `torch` or `numpy`, overrides it. Training is always in torch.

    RETURNS (Optional[str]): "numpy" without torch; otherwise None, for numpy where there
        are FEW_WORDS to predict, and for torch where there are more.
    RAISES (ValueError): E137 for another value of the variable.
    """
    found = os.environ.get(BACKEND_VARIABLE)
    if found is None:
        return None if has_torch else "numpy"
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
    if precision != "bfloat16" or get_current_ops().device_type != "cpu":
        return
    if choose_backend() == "numpy":
        warnings.warn(Warnings.W049, stacklevel=3)
        return
    from ..nn.precision import has_bfloat16, runs_bfloat16

    if not has_bfloat16():
        warning = Warnings.W044 if runs_bfloat16() else Warnings.W045
        warnings.warn(warning, stacklevel=3)


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
    written, whatever the config says. A loaded network predicts few words in numpy, which
    is faster for them, and many in torch.
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
        precision (str): Of torch's predictions on a CPU, one of PRECISIONS. `auto` is
            bfloat16 where the processor computes in it, and float32 elsewhere.
        """
        super().__init__(None)
        self.structure: Any = None
        #: The same network in torch, next to one in numpy; None until it is needed.
        self._in_torch: Optional[Any] = None
        self._backend: Optional[str] = None
        self.torch_class = torch_class
        self.mixed_precision = mixed_precision
        self.precision = precision
        self.set_words([])

    # The network

    @property
    def network(self) -> Optional[Network]:
        """RETURNS (Optional[Network]): What holds the weights, and computes, unless it is
        in numpy and there are many words; None before there are weights.
        """
        return self._model

    @network.setter
    def network(self, network: Network) -> None:
        self._model = network
        self._in_torch = None
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
            in_torch = self._in_torch or self._load_torch(self._model.data)
            # The optimizer keeps its state under this id, which may be a copy's.
            in_torch.id = self.id
            self.network = in_torch
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

    def _network_for(self, n_words: int) -> Network:
        """RETURNS (Network): What computes for so many words."""
        network = self._model
        numpy_only = self._backend == "numpy" or n_words <= FEW_WORDS
        if numpy_only or not isinstance(network, NumpyNetwork):
            return network
        if self._in_torch is None:
            self._in_torch = self._load_torch(network.data)
        return self._in_torch

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
        n_words = _count_rows(inputs.args)
        network: Any = self._network_for(n_words)
        if head is None:
            return network.predict(inputs)
        last: Any = head._network_for(n_words)
        if type(last) is type(network):
            return network.predict(inputs, last)
        output = network.predict(inputs)
        return last.predict(ArgsKwargs((output,), {}))

    def call(self, method: str, *inputs: Any, **options: Any) -> Any:
        """method (str): Name of a method or a part of the network.
        inputs (Any): Its inputs, as arrays.
        options (Any): Inputs that stay on the CPU.
        RETURNS (Any): Its output, as arrays on the CPU; no gradients.
        """
        network = self._network_for(_count_rows(inputs))
        return network.call(method, *inputs, **options)

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
        network = self._model if is_train else self._network_for(n_words)
        if is_train or isinstance(network, NumpyNetwork):
            return contextlib.nullcontext()
        return network.threads_for(n_words)

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

    def from_bytes(self, data: Union[bytes, Dict[str, Any]]) -> "NetworkShim":
        """Read what `to_bytes` wrote, now or in an earlier version.

        data (Union[bytes, Dict[str, Any]]): The bytes, or what msgpack reads from them.
        RETURNS (NetworkShim): The shim itself.
        RAISES (ValueError): E001 to E003, E138, E181 if the weights are damaged, E002 if
            a newer version wrote them, E180 for a network that needs torch.
        """
        message = data if isinstance(data, dict) else srsly.msgpack_loads(data)
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
        self._backend = choose_backend()
        on_cpu = get_current_ops().device_type == "cpu"
        # Numpy knows float32 only.
        fits = self._backend == "numpy" or self.precision != "bfloat16"
        in_numpy = self._backend != "torch" and on_cpu and fits
        if in_numpy and (name in NETWORKS or not has_torch):
            self.network = NumpyNetwork(data)
            if self._backend is None:
                from ..nn.threads import make_fork_safe

                make_fork_safe()
        else:
            self.network = self._load_torch(data)


def _count_rows(inputs: Sequence[Any]) -> int:
    """RETURNS (int): Number of words that a network reads, from any of its inputs."""
    return next((len(each) for each in inputs if each is not None), 0)


def _no_gradient(d_output: Any) -> Tuple[Any, ...]:
    return ()
