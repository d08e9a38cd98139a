"""`ldnet report`: a page about what `ldnet compare` found."""

import re
import sys

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.tokens import DocBin
from toy_cnn import make_docs, train_cnn
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)


def invoke(*words):
    result = CliRunner().invoke(app, ["ldnet", *map(str, words)])
    return result.exit_code, " ".join(f"{result.output}\n{result.exception!r}".split())


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    nlp = train_cnn()
    nlp.to_disk(folder / "cnn")
    ruler = spacy.blank("en")
    ruler.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": "Rome"}])
    ruler.to_disk(folder / "rules")
    DocBin(docs=make_docs(nlp)).to_disk(folder / "gold.spacy")
    words = [folder / "rules", folder / "cnn", "--gold", folder / "gold.spacy"]
    options = ["--draws", 50, "--rounds", 1, "--output", folder / "found.json"]
    code, output = invoke("compare", *words, *options)
    assert code == 0, output
    return folder


def test_page_of_a_comparison(compared, tmp_path):
    gates = {"forward": [1.0, 0.5], "backward": [0.5]}
    log = [{"step": 0, "gates": gates}, {"step": 9, "gates": {**gates, "backward": [0.0]}}]  # fmt: skip
    srsly.write_jsonl(tmp_path / "gates.jsonl", log)
    lm = tmp_path / "lm"
    (lm / "model-best").mkdir(parents=True)
    event = {"direction": "forward", "epoch": 1, "step": 7, "perplexity": 90.5}
    srsly.write_jsonl(lm / "log.jsonl", [event])
    srsly.write_json(lm / "model-best" / "meta.json", {"perplexity": {"forward": 90.5}})
    page = tmp_path / "page.html"
    options = ["--subject", "cnn", "--gate-log", tmp_path / "gates.jsonl", "--lm", lm]
    code, output = invoke("report", compared / "found.json", page, *options)
    assert code == 0, output
    text = page.read_text("utf8").split("<script>")[0]
    assert "cnn has an F1 of 100.00 on the test set, one seed" in text
    assert "Compared with rules" in text and "9" in text
    for expected in ('id="layers"', 'id="lms"', 'id="labels"', 'id="errors"'):
        assert expected in text
    assert "Config of <code>cnn</code>" in text


@pytest.mark.parametrize(
    "words, expected",
    [
        (["none.json"], "E185.*cannot be read"),
        (["results.json"], "E185.*no comparison"),
        (["found.json", "--gold", "dev"], "E185.*no set 'dev', but gold"),
        (["found.json", "-s", "trf"], "E185.*no row 'trf', but rules, cnn"),
    ],
)
def test_what_cannot_be_shown_is_named(compared, monkeypatch, words, expected):
    monkeypatch.chdir(compared)
    srsly.write_json(compared / "results.json", {"ldnet": {}})
    code, output = invoke("report", words[0], "page.html", *words[1:])
    assert code == 1 and re.search(expected, output), output
    assert not (compared / "page.html").exists()


def test_the_missing_extra_is_named(compared, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    page = tmp_path / "page.html"
    code, output = invoke("report", compared / "found.json", page)
    assert code == 1 and "E184" in output and "vl-convert-python" in output
    assert not page.exists()
