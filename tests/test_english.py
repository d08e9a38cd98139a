"""Plain English in messages, help texts, docstrings and comments."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest
import typer
from plain_english import find_faults
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_ldnet
from spacy_ldnet.cli import app
from spacy_ldnet.cli._util import find_page

PACKAGE = Path(spacy_ldnet.__path__[0])
#: A headline names the thing.
QUESTIONS = re.compile(r"(What|Which|How|Where)\b(?!.*\?)")


def checked_files():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix()


def texts_of(name):
    """The docstrings, comments and messages of a file, with their lines."""
    source = (PACKAGE / name).read_text("utf8")
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, kinds):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""
        # Messages, and the help of options.
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value if " " in node.value else ""
    comments = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start[0], token.string.lstrip("#: ")))
        elif token.type != tokenize.NL and comments:
            yield comments[0][0], " ".join(text for _, text in comments)
            comments = []


@pytest.mark.parametrize("name", checked_files())
def test_a_file_is_in_plain_english(name):
    faults = {
        f"line {line}: {fault}"
        for line, text in texts_of(name)
        for fault in find_faults(text)
    }
    for node in ast.walk(ast.parse((PACKAGE / name).read_text("utf8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            headline = (ast.get_docstring(node) or "").partition("\n")[0]
            if QUESTIONS.match(headline):
                faults.add(f"the headline does not name the thing: {headline!r}")
    assert not faults


COMMANDS = sorted(typer.main.get_command(app).commands)


def help_of(name):
    result = CliRunner().invoke(spacy_app, ["ldnet", name, "--help"])
    assert result.exit_code == 0, result.output
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_names_its_page(name):
    assert help_of(name).endswith(f"DOCS: {find_page(name)}")
    assert (PACKAGE.parent / find_page(name)).is_file()


def test_pages_of_the_site_are_folders(monkeypatch):
    address = "https://docs.example/"
    monkeypatch.setattr("spacy_ldnet.cli._util.__docs__", address)
    assert find_page("prune") == f"{address}commands/prune"
    assert find_page("no such command") == address


@pytest.mark.parametrize(
    "name, choices",
    [
        ("annotate", "jsonl|parquet|spacy"),
        ("convert", "auto|ner|chunk"),
        ("corpus", "strict|contract|expand"),
        ("decode", "text|columns"),
        ("init-config", "Choices: ner, crf_ner, tagger"),
        ("package", "Choices: sdist, wheel, none"),
    ],
)
def test_the_help_of_a_command_lists_choices(name, choices):
    assert choices in help_of(name)
