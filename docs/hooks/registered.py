"""The config reference: every registered function, from its signature and docstring."""

import configparser
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import srsly
from docstring_parts import Parts, read_docstring
from spacy.language import Language
from thinc.api import Config

ROOT = Path(__file__).parents[2]
FACTORIES = "factories"
#: Where a registry's functions stand in a config, and in which order they are shown.
TITLES = {
    FACTORIES: "Components",
    "architectures": "Architectures",
    "misc": "Loaders",
    "callbacks": "Callbacks",
    "readers": "Readers of text and columns",
    "augmenters": "Augmenters of training text",
    "scorers": "Scorers",
    "loggers": "Loggers",
    "schedules": "Schedules",
}
#: Commands are no part of a config; reference/commands.md has them.
NOT_IN_CONFIGS = {"cli"}


def read_entry_points() -> Dict[str, Dict[str, str]]:
    """RETURNS (Dict[str, Dict[str, str]]): For each registry the place of each name's
    function, as setup.cfg has them.
    """
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "setup.cfg", encoding="utf8")
    registries = {}
    for group, lines in parser["options.entry_points"].items():
        registry = group.partition("_")[2]
        pairs = (line.split("=") for line in lines.strip().splitlines())
        found = {name.strip(): place.strip() for name, place in pairs}
        if registry not in NOT_IN_CONFIGS:
            registries.setdefault(registry, {}).update(found)
    return registries


def load(place: str) -> Callable:
    """RETURNS (Callable): What stands at `module:name`."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def write_reference() -> str:
    """RETURNS (str): The page, in Markdown."""
    lines = [
        "# Config reference",
        "",
        "Everything that spacy-ldnet registers, with all settings and their defaults. Made "
        "from the code: signatures and docstrings. A setting without a default must be "
        "given. Codes such as `E013` are explained in [Errors](errors.md).",
        "",
    ]
    entry_points = read_entry_points()
    for registry in sorted(entry_points, key=[*TITLES, *entry_points].index):
        lines += [f"## {TITLES.get(registry, registry.capitalize())}", ""]
        for name, place in entry_points[registry].items():
            lines += _describe(registry, name, load(place))
    return "\n".join(lines)


def _describe(registry: str, name: str, function: Callable) -> Iterator[str]:
    parts = read_docstring(function)
    defaults = dict(settings_of(registry, name, function))
    yield from (f"### {name}", "", link_codes(parts.text), "")
    block = _block(registry, name, defaults)
    yield from ("```ini", block, "```", "")
    yield from _table(parts, defaults)
    for result, (kind, text) in parts.results.items():
        yield from (f"{result.capitalize()} `{kind}`: {link_codes(text)}", "")


def settings_of(
    registry: str, name: str, function: Callable
) -> Iterator[Tuple[str, Any]]:
    """registry (str): Where it is registered.
    name (str): Under which name.
    function (Callable): What is registered.
    YIELDS (Tuple[str, Any]): Each setting and its default; `inspect.Parameter.empty`
        where one must be given.
    """
    if registry == FACTORIES:
        defaults = Language.get_factory_meta(name).default_config
    else:
        defaults = {}
    for key, parameter in inspect.signature(function).parameters.items():
        if registry == FACTORIES and key in ("nlp", "name"):
            continue
        yield key, defaults.get(key, parameter.default)


def _block(registry: str, name: str, defaults: Dict[str, Any]) -> str:
    """The block of a config with every setting at its default."""
    if registry == FACTORIES:
        given = {key: value for key, value in defaults.items() if not _missing(value)}
        config = Config({"components": {name: {"factory": name, **given}}})
        return config.to_str().replace("[components]\n\n", "").strip()
    lines = [f'@{registry} = "{name}"']
    for key, value in defaults.items():
        shown = "..." if _missing(value) else srsly.json_dumps(value)
        lines.append(f"{key} = {shown}")
    return "\n".join(lines)


def _table(parts: Parts, defaults: Dict[str, Any]) -> List[str]:
    if not defaults:
        return []
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for key, default in defaults.items():
        kind, text = parts.arguments[key]
        shown = "" if _missing(default) else f"`{srsly.json_dumps(default)}`"
        if isinstance(default, dict):
            shown = "see above"
        lines.append(f"| `{key}` | {shown} | {_cell(text)} (`{kind}`) |")
    return [*lines, ""]


def _missing(value: Any) -> bool:
    return value is inspect.Parameter.empty


def _cell(text: str) -> str:
    return link_codes(text).replace("|", "\\|")


def link_codes(text: str) -> str:
    """RETURNS (str): The text with error codes as links to their explanations."""
    return re.sub(r"\b([EW]\d{3})\b", r"[\1](errors.md#\1)", text)
