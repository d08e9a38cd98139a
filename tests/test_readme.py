"""What the README shows is run."""

import re
import shutil
from pathlib import Path

import pytest
import spacy
from thinc.api import Config
from toy import WORDS, make_examples, write_language_model

README = Path(__file__).parent.parent / "README.md"


def block(marker):
    """The code block behind a marker."""
    pattern = rf"<!-- {re.escape(marker)} -->\n```\w+\n(.*?)```"
    found = re.search(pattern, README.read_text(encoding="utf8"), flags=re.DOTALL)
    assert found is not None, f"no block behind '{marker}'"
    return found.group(1)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with a language model of the default sizes where the README has it."""
    path = tmp_path / "training/lm/model-best"
    write_language_model(path, words=WORDS, embed=100, hidden=88, depth=6)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path / "training")


def test_config_builds_and_trains(workplace):
    config = Config().from_str(block("config"))
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    losses = nlp.update(examples)
    assert losses["ner"] > 0


def test_python_example_finds_its_entities(workplace, capsys):
    exec(compile(block("python"), "README.md", "exec"), {})
    assert "('Ada Lovelace', 'PERSON')" in capsys.readouterr().out
