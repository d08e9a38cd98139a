"""The encoder's shim: its words, its gates, and what is trained of it."""

import warnings
from functools import partial
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    List,
    Optional,
    Sequence,
    Tuple,
)

import numpy
import torch
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d
from thinc.util import get_torch_default_device

from ..errors import Errors, Warnings
from ..inputs import EncoderWords, Windows
from ..lm_directory import DIRECTIONS, vocabulary_hash
from ..nn.cache import VectorCache, WindowCache
from ..nn.encoder import LDNetEncoder
from ..nn.precision import has_bfloat16, runs_bfloat16, with_own_defaults
from ..nn.rnn import CELLS
from ..nn.word_embedding import Bags
from ..subwords import find_subwords, subwords_of
from ..util import check_dropout, check_range
from .doc_arrays import (
    Layout,
    SpanGetter,
    Types,
    find_types,
    lay_out,
    make_windows,
    texts_of,
)
from .gated import GateShim
from .shim import PRECISIONS, WordShim

#: Words whose composed embeddings are kept.
CACHED_WORDS = 50_000
#: What the names of the language models' weights begin with.
LM_PREFIXES = tuple(f"{direction}_lm." for direction in DIRECTIONS)


class LDNetShim(GateShim, WordShim):
    """Holds both language models, their vocabulary, the gates and their penalty.

    cfg["train_lm"] (bool): Whether the language models' weights are trained.
    cfg["lm_rate"] (float): Their learning rate, as a share of that of other weights.
    """

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
        self.features = WindowCache(cache_mb * 10**6)
        self.embeddings = VectorCache(CACHED_WORDS)
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

    def update_arguments(self) -> Dict[str, Any]:
        cache = self.features if self.module.frozen else None
        return {**super().update_arguments(), "cache": cache}

    def forget(self, changed: Optional[Collection[str]] = None) -> None:
        below = ("gates", *LM_PREFIXES)
        if changed is None or any(name.startswith(below) for name in changed):
            self.features.clear()
            self.embeddings.clear()

    def read_types(
        self, types: Types, inverse: numpy.ndarray, texts: Callable[[Any], List[str]]
    ) -> EncoderWords:
        """types (Types): The different words of a batch.
        inverse (ndarray): Which of them each word is. Shape: (words,)
        texts (Callable): Gives the strings of some of them, chosen by their positions.
        RETURNS (EncoderWords): What the network reads.
        """
        device, module = self.device, self.module
        rows = torch.from_numpy(self.rows(types.keys)).to(device)
        index = torch.from_numpy(inverse).to(device)
        if not module.config.subword_rows:
            return EncoderWords(rows, index)

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
            return EncoderWords(rows, index, bags=everything, keys=keys)
        embeddings = self.embeddings.get(types.keys, compose)
        return EncoderWords(rows, index, embeddings=embeddings, keys=keys)

    def rate_of(self, name: str) -> float:
        return self.cfg["lm_rate"] if name.startswith(LM_PREFIXES) else 1.0

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


LDNetModel = Model[List[Doc], List[Floats2d]]
NODE_NAME = "ldnet_encoder"


def build_ldnet_encoder_v1(
    *,
    width: int = 128,
    embed: Optional[int] = None,
    hidden: Optional[int] = None,
    depth: Optional[int] = None,
    unit: Optional[str] = None,
    dropout: Optional[float] = None,
    window: int = 256,
    get_spans: Optional[SpanGetter] = None,
    sentence_end: bool = False,
    mixed_precision: bool = False,
    precision: str = "float32",
    cache_mb: int = 512,
) -> LDNetModel:
    """Build an encoder whose weights come from a pretrained LM directory.

    Sizes other than `width` come from the language models (Liu et al. 2018, section 3);
    those that are given are checked (E010). The network itself comes with the loader or
    with the saved pipeline, whose weights say which layers are left.

    width (int): Width of the vectors given to the components after it, at least 1.
    embed (Optional[int]): Width of the language models' word embeddings; None for what
        they have.
    hidden (Optional[int]): Width of each recurrent layer; None for what they have.
    depth (Optional[int]): Number of layers per direction before pruning, at least 1;
        None for what they have.
    unit (Optional[str]): `lstm`, `gru` or `rnn`; None for what they have.
    dropout (Optional[float]): Dropout of the output in training, in [0, 1). None for
        the rate given in `[training] dropout`.
    window (int): Longest stretch of a document that is read at once, in tokens, at
        least 8. Neighbouring windows overlap by an eighth.
    get_spans (Optional[Callable]): A registered span getter, which replaces `window`.
    sentence_end (bool): Read sentence by sentence, and give one row more for each, its
        end. Only for the inside of `spacy-ldnet.SentenceTok2Vec.v1`: listeners get rows
        that do not match their tokens. `window` and `get_spans` are ignored then.
    mixed_precision (bool): Compute in half precision on a GPU; refused (E005) when a
        training begins on a CPU.
    precision (str): Of predictions on a CPU: `float32`, or `bfloat16`, which is faster
        on processors that compute with it (W044 on others), and not exact. Training is
        in float32.
    cache_mb (int): Memory (MB) for what frozen language models gave in training, so that
        they read each text once and not in every epoch; 0 for none.
    RETURNS (Model[List[Doc], List[Floats2d]]): The encoder.
    RAISES (ValueError): E013 for a value out of range.
    """
    check_range("window", window, window >= 8, "it must be at least 8")
    check_range("width", width, width >= 1, "it must be at least 1")
    check_range("depth", depth, depth is None or depth >= 1, "it must be at least 1")
    known = unit is None or unit in CELLS
    check_range("unit", unit, known, f"choose from {', '.join(CELLS)}")
    check_dropout(dropout)
    check_precision(precision)
    check_range("cache_mb", cache_mb, cache_mb >= 0, "it must not be negative")
    return Model(
        NODE_NAME,
        forward,
        dims={"nO": width},
        attrs={
            "embed": embed,
            "hidden": hidden,
            "depth": depth,
            "unit": unit,
            "window": window,
            "get_spans": get_spans,
            "sentence_end": sentence_end,
            "fixed_dropout": dropout,
            "dropout_rate": dropout or 0.0,
            "gate_shim": gate_shim,
        },
        shims=[
            LDNetShim(
                mixed_precision=mixed_precision, precision=precision, cache_mb=cache_mb
            )
        ],
    )


def gate_shim(encoder: LDNetModel) -> LDNetShim:
    """RETURNS (LDNetShim): What holds the encoder's gates; see `pruning.find_gated`."""
    return encoder.shims[0]  # type: ignore[return-value]


def check_precision(precision: str) -> None:
    """RAISES (ValueError): E013 for one that there is not. One that this processor is
    slow in is W044, one that it cannot compute in, W045.
    """
    reason = f"choose from {', '.join(PRECISIONS)}"
    check_range("precision", precision, precision in PRECISIONS, reason)
    on_cpu = get_torch_default_device().type == "cpu"
    if precision == "bfloat16" and on_cpu and not has_bfloat16():
        warning = Warnings.W044 if runs_bfloat16() else Warnings.W045
        warnings.warn(warning, stacklevel=3)


def dropout_rate(model: Model) -> float:
    """RETURNS (float): The node's own rate, or that of `[training] dropout`."""
    fixed = model.attrs["fixed_dropout"]
    return model.attrs["dropout_rate"] if fixed is None else fixed


def find_encoders(model: Model) -> List[LDNetModel]:
    """RETURNS (List[Model]): The LD-Net encoders inside a model. Found by walking,
    since thinc's copies lose their refs.
    """
    return [node for node in model.walk() if node.name == NODE_NAME]


@with_own_defaults
def forward(
    model: LDNetModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    shim = model.shims[0]
    if not isinstance(shim, LDNetShim) or shim.module is None:
        return _not_loaded(model, docs, is_train)
    types = find_types(docs)
    inverse = types.of_tokens
    sizes = [len(doc) for doc in docs]
    if model.attrs["sentence_end"]:
        layout = lay_out(docs)
        inverse = with_ends(inverse, layout, len(types.keys))
        sizes = layout.of_docs
        windows = _sentence_windows(layout, shim.device)
    else:
        spans = (model.attrs["window"], model.attrs["get_spans"])
        windows = make_windows(docs, *spans, shim.device)
    words = shim.read_types(types, inverse, partial(texts_of, docs, types))
    inputs = ArgsKwargs((words, windows), {"dropout": dropout_rate(model)})
    with shim.threads_for(len(inverse), is_train):
        Y, bp_network = shim(inputs, is_train)

    @with_own_defaults
    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        dY = xp2torch(model.ops.flatten(dYs), device=shim.device)
        bp_network(ArgsKwargs(args=((Y,),), kwargs={"grad_tensors": (dY,)}))
        return docs

    return split_rows(torch2xp(Y.detach()), sizes), backprop


def _sentence_windows(layout: Layout, device: torch.device) -> Windows:
    arrays = (
        layout.starts,
        layout.lengths,
        numpy.zeros_like(layout.lengths),
        layout.lengths,
    )
    return Windows(*(torch.from_numpy(array).to(device) for array in arrays))


def with_ends(rows: numpy.ndarray, layout: Layout, end: int) -> numpy.ndarray:
    """rows (ndarray): Row or type of each token. Shape: (tokens,)
    layout (Layout): Where they stand.
    end (int): Row or type of a sentence's end.
    RETURNS (ndarray): That of each position. Shape: (positions,)
    """
    full = numpy.full(layout.size, end, dtype=rows.dtype)
    full[layout.of_tokens] = rows
    return full


def split_rows(rows: Any, sizes: Sequence[int]) -> List[Any]:
    """RETURNS (List[FloatsXd]): Each document's rows, without a copy."""
    parts = []
    start = 0
    for size in sizes:
        parts.append(rows[start : start + size])
        start += size
    return parts


def check_rows(
    rows: Sequence[Any], sizes: Sequence[int], width: int, reader: Model, layer: Model
) -> None:
    """Compare the shapes of vectors with what the layer that reads them was built for.

    At every call: behind a listener they are in `doc.tensor`, which anything in the
    pipeline or outside of it may set.

    rows (Sequence[Floats2d]): The vectors of each document.
    sizes (Sequence[int]): Number of vectors that each document needs.
    width (int): Width that they need.
    reader (Model): The layer that reads them.
    layer (Model): The layer that gave them.
    RAISES (ValueError): E110 for another width, E111 for another number.
    """
    for array, size in zip(rows, sizes):
        if array.shape == (size, width):
            continue
        names = {"reader": reader.name, "layer": layer.name}
        if array.shape[1:] != (width,):
            found = array.shape[1] if array.ndim == 2 else f"shape {array.shape}"
            raise ValueError(Errors.E110.format(found=found, expected=width, **names))
        found = array.shape[0]
        raise ValueError(Errors.E111.format(found=found, expected=size, **names))


def read_vectors(
    layer: Model, docs: List[Doc], is_train: bool, reader: Model
) -> Tuple[List[Any], Callable]:
    """layer (Model): A layer that gives vectors, perhaps a listener.
    docs (List[Doc]): The documents.
    is_train (bool): Whether there will be a backward pass.
    reader (Model): The layer that reads the vectors.
    RETURNS (Tuple[List[Floats2d], Callable]): The vectors, and the backward pass.
    RAISES (ValueError): E193 for a listener that was given none in training.
    """
    # spaCy's own error calls the encoder "tok2vec", whatever its name is.
    if is_train and isinstance(layer, Tok2VecListener) and layer._batch_id is None:
        if any(len(doc) and not doc.tensor.size for doc in docs):
            upstream = layer.upstream_name
            message = Errors.E193.format(reader=reader.name, upstream=upstream)
            raise ValueError(message)
    return layer(docs, is_train)


def _not_loaded(
    model: LDNetModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    """Before weights are loaded the encoder has a shape only, which thinc asks for
    when it initialises the layers behind it. It can't be trained."""
    if is_train:
        raise ValueError(Errors.E012.format(name="ldnet"))
    width = model.get_dim("nO")
    return [model.ops.alloc2f(len(doc), width) for doc in docs], no_gradient


def no_gradient(dYs: List[Floats2d]) -> List[Doc]:
    return []
