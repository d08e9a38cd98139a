"""Settings of a pretraining, and the architecture of a language model."""

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Union

from ..engines import ENGINES, LOCAL
from ..errors import Errors
from ..layers import GATES
from ..lm_directory import DIRECTIONS
from ..subwords import FEATURES
from ..util import require_torch

if TYPE_CHECKING:
    from ..nn.language_model import LanguageModelConfig

#: Of language models that begin with nothing, where the config says nothing.
SIZES: Dict[str, Any] = {
    "embed": 100,
    "hidden": 88,
    "depth": 6,
    "unit": "lstm",
    "projection": 160,
    "activation": "identity",
    "cutoffs": (1000, 6000),
    "connectivity": "dense",
    "tied": False,
    "word_rows": 0,
    "subword_rows": 0,
    "ngrams": (3, 5),
    "features": ("lower", "shape"),
    "div_value": 4.0,
}
RATES = (
    "dropout",
    "layer_dropout",
    "embed_dropout",
    "output_dropout",
    "word_dropout",
)


def build_language_model_v1(
    *,
    embed: Optional[int] = None,
    hidden: Optional[int] = None,
    depth: Optional[int] = None,
    unit: Optional[str] = None,
    projection: Optional[int] = None,
    activation: Optional[str] = None,
    cutoffs: Optional[List[int]] = None,
    dropout: float = 0.1,
    layer_dropout: float = 0.25,
    embed_dropout: float = 0.3,
    output_dropout: float = 0.2,
    word_dropout: float = 0.0,
    connectivity: Optional[str] = None,
    tied: Optional[bool] = None,
    word_rows: Optional[int] = None,
    subword_rows: Optional[int] = None,
    ngrams: Optional[List[int]] = None,
    features: Optional[List[str]] = None,
    div_value: Optional[float] = None,
) -> "LanguageModelConfig":
    """Describe a densely connected language model, alike for both directions.

    The networks are built when the text has been read and the vocabulary is known.
    A size that is null is that of the language models that `[pretraining] init_from`
    names; without any it is the one given below.

    embed (Optional[int]): Width of the word embeddings; 100.
    hidden (Optional[int]): Width of each layer's output; 88.
    depth (Optional[int]): Number of layers; 6.
    unit (Optional[str]): "lstm", "gru" or "rnn"; "lstm".
    projection (Optional[int]): Width of what the softmax reads; 160.
    activation (Optional[str]): "identity" or "relu", after the projection; "identity".
    cutoffs (Optional[List[int]]): Rows where the clusters of the adaptive softmax end,
        rising; those beyond the vocabulary are left out with a warning; [1000, 6000].
    dropout (float): Rate on what the softmax reads, in [0, 1).
    layer_dropout (float): Rate of whole layers on the way to later layers, in [0, 1).
    embed_dropout (float): Rate on the embeddings, in [0, 1).
    output_dropout (float): Rate on what the projection reads, in [0, 1).
    word_dropout (float): Rate of words read as the unknown word, in [0, 1).
    connectivity (Optional[str]): "dense" for LD-Net, or "stacked" for plain stacked
        layers, which serve for comparison only: no pipeline can load them. There
        layer_dropout is the ordinary dropout between layers; "dense".
    tied (Optional[bool]): Whether the softmax has the embeddings as its output weights,
        which needs projection = embed; false.
    word_rows (Optional[int]): The most frequent words that have an embedding of their
        own; 0 for all, the default. Other words are read by their subwords, and
        predicted all the same.
    subword_rows (Optional[int]): Rows of the hashed table of subwords; 0, the default,
        for no subwords: a word outside of the vocabulary is the unknown word then.
    ngrams (Optional[List[int]]): Shortest and longest character n-grams among the
        subwords, of the lower-cased word; [0, 0] for none; [3, 5].
    features (Optional[List[str]]): Features of whole words among the subwords, of
        "lower", "shape", "prefix" and "suffix"; ["lower", "shape"].
    div_value (Optional[float]): By how much each cluster of the adaptive softmax is
        narrower than the one before, above 1; 4.
    RETURNS (LanguageModelConfig): Sizes and rates.
    RAISES (ValueError): E013 a value that is not allowed.
    """
    require_torch("to build language models")
    from ..nn.language_model import LanguageModelConfig

    given: Dict[str, Any] = {
        "embed": embed,
        "hidden": hidden,
        "depth": depth,
        "unit": unit,
        "projection": projection,
        "activation": activation,
        "cutoffs": None if cutoffs is None else tuple(cutoffs),
        "connectivity": connectivity,
        "tied": tied,
        "word_rows": word_rows,
        "subword_rows": subword_rows,
        "ngrams": None if ngrams is None else tuple(ngrams),
        "features": None if features is None else tuple(features),
        "div_value": div_value,
    }
    if not subword_rows:
        given.update(ngrams=(0, 0), features=())
    sizes = {k: SIZES[k] if value is None else value for k, value in given.items()}
    config = LanguageModelConfig(
        **sizes,
        dropout=dropout,
        layer_dropout=layer_dropout,
        embed_dropout=embed_dropout,
        output_dropout=output_dropout,
        word_dropout=word_dropout,
    )
    _check_sizes(config)
    return config


def _check_sizes(config: "LanguageModelConfig") -> None:
    from ..nn.language_model import ACTIVATIONS, CONNECTIVITIES

    for name in ("embed", "hidden", "depth", "projection"):
        _require(config, name, getattr(config, name) >= 1, "at least 1")
    for name in RATES:
        _require(config, name, 0 <= getattr(config, name) < 1, "at least 0, below 1")
    _require(config, "unit", config.unit in GATES, f"one of {sorted(GATES)}")
    known = f"one of {sorted(ACTIVATIONS)}"
    _require(config, "activation", config.activation in ACTIVATIONS, known)
    known = f"one of {sorted(CONNECTIVITIES)}"
    _require(config, "connectivity", config.connectivity in CONNECTIVITIES, known)
    fits = config.projection == config.embed or not config.tied
    _require(config, "tied", fits, "false unless projection = embed")
    rising = list(config.cutoffs) == sorted(set(config.cutoffs))
    inside = bool(config.cutoffs) and config.cutoffs[0] >= 1
    _require(config, "cutoffs", rising and inside, "at least one, rising from 1 on")
    _require(config, "div_value", config.div_value > 1, "above 1")
    narrowest = config.projection / config.div_value ** len(config.cutoffs)
    few = "so few that projection >= div_value ** their number"
    _require(config, "cutoffs", config.tied or narrowest >= 1, few)
    _check_subwords(config)


def _check_subwords(config: "LanguageModelConfig") -> None:
    has = config.subword_rows > 0
    _require(config, "subword_rows", config.subword_rows >= 0, "at least 0")
    _require(config, "word_rows", config.word_rows >= 0, "at least 0")
    _require(config, "word_rows", has or not config.word_rows, "0 without subword_rows")
    # A tied softmax needs a row of its own for every word that is predicted.
    whole = not (config.tied and config.word_rows)
    _require(config, "word_rows", whole, "0 with tied = true")
    bounds = config.ngrams
    fits = len(bounds) == 2 and (bounds == (0, 0) or 1 <= bounds[0] <= bounds[1])
    _require(config, "ngrams", fits, "[shortest, longest], from 1 on, or [0, 0]")
    known = set(config.features) <= set(FEATURES)
    _require(config, "features", known, f"a list of {', '.join(FEATURES)}")
    some = bool(config.features) or bounds != (0, 0)
    _require(config, "features", some or not has, "given, or ngrams, with subword_rows")


def _require(config: "LanguageModelConfig", name: str, met: bool, what: str) -> None:
    if not met:
        value = getattr(config, name)
        reason = f"in [model] it has to be {what}"
        raise ValueError(Errors.E013.format(value=value, name=name, reason=reason))


STREAMS, SEQUENCES = "streams", "sequences"
BATCHINGS = (STREAMS, SEQUENCES)
PRECISIONS = ("float32", "bfloat16")
#: What may change between a run and its continuation: nothing that is learned
#: depends on it.
FREE = (
    "patience",
    "checkpoint_every",
    "keep_checkpoints",
    "side_by_side",
    "directions",
    "n_process",
    "engine",
    "ray_address",
    "license",
    "sources",
)


def _one_cycle() -> Dict[str, Any]:
    return {"@schedules": "spacy-ldnet.one_cycle.v1"}


@dataclass(frozen=True)
class PretrainingSettings:
    """The [pretraining] section. What the config leaves out has the value here.

    train_corpus (str): Section of the training text, as "corpora.train".
    dev_corpus (str): Section of the held-out text.
    min_freq (int): A word seen less often in the training text is unknown.
    max_size (int): The most words in the vocabulary; 0 for no limit.
    extend_vocabulary (bool): Where the training goes on from an existing model, whether
        words that it does not know get rows of their own.
    n_process (int): Number of processes that tokenise; 0 or -1 for all cores.
    engine (str): What tokenises: "local" are processes of this machine, "ray" those of
        a Ray cluster, whose machines have to see text and output at the same paths.
    ray_address (Optional[str]): Address of the cluster, see `make_engine`.
    batching (str): "streams": the text is read at several places side by side, and the
        state is carried on from one batch to the next; or "sequences": each sequence
        of the corpus is read by itself, from the zero state.
    batch_size (int): Number of places in the text that are read side by side.
    window (int): Number of words between two updates, at each place. A batch of
        sequences has up to batch_size * window words.
    accumulate_gradient (int): Batches for one update.
    max_epochs (int): Times the text is read.
    max_steps (int): The most updates; 0 for no limit.
    part (Tuple[float, float]): Which part of the whole training this run does: shares of
        its updates, so of the text and of the schedule. A long training can be cut into
        runs, each of which continues from the weights of the last one (`init_from`).
    learn_rate (Union[float, Dict]): Adam's rate: a number, or the block of a schedule,
        "spacy-ldnet.one_cycle.v1", "spacy-ldnet.plateau.v1" or any of thinc's.
    precision (str): What a CPU computes the layers in: "float32", or "bfloat16", which is
        faster on processors that compute with it. Weights, softmax and updates are in
        float32 in any case.
    grad_clip (float): The largest norm of the gradient.
    eval_every (int): Updates between two measurements on the held-out text; 0 for
        one at the end of each epoch.
    patience (int): Measurements without a better one before it stops; 0 for never.
    checkpoint_every (int): Updates between two checkpoints; 0 for one at the end only.
    keep_checkpoints (int): How many of the latest checkpoints of each direction stay.
    init_from (Optional[str]): Directory of language models to go on from.
    directions (Tuple[str, ...]): "forward", "backward" or both.
    side_by_side (bool): On a CPU, train both directions at the same time, in a
        process each, with half of the threads each.
    license (str): Licence of the text, for meta.json.
    sources (str): Where the text comes from, for meta.json.
    """

    train_corpus: str = "corpora.train"
    dev_corpus: str = "corpora.dev"
    min_freq: int = 2
    max_size: int = 0
    extend_vocabulary: bool = False
    n_process: int = 1
    engine: str = LOCAL
    ray_address: Optional[str] = None
    batching: str = "streams"
    batch_size: int = 64
    window: int = 20
    accumulate_gradient: int = 1
    max_epochs: int = 4
    max_steps: int = 0
    part: Tuple[float, float] = (0.0, 1.0)
    learn_rate: Union[float, Dict[str, Any]] = field(default_factory=_one_cycle)
    precision: str = "float32"
    grad_clip: float = 5.0
    eval_every: int = 0
    patience: int = 0
    checkpoint_every: int = 500
    keep_checkpoints: int = 2
    init_from: Optional[str] = None
    directions: Tuple[str, ...] = DIRECTIONS
    side_by_side: bool = True
    license: str = ""
    sources: str = ""


#: What a number has to be, for the message, and the test of it.
_AT_LEAST_ONE = (
    "min_freq",
    "batch_size",
    "window",
    "accumulate_gradient",
    "max_epochs",
    "keep_checkpoints",
)
_AT_LEAST_ZERO = (
    "max_size",
    "max_steps",
    "eval_every",
    "patience",
    "checkpoint_every",
)


def read_settings(section: Dict[str, Any]) -> PretrainingSettings:
    """section (Dict[str, Any]): The interpolated [pretraining] section.
    RETURNS (PretrainingSettings): The settings, all in range.
    RAISES (ValueError): E013 unknown key, wrong type or value out of range.
    """
    defaults = {f.name: f.default for f in fields(PretrainingSettings)}
    values = {}
    for name, value in section.items():
        if name not in defaults:
            raise _error(name, value, f"unknown; known are {', '.join(defaults)}")
        if name == "learn_rate":
            values[name] = value
        else:
            values[name] = _convert(name, value, defaults[name])
    settings = PretrainingSettings(**values)
    _check(settings)
    return settings


def fixed_settings(settings: PretrainingSettings) -> Dict[str, Any]:
    """settings (PretrainingSettings): The settings of a run.
    RETURNS (Dict[str, Any]): Those that its continuation has to share.
    """
    return {name: v for name, v in asdict(settings).items() if name not in FREE}


def _convert(name: str, value: Any, default: Any) -> Any:
    if default is None:
        # A path, which may be left out.
        default = "" if value is not None else None
    kind = type(default)
    if kind is float and type(value) is int:
        return float(value)
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if type(value) is not kind:
        raise _error(name, value, f"it has to be of type {kind.__name__}")
    return value


def _check(settings: PretrainingSettings) -> None:
    for names, least in ((_AT_LEAST_ONE, 1), (_AT_LEAST_ZERO, 0)):
        for name in names:
            if getattr(settings, name) < least:
                reason = f"it has to be at least {least}"
                raise _error(name, getattr(settings, name), reason)
    if settings.n_process < -1:
        reason = "it has to be at least 1, or -1 or 0 for all cores"
        raise _error("n_process", settings.n_process, reason)
    if settings.engine not in ENGINES:
        reason = f"it has to be one of {', '.join(ENGINES)}"
        raise _error("engine", settings.engine, reason)
    if not settings.grad_clip > 0:
        raise _error("grad_clip", settings.grad_clip, "it has to be above 0")
    begin, end = settings.part if len(settings.part) == 2 else (1.0, 0.0)
    if not 0 <= begin < end <= 1:
        reason = (
            "it has to be two shares of the training, [0.0, 0.5] for its first half"
        )
        raise _error("part", list(settings.part), reason)
    if settings.precision not in PRECISIONS:
        reason = f"it has to be one of {', '.join(PRECISIONS)}"
        raise _error("precision", settings.precision, reason)
    if settings.batching not in BATCHINGS:
        reason = f"it has to be one of {', '.join(BATCHINGS)}"
        raise _error("batching", settings.batching, reason)
    wanted = settings.directions
    if not wanted or len(set(wanted)) < len(wanted) or set(wanted) - set(DIRECTIONS):
        reason = "it has to be a list of 'forward', 'backward' or both"
        raise _error("directions", list(wanted), reason)


def _error(name: str, value: Any, reason: str) -> ValueError:
    name = f"[pretraining] {name}"
    return ValueError(Errors.E013.format(name=name, value=value, reason=reason))
