"""Checks of settings on the command line that spaCy and weasel do not make.

Both accept settings of any name, and a setting that nothing reads has no effect: after a
typo a training runs for hours on the wrong data. They load this module in every command
before they parse its arguments, so it imports and reads as little as possible.
"""

import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, MutableMapping, Tuple

from wasabi import msg

from ..errors import Errors, Warnings, suggest
from ..threads import wait_passively

PROJECT_FILE = "project.yml"
#: Top-level key of a project.yml for this package. Below it, check_vars = true has the
#: variables of the command line checked, and own_lock = true has the lock file kept in the
#: folder that vars.run names.
PROJECT_KEY = "spacy_ldnet"
LOCK_FILE = "project.lock"
#: What a training of spaCy's leaves in its output.
BEST = Path("model-best") / "meta.json"
#: Options of `project run` and `project assets`.
PROJECT_OPTIONS = ("-F", "--force", "-D", "--dry", "-e", "--extra", "--help")
STEPS = "training.max_steps"
RATE_STEPS = "training.optimizer.learn_rate.total_steps"


def check_arguments(arguments: List[str], environ: Mapping[str, str]) -> None:
    """Stop the process with E130 or E131 if a setting has no effect, or E204 if it names
    an impossible folder for a run. Warn (W054) if the learning rate reaches zero before
    the end of the training, and (W068) if a training of the project starts over.

    arguments (List[str]): As in `sys.argv`. Those of other programs are ignored.
    environ (Mapping[str, str]): As in `os.environ`.
    """
    words = _words_of_spacy(arguments)
    if _runs_project(words):
        _check_project(words[1], words[2:], environ.get("WEASEL_CONFIG_OVERRIDES", ""))
    elif words[:1] == ["train"]:
        _check_config(words[1:], environ.get("SPACY_CONFIG_OVERRIDES", ""))
        _warn_of_interruption(words[1:])
    elif words[:2] == ["ldnet", "pretrain"]:
        _check_config(words[2:], environ.get("SPACY_CONFIG_OVERRIDES", ""))


def set_waiting_policy(arguments: List[str], environ: MutableMapping[str, str]) -> None:
    """Let the threads of child processes wait without using a core: the steps of a
    project that has the key `spacy_ldnet`, and the processes of our own commands.

    arguments (List[str]): As in `sys.argv`. Those of other programs are ignored.
    environ (MutableMapping[str, str]): As in `os.environ`.
    """
    words = _words_of_spacy(arguments)
    if words[:1] == ["ldnet"]:
        wait_passively(environ)
    elif _runs_project(words) and _read_project(words[1], words[2:])[1]:
        wait_passively(environ)


def _words_of_spacy(arguments: List[str]) -> List[str]:
    """The words after `spacy` or `python -m spacy`; none for other programs."""
    program = Path(arguments[0]) if arguments else Path()
    if program.stem == "spacy" or program.parts[-2:] == ("spacy", "__main__.py"):
        return arguments[1:]
    return []


def _runs_project(words: List[str]) -> bool:
    return words[:1] == ["project"] and words[1:2] in (["run"], ["assets"])


def _read_project(command: str, words: List[str]) -> Tuple[Path, str]:
    """The path of the project.yml, and its text if it has our key, or else nothing."""
    path = Path("".join(_directory(command, words)) or ".") / PROJECT_FILE
    text = _read(path)
    is_ours = re.search(rf"^{PROJECT_KEY}:", text, flags=re.MULTILINE)
    return path, text if is_ours else ""


def _directory(command: str, words: List[str]) -> List[str]:
    """The directory, which `run` takes after the step, if it is given."""
    places = [word for word in words if word not in PROJECT_OPTIONS]
    first = 1 if command == "run" else 0
    return places[first : first + 1]


def _check_project(command: str, words: List[str], more: str) -> None:
    path, text = _read_project(command, words)
    project = _parse_project(text) if text else {}
    options = project.get(PROJECT_KEY) or {}
    if options.get("check_vars"):
        _check_variables(project, path, words, more)
    if options.get("own_lock"):
        given = dict(_pairs([*words, *_split(more)]))
        run = given.get("vars.run", (project.get("vars") or {}).get("run", "."))
        _use_own_lock(str(run), path.parent)


def _use_own_lock(run: str, project: Path) -> None:
    from ..workflow.runs import check_run, use_lock

    try:
        check_run(run, project)
    except ValueError as err:
        msg.fail(str(err), exits=1)
    use_lock(Path(run))


def _check_variables(
    project: Dict[str, Any], path: Path, words: List[str], more: str
) -> None:
    known = {f"vars.{name}" for name in project.get("vars") or {}}
    known |= {f"env.{name}" for name in project.get("env") or {}}
    settings = [name for name, _ in _pairs([*words, *_split(more)])]
    unknown = [name for name in settings if name.startswith(("vars.", "env."))]
    for name in unknown:
        if name not in known:
            _fail(Errors.E130, name, known, path)


def _check_config(words: List[str], more: str) -> None:
    settings = dict(_pairs([*words, *_split(more)]))
    # Only options come before the config, and their values are not .cfg files.
    paths = [word for word in words if word.endswith(".cfg")]
    text = _read(Path(paths[0])) if paths else ""
    # Configs that do not use this package are not checked.
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


def _warn_of_interruption(words: List[str]) -> None:
    """Say that a training which was stopped starts over. spaCy leaves the same files at
    each evaluation and at the end, so weasel's notes tell whether its step ended."""
    given = dict(zip(words, words[1:]))
    output = Path(given.get("--output") or given.get("-o") or "")
    if not output.name or not output.is_dir() or not _read_project("assets", [])[1]:
        return
    best = output / BEST
    locks = (folder / LOCK_FILE for folder in output.parents)
    lock = next((path for path in locks if path.is_file()), None)
    if lock is None or (best.is_file() and _is_noted(best, lock)):
        return
    msg.warn(Warnings.W068.format(path=output))


def _is_noted(path: Path, lock: Path) -> bool:
    """Whether a step that ended made the file as it is now."""
    import srsly
    from weasel.util import get_checksum

    try:
        steps = srsly.read_yaml(lock).values()
    except (AttributeError, ValueError):
        return False
    made = {Path(out["path"]): out["md5"] for step in steps for out in step["outs"]}
    return made.get(path) == get_checksum(path)


def _number(name: str, text: str) -> str:
    found = re.search(rf"^{name}\s*=\s*(\d+)\s*$", text, re.MULTILINE)
    return "" if found is None else found[1]


def _fail(error: str, name: str, known: Iterable[str], path: Path) -> None:
    section, _, own = name.partition(".")
    others = (other.partition(".") for other in sorted(known))
    names = [other for place, _, other in others if place == section]
    hint = suggest(own, names, prefix=f"--{section}.")
    listed = ", ".join(sorted(known)) or "none"
    msg.fail(error.format(name=name, hint=hint, path=path, names=listed), exits=1)


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
    """Read a file. The command itself reports files that are missing or not text."""
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
