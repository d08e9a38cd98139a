"""Checks of a command line that spaCy and weasel themselves pass over.

Both take settings of any name, and one that nothing reads changes nothing: a typo trains
for hours on other data. They load this module before they parse their arguments, in every
command, so it imports and reads as little as it can.
"""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Tuple

from wasabi import msg

from ..errors import Errors, Warnings

PROJECT_FILE = "project.yml"
#: Top-level key of a project.yml that wants its variables checked.
PROJECT_KEY = "spacy_ldnet"
#: Options of `project run` and `project assets` beside the variables.
PROJECT_OPTIONS = ("-F", "--force", "-D", "--dry", "-e", "--extra", "--help")
STEPS = "training.max_steps"
RATE_STEPS = "training.optimizer.learn_rate.total_steps"


def check_arguments(arguments: List[str], environ: Mapping[str, str]) -> None:
    """Ends the process with E130 or E131 where a setting has no effect, and warns (W054)
    of a learning rate that ends before the training.

    arguments (List[str]): As in `sys.argv`; those of other programs are passed over.
    environ (Mapping[str, str]): As in `os.environ`.
    """
    program = Path(arguments[0]) if arguments else Path()
    if not (program.stem == "spacy" or program.parts[-2:] == ("spacy", "__main__.py")):
        return
    words = arguments[1:]
    if words[:1] == ["project"] and words[1:2] in (["run"], ["assets"]):
        _check_project(words[1], words[2:], environ.get("WEASEL_CONFIG_OVERRIDES", ""))
    elif words[:1] == ["train"]:
        _check_config(words[1:], environ.get("SPACY_CONFIG_OVERRIDES", ""))
    elif words[:2] == ["ldnet", "pretrain"]:
        _check_config(words[2:], environ.get("SPACY_CONFIG_OVERRIDES", ""))


def _check_project(command: str, words: List[str], more: str) -> None:
    # What comes before the settings: of `run` a step, of both the directory.
    places = [word for word in words if word not in PROJECT_OPTIONS]
    first = 1 if command == "run" else 0
    directory = "".join(places[first : first + 1]) or "."
    path = Path(directory) / PROJECT_FILE
    text = _read(path)
    if not re.search(rf"^{PROJECT_KEY}:", text, flags=re.MULTILINE):
        return
    project = _parse_project(text)
    if not (project.get(PROJECT_KEY) or {}).get("check_vars"):
        return
    known = {f"vars.{name}" for name in project.get("vars") or {}}
    known |= {f"env.{name}" for name in project.get("env") or {}}
    settings = _settings([*places[first + 1 :], *_split(more)])
    unknown = [name for name in settings if name.startswith(("vars.", "env."))]
    for name in unknown:
        if name not in known:
            _fail(Errors.E130, name, known, path)


def _check_config(words: List[str], more: str) -> None:
    settings = dict(_pairs([*words, *_split(more)]))
    # Only options stand before the config, and their values are no such files.
    paths = [word for word in words if word.endswith(".cfg")]
    text = _read(Path(paths[0])) if paths else ""
    # Other people's configs are none of our business.
    if "ldnet" not in text:
        return
    section = re.search(r"^\[paths\]$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    known = set(re.findall(r"\$\{(paths\.\w+)\}", text))
    if section is not None:
        names = re.findall(r"^(\w+)\s*=", section[1], re.MULTILINE)
        known |= {f"paths.{name}" for name in names}
    for name in settings:
        if name.startswith("paths.") and name not in known:
            _fail(Errors.E131, name, known, Path(paths[0]))
    steps, total = (
        settings.get(name) or _number(name.rpartition(".")[2], text)
        for name in (STEPS, RATE_STEPS)
    )
    if steps and total and steps != total:
        found = {"name": STEPS, "rate": RATE_STEPS, "steps": steps, "total": total}
        msg.warn(Warnings.W054.format(**found))


def _number(name: str, text: str) -> str:
    found = re.search(rf"^{name}\s*=\s*(\d+)\s*$", text, re.MULTILINE)
    return "" if found is None else found[1]


def _fail(error: str, name: str, known: Iterable[str], path: Path) -> None:
    section, _, own = name.partition(".")
    others = (other.partition(".") for other in sorted(known))
    names = [other for place, _, other in others if place == section]
    close = get_close_matches(own.lower(), names, n=1)
    hint = f" Did you mean --{section}.{close[0]}?" if close else ""
    listed = ", ".join(sorted(known)) or "none"
    msg.fail(error.format(name=name, hint=hint, path=path, names=listed), exits=1)


def _settings(words: List[str]) -> List[str]:
    return [name for name, _ in _pairs(words)]


def _pairs(words: List[str]) -> Iterator[Tuple[str, str]]:
    """Names and values of settings, read as weasel and spaCy read them."""
    for i, word in enumerate(words):
        if word.startswith("--") and "." in word:
            name, is_pair, value = word.replace("--", "").partition("=")
            if is_pair:
                yield name.replace("-", "_"), value
            else:
                yield name, "".join(words[i + 1 : i + 2])


def _split(text: str) -> List[str]:
    if not text:
        return []
    from click.shell_completion import split_arg_string

    return split_arg_string(text)


def _read(path: Path) -> str:
    """A file that is not there, or no text, is the command's own business."""
    try:
        return path.read_text(encoding="utf8")
    except (OSError, UnicodeDecodeError):
        return ""


def _parse_project(text: str) -> Dict[str, Any]:
    import srsly

    try:
        project = srsly.yaml_loads(text)
    except ValueError:
        return {}
    return project if isinstance(project, dict) else {}
