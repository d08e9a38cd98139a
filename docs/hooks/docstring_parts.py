"""Take a docstring of this project apart: text, arguments, what is returned, raised."""

import inspect
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

#: `name (type): text`, as in `width (int): Width of the output.`
FIELD = re.compile(r"^(\w+) \((.*?)\): (.*)$")
RESULTS = ("RETURNS", "YIELDS", "RAISES")


@dataclass
class Parts:
    """A docstring.

    text (str): What it does, in Markdown.
    arguments (Dict[str, Tuple[str, str]]): Type and meaning of each argument.
    results (Dict[str, Tuple[str, str]]): The same of RETURNS, YIELDS and RAISES.
    """

    text: str = ""
    arguments: Dict[str, Tuple[str, str]] = field(default_factory=dict)
    results: Dict[str, Tuple[str, str]] = field(default_factory=dict)


def read_docstring(thing: Any) -> Parts:
    """thing (Any): A function or class.
    RETURNS (Parts): Its docstring, each field's text in one line.
    """
    parts, text = Parts(), []
    current: List[str] = []
    for line in (inspect.getdoc(thing) or "").splitlines():
        found = FIELD.match(line)
        if found:
            name, kind, first = found.groups()
            current = [kind, first]
            fields = parts.results if name in RESULTS else parts.arguments
            fields[name] = (kind, first)
        elif current and line.startswith(" "):
            kind, known = fields[name]
            fields[name] = (kind, f"{known} {line.strip()}")
        else:
            current = []
            text.append(line)
    parts.text = "\n".join(text).strip()
    return parts
