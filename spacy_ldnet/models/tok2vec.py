"""`StackedTok2Vec`: an encoder's vectors, word vectors and characters in one BiLSTM."""

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
import torch
from spacy.attrs import ORTH
from spacy.tokens import Doc
from spacy.vectors import Mode
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor

from ..errors import Errors
from ..inputs import CharIds, TaggerWords
from ..nn.cache import VectorCache
from ..nn.precision import with_own_defaults
from ..nn.rnn import CELLS
from ..nn.tagger import StackConfig, TokenStack
from ..util import check_dropout, check_range
from .doc_arrays import (
    Types,
    characters_of,
    find_types,
    flat_attribute,
    in_one_vocab,
    make_windows,
    split_rows,
)
from .encoder import (
    check_precision,
    check_rows,
    dropout_rate,
    read_vectors,
)
from .shim import ModuleShim

#: Words whose characters' representations are kept between predictions: most tokens of
#: a text are among the words before, and at the default width this is 10 MB.
CACHED_WORDS = 50_000


class StackShim(ModuleShim):
    """Holds the stack, and the character representations of words it has read."""

    def __init__(
        self, *, mixed_precision: bool = False, precision: str = "float32"
    ) -> None:
        """mixed_precision (bool): See ModuleShim.
        precision (str): See ModuleShim.
        """
        self.read_words = VectorCache(CACHED_WORDS)
        super().__init__(
            TokenStack, mixed_precision=mixed_precision, precision=precision
        )

    def forget(self, changed: Optional[Collection[str]] = None) -> None:
        if changed is None or any(name.startswith("chars.") for name in changed):
            self.read_words.clear()

    def look_up(self, docs: List[Doc], is_train: bool) -> TaggerWords:
        """docs (List[Doc]): The batch, of one vocab.
        is_train (bool): Whether gradients are needed.
        RETURNS (TaggerWords): What the network reads of its words.
        RAISES (ValueError): E112 or E113 for word vectors that do not fit.
        """
        config: StackConfig = self.module.config
        types = find_types(docs)
        vectors = None
        if config.vectors:
            _check_vectors(docs, config)
            found = _vectors(docs, types, bool(config.vector_rows))
            vectors = torch.from_numpy(found).to(self.device)
        chars, read = None, None
        if config.char_embed and is_train:
            chars = self._characters(docs, types.keys)
        elif config.char_embed:
            read = self._read_characters(docs, types)
        of_tokens = torch.from_numpy(types.of_tokens).to(self.device)
        return TaggerWords(of_tokens, chars, read, vectors)

    def _read_characters(self, docs: List[Doc], types: Types) -> Tensor:
        def compute(positions: numpy.ndarray) -> Tensor:
            return self.module.chars(self._characters(docs, types.keys[positions]))

        with self.inference():
            return self.read_words.get(types.keys, compute)

    def _characters(self, docs: List[Doc], keys: numpy.ndarray) -> CharIds:
        chars = characters_of([docs[0].vocab.strings[key] for key in keys.tolist()])
        # Any character has a row, known beforehand or not: as in spaCy's hash
        # embeddings, rare ones share theirs.
        rows = chars.codes % self.module.config.char_rows
        arrays = (rows, chars.starts, chars.lengths)
        return CharIds(*(torch.from_numpy(array).to(self.device) for array in arrays))


def _check_vectors(docs: List[Doc], config: StackConfig) -> None:
    """At every call: a vocab's vectors may be replaced at any time."""
    rows, width = docs[0].vocab.vectors.shape if docs else (0, config.vectors)
    reader = "ldnet_stacked_tok2vec"
    if width != config.vectors:
        message = Errors.E112.format(
            reader=reader, expected=config.vectors, found=width
        )
        raise ValueError(message)
    if docs and config.vector_rows not in (0, rows + 1):
        message = Errors.E113.format(
            reader=reader, expected=config.vector_rows - 1, found=rows
        )
        raise ValueError(message)


def _vectors(docs: List[Doc], types: Types, as_rows: bool) -> numpy.ndarray:
    """RETURNS (ndarray): A vector for each type, zeros for words without one; or the
    vectors' rows, counted from 1, with 0 for words without one.
    """
    vectors = docs[0].vocab.vectors
    keys = types.keys
    if vectors.attr != ORTH:
        keys = flat_attribute(docs, vectors.attr)[types.first]
    if vectors.mode != Mode.default and not as_rows:
        return vectors.get_batch(keys.tolist()).astype("float32", copy=False)
    rows = numpy.asarray(vectors.find(keys=keys.tolist()), dtype="int64")
    if as_rows:
        return rows + 1
    found = vectors.data[rows].astype("float32", copy=False)
    found[rows < 0] = 0
    return found


Tok2VecModel = Model[List[Doc], List[Floats2d]]

DEFAULT_CHARS = {"embed": 25, "hidden": 25, "width": 50, "rows": 1000}
DEFAULT_VECTORS = {"trainable": False}
#: Longest stretch that the layers read at once, in tokens.
WINDOW = 256


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
    precision (str): Of predictions on a CPU: `float32`, or `bfloat16`, which is faster
        on processors that compute with it (W044 on others), and not exact. Training is
        in float32.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    RAISES (ValueError): E013 for a value out of range.
    """
    check_range("width", width, width >= 2 and width % 2 == 0, "it must be even")
    check_range("depth", depth, depth >= 1, "it must be at least 1")
    check_range("unit", unit, unit in CELLS, f"choose from {', '.join(CELLS)}")
    check_dropout(dropout)
    check_precision(precision)
    reason = "contextual, chars and vectors can't all be null"
    inputs = [part for part in (contextual, chars, vectors) if part is not None]
    check_range("contextual", None, bool(inputs), reason)
    return Model(
        "ldnet_stacked_tok2vec",
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
        shims=[StackShim(mixed_precision=mixed_precision, precision=precision)],
    )


def _merge(
    name: str, defaults: Dict[str, Any], given: Optional[Dict[str, Any]]
) -> Optional[Dict[str, Any]]:
    if given is None:
        return None
    for key in given:
        reason = f"choose from {', '.join(defaults)}"
        check_range(name, key, key in defaults, reason)
    return {**defaults, **given}


@with_own_defaults
def init(
    model: Tok2VecModel,
    X: Optional[List[Doc]] = None,
    Y: Optional[Any] = None,
) -> None:
    """Initialise the contextual part and build the network."""
    docs = list(X or [])
    for layer in model.layers:
        layer.initialize(X=X)
    shim = _shim(model)
    if shim.module is None or docs:
        shim.check_precision()
        shim.module = TokenStack(_config(model, docs))
        if shim.module.table is not None:
            _copy_table(shim.module.table, docs[0])


def _config(model: Tok2VecModel, docs: Sequence[Doc]) -> StackConfig:
    chars, vectors = model.attrs["chars"], model.attrs["vectors"]
    context = model.layers[0].get_dim("nO") if model.layers else 0
    dim, rows = 0, 0
    if vectors is not None:
        dim = _vectors_of(docs).shape[1]
        rows = 1 + _vectors_of(docs).shape[0] if vectors["trainable"] else 0
    sizes = chars or dict.fromkeys(DEFAULT_CHARS, 0)
    return StackConfig(
        context=context,
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


def _vectors_of(docs: Sequence[Doc]) -> Any:
    vectors = docs[0].vocab.vectors if docs else None
    if vectors is None or vectors.shape[1] == 0:
        raise ValueError(Errors.E017)
    return vectors


def _copy_table(table: torch.nn.Embedding, doc: Doc) -> None:
    data = torch.from_numpy(numpy.asarray(doc.vocab.vectors.data, dtype="float32"))
    with torch.no_grad():
        table.weight.zero_()
        table.weight[1:].copy_(data)


@with_own_defaults
def forward(
    model: Tok2VecModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    shim = _built(model)
    sizes = [len(doc) for doc in docs]
    with shim.threads_for(sum(sizes), is_train):
        inputs, bp_context = _inputs(model, docs, is_train)
        Y, bp_network = shim(inputs, is_train)

    @with_own_defaults
    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        dY = xp2torch(model.ops.flatten(dYs), device=shim.device)
        dX = bp_network(ArgsKwargs(args=((Y,),), kwargs={"grad_tensors": (dY,)}))
        if bp_context is not None:
            bp_context(split_rows(torch2xp(dX.args[0]), sizes))
        return docs

    return split_rows(torch2xp(Y.detach()), sizes), backprop


@with_own_defaults
def predict_with_head(
    model: Tok2VecModel, docs: List[Doc], head: torch.nn.Linear
) -> List[Floats2d]:
    """Predict the output of a layer after this one. The output of this one, which is
    large for a long document, is never in memory as a whole.

    model (Model): A stacked tok2vec.
    docs (List[Doc]): The documents.
    head (Linear): The layer.
    RETURNS (List[Floats2d]): Its output for each of them.
    """
    shim = _built(model)
    sizes = [len(doc) for doc in docs]
    with shim.threads_for(sum(sizes), False):
        inputs, _ = _inputs(model, docs, False)
        inputs.kwargs["head"] = head
        Y = shim.predict(inputs)
    return split_rows(torch2xp(Y), sizes)


def _inputs(
    model: Tok2VecModel, docs: List[Doc], is_train: bool
) -> Tuple[ArgsKwargs, Optional[Callable]]:
    """What the network reads, and the backpropagation of its contextual part."""
    shim = _shim(model)
    context, bp_context = None, None
    config: StackConfig = shim.module.config
    if model.layers:
        Xs, bp_context = read_vectors(model.layers[0], docs, is_train, model)
        sizes = [len(doc) for doc in docs]
        check_rows(Xs, sizes, config.context, model, model.layers[0])
        flat = Xs[0] if len(Xs) == 1 else model.ops.flatten(Xs)
        # Whoever set doc.tensor may have computed in another precision.
        flat = flat.astype("float32", copy=False)
        context = xp2torch(flat, requires_grad=is_train, device=shim.device)
    words = shim.look_up(in_one_vocab(docs, config.vectors), is_train)
    windows = make_windows(docs, WINDOW, None, shim.device)
    arguments = {"dropout": dropout_rate(model)}
    return ArgsKwargs((context, words, windows), arguments), bp_context


def _built(model: Tok2VecModel) -> StackShim:
    shim = _shim(model)
    if shim.module is None:
        raise ValueError(Errors.E004)
    return shim


def _shim(model: Tok2VecModel) -> StackShim:
    return cast(StackShim, model.shims[0])
