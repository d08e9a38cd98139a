"""The [pretraining] section of the config, checked."""

from dataclasses import dataclass, fields
from typing import Any, Dict, Tuple

from ..errors import Errors
from ..vocabulary import DIRECTIONS


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
    batch_size (int): Number of places in the text that are read side by side.
    window (int): Number of words between two updates, at each place.
    max_epochs (int): Times the text is read.
    max_steps (int): The most updates; 0 for no limit.
    learn_rate (float): Adam's rate at the peak of the cycle.
    warmup (float): Share of the updates before the peak, in (0, 1).
    grad_clip (float): The largest norm of the gradient.
    eval_every (int): Updates between two measurements on the held-out text; 0 for
        one at the end of each epoch.
    patience (int): Measurements without a better one before it stops; 0 for never.
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
    batch_size: int = 64
    window: int = 20
    max_epochs: int = 4
    max_steps: int = 0
    learn_rate: float = 0.004
    warmup: float = 0.2
    grad_clip: float = 5.0
    eval_every: int = 0
    patience: int = 0
    directions: Tuple[str, ...] = DIRECTIONS
    side_by_side: bool = True
    license: str = ""
    sources: str = ""


#: What a number has to be, for the message, and the test of it.
_AT_LEAST_ONE = ("min_freq", "batch_size", "window", "max_epochs")
_AT_LEAST_ZERO = ("max_size", "max_steps", "eval_every", "patience")
_POSITIVE = ("learn_rate", "grad_clip")


def read_settings(section: Dict[str, Any]) -> PretrainingSettings:
    """section (Dict[str, Any]): The interpolated [pretraining] section.
    RETURNS (PretrainingSettings): The settings, all in range.
    RAISES (ValueError): E013 unknown key, wrong type or value out of range.
    """
    kinds = {field.name: type(field.default) for field in fields(PretrainingSettings)}
    values = {}
    for name, value in section.items():
        if name not in kinds:
            raise _error(name, value, f"unknown; known are {', '.join(kinds)}")
        values[name] = _convert(name, value, kinds[name])
    settings = PretrainingSettings(**values)
    _check(settings)
    return settings


def _convert(name: str, value: Any, kind: type) -> Any:
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
    for name in _POSITIVE:
        if not getattr(settings, name) > 0:
            raise _error(name, getattr(settings, name), "it has to be above 0")
    if not 0 < settings.warmup < 1:
        raise _error("warmup", settings.warmup, "it has to be between 0 and 1")
    wanted = settings.directions
    if not wanted or len(set(wanted)) < len(wanted) or set(wanted) - set(DIRECTIONS):
        reason = "it has to be a list of 'forward', 'backward' or both"
        raise _error("directions", list(wanted), reason)


def _error(name: str, value: Any, reason: str) -> ValueError:
    name = f"[pretraining] {name}"
    return ValueError(Errors.E013.format(name=name, value=value, reason=reason))
