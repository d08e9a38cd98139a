"""`StackedTok2Vec`: contextual vectors, word vectors and characters in one BiLSTM."""

from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    List,
    Optional,
    Sequence,
    Tuple,
    cast,
)

import numpy
from spacy.attrs import ORTH
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.vectors import Mode
from thinc.api import ArgsKwargs, Model
from thinc.types import Floats2d

from ..errors import Errors
from ..inputs import TaggerWords
from ..layers import GATES
from ..util import check_choice, check_dropout, check_range, require_torch
from .doc_arrays import (
    UniqueWords,
    VectorCache,
    characters_of,
    flat_attribute,
    in_one_vocab,
    make_windows,
    split_rows,
    unique_words,
)
from .shim import NetworkShim, check_precision, dropout_rate
from .types import Tok2VecModel

NODE_NAME = "ldnet_stacked_tok2vec"
DEFAULT_CHARS = {"embed": 25, "hidden": 25, "width": 50, "rows": 1000}
DEFAULT_VECTORS = {"trainable": False}
#: Longest stretch that the layers read at once, in tokens.
WINDOW = 256
#: Words whose character vectors are kept between predictions: most tokens of a text are
#: among the words before, and at the default width this is 10 MB.
CACHED_WORDS = 50_000


def build_stacked_tok2vec_v1(
    *,
    contextual: Optional[Tok2VecModel] = None,
    chars: Optional[Dict[str, Any]] = None,
    vectors: Optional[Dict[str, Any]] = None,
    width: int = 128,
    depth: int = 1,
    unit: str = "lstm",
    dropout: Optional[float] = None,
    mixed_precision: bool = False,
    precision: str = "float32",
) -> Tok2VecModel:
    """Build the paper's tagger up to its CRF (Liu et al. 2018, section 3.2):
    [characters, contextual vectors, word vectors] -> dropout -> BiLSTM.

    contextual (Optional[Model[List[Doc], List[Floats2d]]]): An LD-Net encoder, or a
        listener to one. None for none.
    chars (Optional[dict]): Sizes of the character LSTM: `embed`, `hidden` (of each
        direction), `width` (of the result), `rows` (of the table of embeddings,
        which a character is given by its code point modulo `rows`). {} for the
        defaults, None for no characters.
    vectors (Optional[dict]): Use spaCy's vectors: `trainable` (bool) says whether a
        copy of the table is trained with the task. None for no vectors.
    width (int): Width of the output, both directions together; even, at least 2.
    depth (int): Number of bidirectional layers, at least 1.
    unit (str): `lstm`, `gru` or `rnn`.
    dropout (Optional[float]): Rate in [0, 1); None for that of `[training] dropout`.
    mixed_precision (bool): Compute in half precision on a GPU; refused (E005) when a
        training begins on a CPU.
    precision (str): Of predictions on a CPU: `float32`; `bfloat16`, which is faster on
        processors that compute with it (W044 on others), and not exact; or `auto`, which
        is bfloat16 on those processors for more than 150 words at once, and otherwise
        float32. Training is in float32.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    RAISES (ValueError): E013 for a value out of range.
    """
    check_range("width", width, width >= 2 and width % 2 == 0, "it must be even")
    check_range("depth", depth, depth >= 1, "it must be at least 1")
    check_choice("unit", unit, GATES)
    check_dropout(dropout)
    check_precision(precision)
    reason = "contextual, chars and vectors can't all be null"
    inputs = [part for part in (contextual, chars, vectors) if part is not None]
    check_range("contextual", None, bool(inputs), reason)
    return Model(
        NODE_NAME,
        forward,
        init=init,
        dims={"nO": width},
        layers=[] if contextual is None else [contextual],
        attrs={
            "chars": _merge("chars", DEFAULT_CHARS, chars),
            "vectors": _merge("vectors", DEFAULT_VECTORS, vectors),
            "depth": depth,
            "unit": unit,
            "fixed_dropout": dropout,
            "dropout_rate": dropout or 0.0,
            "predict_with_head": predict_with_head,
        },
        shims=[TaggerShim(mixed_precision=mixed_precision, precision=precision)],
    )


def _merge(
    name: str, defaults: Dict[str, Any], given: Optional[Dict[str, Any]]
) -> Optional[Dict[str, Any]]:
    if given is None:
        return None
    for key in given:
        check_choice(name, key, defaults)
    return {**defaults, **given}


class TaggerShim(NetworkShim):
    """Holds the network, and the character vectors of words that it has read."""

    def __init__(
        self, *, mixed_precision: bool = False, precision: str = "float32"
    ) -> None:
        """mixed_precision (bool): See NetworkShim.
        precision (str): See NetworkShim.
        """
        self.char_vectors = VectorCache(CACHED_WORDS)
        super().__init__(
            "spacy_ldnet.nn.tagger:TokenStack",
            mixed_precision=mixed_precision,
            precision=precision,
        )

    def clear_caches(self, changed: Optional[Collection[str]] = None) -> None:
        if changed is None or any(name.startswith("chars.") for name in changed):
            self.char_vectors.clear()

    def find_words(self, docs: List[Doc], is_train: bool) -> TaggerWords[numpy.ndarray]:
        """docs (List[Doc]): The batch, of one vocab.
        is_train (bool): Whether there will be a backward pass.
        RETURNS (TaggerWords): What the network reads of its words.
        RAISES (ValueError): E112 or E113 for word vectors that do not fit.
        """
        sizes = self.structure
        words = unique_words(docs)
        vectors, chars, char_vectors = None, None, None
        if sizes["vectors"]:
            vectors = _find_vectors(docs, words, sizes)
        if sizes["char_embed"]:
            strings: Any = docs[0].vocab.strings if docs else []
            n_ids = sizes["char_rows"]

            def read(keys: numpy.ndarray) -> Any:
                return characters_of([strings[key] for key in keys.tolist()], n_ids)

            if is_train:
                chars = read(words.keys)
            else:
                char_vectors = self.char_vectors.get(
                    words.keys, lambda some: self.call("chars", read(words.keys[some]))
                )
        return TaggerWords(words.inverse, chars, char_vectors, vectors)


def _find_vectors(
    docs: List[Doc], words: UniqueWords, sizes: Dict[str, Any]
) -> numpy.ndarray:
    """RETURNS (ndarray): A vector for each word, zeros for words without one; or, if the
    network has a table, the vectors' rows, counted from 1, with 0 for words without one.
    """
    # At every call: a vocab's vectors may be replaced at any time.
    vectors = docs[0].vocab.vectors if docs else None
    rows, width = (0, sizes["vectors"]) if vectors is None else vectors.shape
    if width != sizes["vectors"]:
        values = {"expected": sizes["vectors"], "found": width}
        raise ValueError(Errors.E112.format(reader=NODE_NAME, **values))
    as_rows = bool(sizes["vector_rows"])
    if vectors is None:
        return (
            numpy.zeros(0, "int64") if as_rows else numpy.zeros((0, width), "float32")
        )
    if sizes["vector_rows"] not in (0, rows + 1):
        values = {"expected": sizes["vector_rows"] - 1, "found": rows}
        raise ValueError(Errors.E113.format(reader=NODE_NAME, **values))
    keys = words.keys
    if vectors.attr != ORTH:
        keys = flat_attribute(docs, vectors.attr)[words.first]
    if vectors.mode != Mode.default and not as_rows:
        return vectors.get_batch(keys.tolist()).astype("float32", copy=False)
    found = numpy.asarray(vectors.find(keys=keys.tolist()), dtype="int64")
    if as_rows:
        return found + 1
    taken = vectors.data[found].astype("float32", copy=False)
    taken[found < 0] = 0
    return taken


def init(
    model: Tok2VecModel,
    X: Optional[List[Doc]] = None,
    Y: Optional[Any] = None,
) -> None:
    """Initialise the contextual part and build the network.

    RAISES (ValueError): E005 for mixed precision on a CPU, E017 without vectors, E136
        without torch.
    """
    docs = list(X or [])
    for layer in model.layers:
        layer.initialize(X=X)
    shim = cast(TaggerShim, model.shims[0])
    if not shim.is_built or docs:
        require_torch("to initialise a pipeline")
        shim.check_precision()
        shim.module = _build_network(model, docs)


def _build_network(model: Tok2VecModel, docs: Sequence[Doc]) -> Any:
    from ..nn.tagger import StackConfig
    from .torch_network import build_tagger

    chars, vectors = model.attrs["chars"], model.attrs["vectors"]
    table = None
    dim, rows = 0, 0
    if vectors is not None:
        found = docs[0].vocab.vectors if docs else None
        if found is None or found.shape[1] == 0:
            raise ValueError(Errors.E017)
        dim = found.shape[1]
        if vectors["trainable"]:
            rows = 1 + found.shape[0]
            table = numpy.asarray(found.data, dtype="float32")
    sizes = chars or dict.fromkeys(DEFAULT_CHARS, 0)
    config = StackConfig(
        context=model.layers[0].get_dim("nO") if model.layers else 0,
        char_rows=sizes["rows"],
        char_embed=sizes["embed"],
        char_hidden=sizes["hidden"],
        char_width=sizes["width"],
        vectors=dim,
        vector_rows=rows,
        width=model.get_dim("nO"),
        depth=model.attrs["depth"],
        unit=model.attrs["unit"],
    )
    return build_tagger(config, table)


def forward(
    model: Tok2VecModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    """Vectors of the docs' tokens.

    RAISES (ValueError): E004 if the model was never initialised or loaded, E110 to E113
        for vectors that do not fit, E193 for a listener that was given none.
    """
    shim = cast(TaggerShim, model.shims[0])
    with shim.threads_for(sum(map(len, docs)), is_train):
        inputs, bp_context = _read_inputs(model, shim, docs, is_train)
        Y, bp_network = shim(inputs, is_train)

    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        d_context = bp_network(model.ops.flatten(dYs))[0]
        if bp_context is not None:
            bp_context(d_context)
        return docs

    return split_rows(Y, list(map(len, docs))), backprop


def predict_with_head(
    model: Tok2VecModel, docs: List[Doc], head: NetworkShim
) -> List[Floats2d]:
    """Predict the output of a layer after this one. The output of this one, which is
    large for a long document, is never in memory as a whole.

    model (Model): A stacked tok2vec.
    docs (List[Doc]): The documents.
    head (NetworkShim): The layer.
    RETURNS (List[Floats2d]): Its output for each of them.
    """
    shim = cast(TaggerShim, model.shims[0])
    with shim.threads_for(sum(map(len, docs)), False):
        inputs, _ = _read_inputs(model, shim, docs, False)
        Y = shim.predict(inputs, head)
    return split_rows(Y, list(map(len, docs)))


def _read_inputs(
    model: Tok2VecModel, shim: TaggerShim, docs: List[Doc], is_train: bool
) -> Tuple[ArgsKwargs, Optional[Callable[[Any], Any]]]:
    """The inputs of the network, and the backward pass of its contextual part."""
    sizes = shim.structure
    if sizes is None:
        raise ValueError(Errors.E004)
    context, bp_context = None, None
    if model.layers:
        lengths = list(map(len, docs))
        context, bp_context = read_vectors(
            model, docs, is_train, width=sizes["context"], lengths=lengths
        )
    words = shim.find_words(in_one_vocab(docs, sizes["vectors"]), is_train)
    windows = make_windows(docs, WINDOW)
    options = {"dropout": dropout_rate(model)}
    return ArgsKwargs((context, words, windows), options), bp_context


def read_vectors(
    reader: Model,
    docs: List[Doc],
    is_train: bool,
    *,
    width: int,
    lengths: Sequence[int],
) -> Tuple[Any, Callable[[Any], Any]]:
    """Call the layer that gives a layer its vectors, perhaps a listener, and check them.

    At every call: behind a listener they are in `doc.tensor`, which anything in the
    pipeline or outside of it may set.

    reader (Model): The layer that reads the vectors of its first layer.
    docs (List[Doc]): The documents.
    is_train (bool): Whether there will be a backward pass.
    width (int): Width of the vectors that it needs.
    lengths (Sequence[int]): Number of vectors that each document needs.
    RETURNS (Tuple[Floats2d, Callable]): All vectors, and the backward pass from their
        gradient.
    RAISES (ValueError): E110 for another width, E111 for another number, E193 for a
        listener that was given none in training.
    """
    layer = reader.layers[0]
    # spaCy's own error calls the encoder "tok2vec", whatever its name is.
    if is_train and isinstance(layer, Tok2VecListener) and layer._batch_id is None:
        if any(len(doc) and not doc.tensor.size for doc in docs):
            upstream = layer.upstream_name
            message = Errors.E193.format(reader=reader.name, upstream=upstream)
            raise ValueError(message)
    Xs, backprop = layer(docs, is_train)
    for array, size in zip(Xs, lengths):
        if array.shape == (size, width):
            continue
        names = {"reader": reader.name, "layer": layer.name}
        if array.shape[1:] != (width,):
            found = array.shape[1] if array.ndim == 2 else f"shape {array.shape}"
            raise ValueError(Errors.E110.format(found=found, expected=width, **names))
        found = array.shape[0]
        raise ValueError(Errors.E111.format(found=found, expected=size, **names))

    def backprop_flat(d_flat: Any) -> Any:
        return backprop(split_rows(d_flat, lengths))

    # Whoever set doc.tensor may have computed in another precision.
    flat = concatenate(reader, Xs, width).astype("float32", copy=False)
    return flat, backprop_flat


def concatenate(model: Model, arrays: Sequence[Any], width: int) -> Any:
    """Unlike `ops.flatten`, always two-dimensional."""
    filled = [array for array in arrays if len(array)]
    if len(filled) == 1:
        # Of one long document a copy would be large.
        return filled[0]
    ops = model.ops
    return ops.xp.concatenate(filled) if filled else ops.alloc2f(0, width)
