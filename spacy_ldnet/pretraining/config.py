"""The config of a pretraining: its settings, and the architecture of a language model."""

from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Dict,
    Iterable,
    List,
    Literal,
    Optional,
    Tuple,
    Union,
)

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SkipValidation,
    ValidationError,
    field_validator,
)

from ..errors import Errors, suggest
from ..lm_directory import DIRECTIONS
from ..subwords import FEATURES
from ..util import check_range, require_torch

if TYPE_CHECKING:
    from ..nn.language_model import LanguageModelConfig

STREAMS, SEQUENCES = "streams", "sequences"
#: What may differ between a run and its continuation: nothing that is learned depends
#: on it.
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


class PretrainingSettings(BaseModel):
    """The [pretraining] section. A setting that is missing has the default given here.

    train_corpus (str): Section of the training text, as "corpora.train".
    dev_corpus (str): Section of the held-out text.
    min_freq (int): A word seen less often in the training text is unknown.
    max_size (int): The most words in the vocabulary; 0 for no limit.
    extend_vocabulary (bool): Whether words that the models in `init_from` do not know are
        added to their vocabulary.
    n_process (int): Processes that tokenise; 0 or -1 for all cores.
    engine (str): Where to tokenise: "local" for processes of this machine, "ray" for those of
        a Ray cluster, whose machines need text and output at the same paths.
    ray_address (Optional[str]): Address of the cluster, see `make_engine`.
    batching (str): "streams": the text is read at several places side by side, and the
        state is carried from batch to batch. "sequences": each sequence of the corpus is
        read by itself, from the zero state.
    batch_size (int): Number of streams.
    window (int): Words of each stream in a batch. A batch of sequences has up to batch_size
        * window words.
    accumulate_gradient (int): Batches per update.
    max_epochs (int): Times the text is read.
    max_steps (int): The most updates; 0 for no limit.
    part (Tuple[float, float]): The part of the whole training that this run does, as two
        shares of its updates, and so of the text and the schedule. This cuts a long
        training into runs, each of which continues the one before (`init_from`).
    learn_rate (Union[float, Dict]): Adam's rate: a number, or the block of a schedule,
        "spacy-ldnet.one_cycle.v1", "spacy-ldnet.plateau.v1" or any of thinc's.
    precision (str): Precision of the layers on a CPU: "float32", or "bfloat16", which is
        faster on processors that support it. Weights, softmax and updates are always in
        float32.
    grad_clip (float): The largest norm of the gradient.
    eval_every (int): Updates between two evaluations on the held-out text; 0 for one at the
        end of each epoch.
    patience (int): Evaluations without a lower perplexity before the training stops; 0 for
        never.
    checkpoint_every (int): Updates between two checkpoints; 0 for one at the end only.
    keep_checkpoints (int): Number of checkpoints of each direction that are kept.
    init_from (Optional[str]): Language models to continue: a directory, or the name of an
        installed package.
    directions (Tuple[str, ...]): "forward", "backward" or both.
    side_by_side (bool): On a CPU, train both directions at the same time, each in a process
        of its own with half of the threads.
    license (str): Licence of the text, for meta.json.
    sources (str): Where the text comes from, for meta.json.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    train_corpus: str = "corpora.train"
    dev_corpus: str = "corpora.dev"
    min_freq: PositiveInt = 2
    max_size: NonNegativeInt = 0
    extend_vocabulary: bool = False
    n_process: Annotated[int, Field(ge=-1)] = 1
    engine: Literal["local", "ray"] = "local"
    ray_address: Optional[str] = None
    batching: Literal["streams", "sequences"] = "streams"
    batch_size: PositiveInt = 64
    window: PositiveInt = 20
    accumulate_gradient: PositiveInt = 1
    max_epochs: PositiveInt = 4
    max_steps: NonNegativeInt = 0
    part: Tuple[float, float] = (0.0, 1.0)
    # Checked by `make_schedule`.
    learn_rate: Annotated[Union[float, Dict[str, Any]], SkipValidation] = Field(
        default_factory=_one_cycle
    )
    precision: Literal["float32", "bfloat16"] = "float32"
    grad_clip: Annotated[float, Field(gt=0)] = 5.0
    eval_every: NonNegativeInt = 0
    patience: NonNegativeInt = 0
    checkpoint_every: NonNegativeInt = 500
    keep_checkpoints: PositiveInt = 2
    init_from: Optional[str] = None
    directions: Tuple[str, ...] = DIRECTIONS
    side_by_side: bool = True
    license: str = ""
    sources: str = ""

    @field_validator("part", mode="plain")
    @classmethod
    def _check_part(cls, part: Any) -> Tuple[float, float]:
        pair = isinstance(part, (list, tuple)) and len(part) == 2
        numbers = pair and all(type(share) in (int, float) for share in part)
        if not numbers or not 0 <= part[0] < part[1] <= 1:
            raise ValueError("it must be two shares, [0.0, 0.5] for the first half")
        return float(part[0]), float(part[1])

    @field_validator("directions", mode="plain")
    @classmethod
    def _check_directions(cls, wanted: Any) -> Tuple[str, ...]:
        listed = isinstance(wanted, (list, tuple)) and len(wanted) > 0
        known = listed and all(name in DIRECTIONS for name in wanted)
        if not known or len(set(wanted)) < len(wanted):
            raise ValueError("it must be a list of 'forward', 'backward' or both")
        return tuple(wanted)


def read_settings(section: Dict[str, Any]) -> PretrainingSettings:
    """section (Dict[str, Any]): The interpolated [pretraining] section.
    RETURNS (PretrainingSettings): The settings.
    RAISES (ValueError): E161 for an unknown setting, E013 for a value of the wrong type or
        out of range.
    """
    try:
        return PretrainingSettings(**section)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        known = PretrainingSettings.model_fields
        values = {"name": name, "known": ", ".join(known), "hint": suggest(name, known)}
        raise ValueError(Errors.E161.format(**values))
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason.replace("Input should be", "it must be")
    values = {"name": f"[pretraining] {name}", "value": section[name]}
    raise ValueError(Errors.E013.format(**values, reason=reason))


def fixed_settings(settings: PretrainingSettings) -> Dict[str, Any]:
    """settings (PretrainingSettings): The settings of a run.
    RETURNS (Dict[str, Any]): Those that its continuation must share.
    """
    return settings.model_dump(exclude=set(FREE))


#: Sizes of language models that are trained from scratch, where the config gives none.
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
    """Describe densely connected language models, the same for both directions.

    The networks are built once the text has been read and the vocabulary is known. A size
    that is null is that of the language models in `[pretraining] init_from`; without
    these it is the size given below.

    embed (Optional[int]): Width of the word embeddings; 100.
    hidden (Optional[int]): Width of each layer's output; 88.
    depth (Optional[int]): Number of layers; 6.
    unit (Optional[str]): "lstm", "gru" or "rnn"; "lstm".
    projection (Optional[int]): Width of what the softmax reads; 160.
    activation (Optional[str]): "identity" or "relu", after the projection; "identity".
    cutoffs (Optional[List[int]]): Rows where the clusters of the adaptive softmax end,
        rising; those beyond the vocabulary are dropped with a warning; [1000, 6000].
    dropout (float): Rate on what the softmax reads, in [0, 1).
    layer_dropout (float): Rate of whole layers on the way to later layers, in [0, 1).
    embed_dropout (float): Rate on the embeddings, in [0, 1).
    output_dropout (float): Rate on what the projection reads, in [0, 1).
    word_dropout (float): Rate of words read as the unknown word, in [0, 1).
    connectivity (Optional[str]): "dense" for LD-Net, or "stacked" for plain stacked
        layers. These are for comparisons only, no pipeline can load them, and their
        layer_dropout is the ordinary dropout between layers; "dense".
    tied (Optional[bool]): Whether the embeddings are the output weights of the softmax,
        which needs projection = embed; false.
    word_rows (Optional[int]): Number of words, from the most frequent one on, with an
        embedding of their own; 0 for all, the default. The others are read by their
        subwords, and are predicted as well.
    subword_rows (Optional[int]): Rows of the hashed table of subwords; 0, the default,
        for no subwords, so that a word outside of the vocabulary is unknown.
    ngrams (Optional[List[int]]): Shortest and longest character n-grams among the
        subwords, of the lower-cased word; [0, 0] for none; [3, 5].
    features (Optional[List[str]]): Features of whole words among the subwords, of
        "lower", "shape", "prefix" and "suffix"; ["lower", "shape"].
    div_value (Optional[float]): Factor by which each cluster of the adaptive softmax is
        narrower than the one before, above 1; 4.
    RETURNS (LanguageModelConfig): Sizes and rates.
    RAISES (ValueError): E013 for a value that is not allowed.
    """
    require_torch("to build language models")
    # Importing this module must not need torch: spaCy imports every entry point.
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
    from ..layers import GATES
    from ..nn.language_model import ACTIVATIONS, CONNECTIVITIES

    for name in ("embed", "hidden", "depth", "projection"):
        _check(config, name, getattr(config, name) >= 1, "at least 1")
    for name in RATES:
        _check(config, name, 0 <= getattr(config, name) < 1, "at least 0, below 1")
    choices: Dict[str, Iterable[str]] = {
        "unit": GATES,
        "activation": ACTIVATIONS,
        "connectivity": CONNECTIVITIES,
    }
    for name, known in choices.items():
        value = getattr(config, name)
        _check(config, name, value in known, f"one of {sorted(known)}")
    fits = config.projection == config.embed or not config.tied
    _check(config, "tied", fits, "false unless projection = embed")
    rising = list(config.cutoffs) == sorted(set(config.cutoffs))
    inside = bool(config.cutoffs) and config.cutoffs[0] >= 1
    _check(config, "cutoffs", rising and inside, "at least one, rising from 1 on")
    _check(config, "div_value", config.div_value > 1, "above 1")
    narrowest = config.projection / config.div_value ** len(config.cutoffs)
    few = "so few that projection >= div_value ** their number"
    _check(config, "cutoffs", config.tied or narrowest >= 1, few)
    _check_subwords(config)


def _check_subwords(config: "LanguageModelConfig") -> None:
    has = config.subword_rows > 0
    _check(config, "subword_rows", config.subword_rows >= 0, "at least 0")
    _check(config, "word_rows", config.word_rows >= 0, "at least 0")
    _check(config, "word_rows", has or not config.word_rows, "0 without subword_rows")
    # A tied softmax needs an embedding for every word that is predicted.
    whole = not (config.tied and config.word_rows)
    _check(config, "word_rows", whole, "0 with tied = true")
    bounds = config.ngrams
    fits = len(bounds) == 2 and (bounds == (0, 0) or 1 <= bounds[0] <= bounds[1])
    _check(config, "ngrams", fits, "[shortest, longest], from 1 on, or [0, 0]")
    known = set(config.features) <= set(FEATURES)
    _check(config, "features", known, f"a list of {', '.join(FEATURES)}")
    some = bool(config.features) or bounds != (0, 0)
    _check(config, "features", some or not has, "given, or ngrams, with subword_rows")


def _check(config: "LanguageModelConfig", name: str, allowed: bool, what: str) -> None:
    check_range(name, getattr(config, name), allowed, f"in [model] it must be {what}")
