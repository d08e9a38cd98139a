"""`LDNetEncoder`: contextual vectors of pruned language models, as a thinc model."""

from functools import partial
from typing import Any, Callable, Collection, Dict, List, Optional, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model
from thinc.types import Floats2d

from ..errors import Errors
from ..inputs import EncoderWords, Windows
from ..layers import GATES
from ..lm_directory import DIRECTIONS, vocabulary_hash
from ..subwords import SubwordConfig, find_subwords
from ..util import check_choice, check_dropout, check_range
from .doc_arrays import (
    UniqueWords,
    VectorCache,
    make_windows,
    split_rows,
    texts_of,
    unique_words,
)
from .gated import GateShim
from .shim import (
    Backprop,
    NetworkShim,
    check_precision,
    dropout_rate,
)
from .types import SpanGetter, Tok2VecModel

NODE_NAME = "ldnet_encoder"
#: Words whose embeddings, composed of subwords, are kept.
CACHED_WORDS = 50_000
#: What the names of the language models' weights begin with.
LM_PREFIXES = tuple(f"{direction}_lm." for direction in DIRECTIONS)


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
) -> Tok2VecModel:
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
    sentence_end (bool): No effect. Configs of converted pipelines have it.
    mixed_precision (bool): Compute in half precision on a GPU; refused (E005) when a
        training begins on a CPU.
    precision (str): Of predictions on a CPU: `float32`; `bfloat16`, which is faster on
        processors that compute with it (W044 on others), and not exact; or `auto`, which
        is bfloat16 on those processors for more than 150 words at once, and otherwise
        float32. Training is in float32.
    cache_mb (int): Memory (MB) for what frozen language models gave in training, so that
        they read each text once and not in every epoch; 0 for none.
    RETURNS (Model[List[Doc], List[Floats2d]]): The encoder.
    RAISES (ValueError): E013 for a value out of range.
    """
    check_range("window", window, window >= 8, "it must be at least 8")
    check_range("width", width, width >= 1, "it must be at least 1")
    check_range("depth", depth, depth is None or depth >= 1, "it must be at least 1")
    if unit is not None:
        check_choice("unit", unit, GATES)
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


def gate_shim(encoder: Tok2VecModel) -> GateShim:
    """RETURNS (GateShim): What holds the encoder's gates; see `pruning.find_gated`."""
    return encoder.shims[0]  # type: ignore[return-value]


class LDNetShim(GateShim, NetworkShim):
    """Holds both language models, their words, the gates and their penalty.

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
        """mixed_precision (bool): See NetworkShim.
        precision (str): See NetworkShim.
        cache_mb (int): Memory for the outputs of frozen language models in training.
        """
        self.cache_mb = cache_mb
        self._features: Optional[Any] = None
        self.embeddings = VectorCache(CACHED_WORDS)
        super().__init__(
            "spacy_ldnet.nn.encoder:LDNetEncoder",
            mixed_precision=mixed_precision,
            precision=precision,
        )
        self.reset_gates()
        self.cfg.update(train_lm=False, lm_rate=1.0)

    def load(self, module: Any, words: List[str]) -> None:
        """module (LDNetEncoder): The network in torch.
        words (List[str]): Words of its table, from FIRST_WORD_ROW.
        """
        self.module = module
        self.set_words(words)
        self._gate_optimizer = None
        module.train_language_models(self.cfg["train_lm"])

    def _load_torch(self, data: bytes) -> Any:
        network = super()._load_torch(data)
        self._gate_optimizer = None
        network.module.train_language_models(self.cfg["train_lm"])
        return network

    def set_extra_state(self, message: Dict[str, Any]) -> None:
        super().set_extra_state(message)
        if self.is_built:
            check_words(self.words, self.structure["vocabulary"], "the pipeline")

    def clear_caches(self, changed: Optional[Collection[str]] = None) -> None:
        below = ("gates", *LM_PREFIXES)
        if changed is None or any(name.startswith(below) for name in changed):
            self._features = None
            self.embeddings.clear()

    @property
    def features(self) -> Any:
        """RETURNS (WindowCache): Outputs of frozen language models in training."""
        if self._features is None:
            from ..nn.cache import WindowCache

            self._features = WindowCache(self.cache_mb * 10**6)
        return self._features

    def update_arguments(self) -> Dict[str, Any]:
        cache = self.features if self.module.frozen else None
        return {**super().update_arguments(), "cache": cache}

    def train_layers(self, train: bool, rate: float) -> None:
        """Let the language models' layers be trained, or freeze them.

        train (bool): Whether to train them; their embeddings stay frozen.
        rate (float): Their learning rate, as a share of that of other weights.
        """
        self.cfg["lm_rate"] = rate
        if self.is_built:
            self.module.train_language_models(train, embeddings=False)

    def lr_scale(self, name: str) -> float:
        return self.cfg["lm_rate"] if name.startswith(LM_PREFIXES) else 1.0

    def find_words(
        self,
        words: UniqueWords,
        inverse: numpy.ndarray,
        texts: Callable[[numpy.ndarray], List[str]],
        is_train: bool,
    ) -> EncoderWords[numpy.ndarray]:
        """words (UniqueWords): The different words of a batch.
        inverse (ndarray): The word of each position. Shape: (positions,)
        texts (Callable): Gives the strings of some words, chosen by their indices.
        is_train (bool): Whether there will be a backward pass.
        RETURNS (EncoderWords): What the network reads.
        """
        ids = self.word_ids(words.keys)
        sizes = self.structure
        if not sizes.get("subword_rows"):
            return EncoderWords(ids, inverse)
        config = SubwordConfig(
            sizes["subword_rows"], tuple(sizes["ngrams"]), tuple(sizes["features"])
        )

        def bags(some: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
            found = find_subwords(texts(some), config)
            return found.ids, found.offsets[:-1]

        def compose(some: numpy.ndarray) -> numpy.ndarray:
            return self.call("compose", ids[some], bags(some))

        keys = words.keys.view("int64")
        module: Any = self.module if is_train else None
        if is_train and module.forward_lm.embedding.weight.requires_grad:
            every = bags(numpy.arange(len(keys)))
            return EncoderWords(ids, inverse, bags=every, keys=keys)
        embeddings = self.embeddings.get(words.keys, compose)
        return EncoderWords(ids, inverse, embeddings=embeddings, keys=keys)


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


def find_encoders(model: Model) -> List[Tok2VecModel]:
    """RETURNS (List[Model]): The LD-Net encoders inside a model. Found by walking,
    since thinc's copies lose their refs.
    """
    return [node for node in model.walk() if node.name == NODE_NAME]


def forward(
    model: Tok2VecModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    """Contextual vectors of the docs' tokens.

    RAISES (ValueError): E012 in training without language models.
    """
    shim = cast(LDNetShim, model.shims[0])
    if shim.structure is None:
        return _not_loaded(model, docs, is_train)
    words = unique_words(docs)
    windows = make_windows(docs, model.attrs["window"], model.attrs["get_spans"])
    Y, bp_network = encode(model, docs, words, words.inverse, windows, is_train)

    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        bp_network(model.ops.flatten(dYs))
        return docs

    return split_rows(Y, list(map(len, docs))), backprop


def encode(
    model: Tok2VecModel,
    docs: List[Doc],
    words: UniqueWords,
    inverse: numpy.ndarray,
    windows: Windows[numpy.ndarray],
    is_train: bool,
) -> Tuple[Floats2d, Backprop]:
    """Contextual vectors of a sequence of words.

    model (Model): The encoder, with its weights.
    docs (List[Doc]): The documents that the words are from.
    words (UniqueWords): The different words.
    inverse (ndarray): Index of each position's word; the number of words stands for the
        end of a sentence. Shape: (positions,)
    windows (Windows): The stretches of positions that are read at once.
    is_train (bool): Whether there will be a backward pass.
    RETURNS (Tuple[Floats2d, Callable]): A vector for each position, and the backward pass.
    """
    shim = cast(LDNetShim, model.shims[0])
    with shim.threads_for(len(inverse), is_train):
        found = shim.find_words(
            words, inverse, partial(texts_of, docs, words), is_train
        )
        options = {"dropout": dropout_rate(model)}
        return shim(ArgsKwargs((found, windows), options), is_train)


def _not_loaded(
    model: Tok2VecModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    """Before weights are loaded the encoder has a shape only, which thinc asks for
    when it initialises the layers behind it. It can't be trained."""
    if is_train:
        raise ValueError(Errors.E012.format(name="ldnet"))
    width = model.get_dim("nO")
    return [model.ops.alloc2f(len(doc), width) for doc in docs], no_gradient


def no_gradient(dYs: List[Floats2d]) -> List[Doc]:
    return []
