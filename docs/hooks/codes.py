"""The reference of error codes, made from `spacy_ldnet.errors`."""

import html
import inspect
import re
from typing import Iterator, List, Tuple

from spacy_ldnet import errors

CODE = re.compile(r"^    ([EW]\d{3}) = ", flags=re.MULTILINE)


def find_codes() -> List[Tuple[str, str]]:
    """RETURNS (List[Tuple[str, str]]): Each code and its message, by code."""
    classes = (errors.Errors, errors.Warnings)
    found = [
        (code, getattr(cls, code))
        for cls in classes
        for code in CODE.findall(inspect.getsource(cls))
    ]
    return sorted(found)


def write_codes() -> str:
    """RETURNS (str): The page, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "---\nhide:\n  - toc\n---\n"
    yield "# Errors and warnings\n"
    yield (
        "Every message names the cause, the value and the remedy. Braces stand for a "
        "value, a path or a name. Errors begin with E, warnings with W. "
        "[Trouble](../start/trouble.md) has examples of those that people meet first.\n"
    )
    for code, message in find_codes():
        text = html.escape(message.partition("] ")[2], quote=False)
        for sign in "\\`*_[]":
            text = text.replace(sign, "\\" + sign)
        yield f"### {code} {{ #{code} }}\n"
        yield text + "\n"
