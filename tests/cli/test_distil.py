"""`ldnet distil`: a real, tiny student of each kind, and its teacher."""

import re

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.tokens import DocBin
from thinc.api import Config, fix_random_seed
from toy import SENTENCES, make_examples, train
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS

#: A student without language models.
STUDENT = """
[paths]
train = null
dev = null

[nlp]
lang = "xx"
pipeline = ["ner"]

[components]

[components.ner]
factory = "crf_ner"

[components.ner.model]
@architectures = "spacy-ldnet.CRFTagger.v1"

[components.ner.model.tok2vec]
@architectures = "spacy-ldnet.StackedTok2Vec.v1"
width = 24
chars = {"embed": 5, "hidden": 5, "width": 7}

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.dev}

[training]
max_steps = 2
eval_frequency = 1
"""


def invoke(*words):
    result = CliRunner().invoke(app, ["ldnet", "distil", *map(str, words)])
    return result.exit_code, " ".join(f"{result.output}\n{result.exception!r}".split())


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Data, the config of a student, and a teacher of the same config."""
    folder = tmp_path_factory.mktemp("distil")
    fix_random_seed(0)
    config = Config().from_str(STUDENT, interpolate=False)
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    nlp.config.to_disk(folder / "student.cfg")
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 40)
    nlp.to_disk(folder / "teacher")
    docs = [example.reference for example in make_examples(nlp)]
    DocBin(docs=docs).to_disk(folder / "train.spacy")
    DocBin(docs=docs[:1]).to_disk(folder / "dev.spacy")
    texts = [" ".join(words) for words, _ in SENTENCES]
    (folder / "text.txt").write_text("\n".join([*texts, "Ada called Paris ."]))
    return folder


@pytest.fixture
def here(shelf, tmp_path, monkeypatch):
    """An empty folder, from which the data are seen."""
    monkeypatch.chdir(tmp_path)
    for path in shelf.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


DATA = ["--paths.train", "train.spacy", "--paths.dev", "dev.spacy"]


def test_students_learn_and_are_compared(here):
    words = ["student.cfg", "teacher", "text.txt", "out", "--test", "dev.spacy", *DATA]
    code, output = invoke(*words, "--labels", "gold,hard,soft", "--weight", 0.7)
    assert code == 0, output
    for kind in ("gold", "hard", "soft"):
        nlp = spacy.load(f"out/{kind}/model-best")
        setting = {"weight": 0.7, "temperature": 1.0} if kind == "soft" else None
        assert nlp.config["components"]["ner"]["distil"] == setting
        expected = "train.spacy" if kind == "gold" else "out/pseudo_labels"
        assert nlp.config["paths"]["train"] == expected
        assert nlp.get_pipe("ner").labels == ("LOC", "PER")
    docs = list(
        DocBin()
        .from_disk("out/pseudo_labels/taught.spacy")
        .get_docs(spacy.blank("xx").vocab)
    )
    # The held-out text is not labelled.
    assert len(docs) == len(SENTENCES)
    assert all(set(doc.user_data) == {SOFT_TAGS} for doc in docs)
    assert any(doc.ents for doc in docs)
    found = srsly.read_json("out/results.json")
    assert list(found["pipelines"]) == ["teacher", "gold", "hard", "soft"]
    assert "F1 compared with teacher" in output


def test_a_sourced_student_learns_from_probabilities(here):
    code, output = invoke("student.cfg", "teacher", "text.txt", "out", *DATA)
    assert code == 0, output
    config = Config().from_disk("student.cfg", interpolate=False)
    config["components"]["ner"] = {"source": "out/soft/model-best"}
    config.to_disk("sourced.cfg")
    code, output = invoke("sourced.cfg", "teacher", "text.txt", "again", *DATA, "--temperature", 2)  # fmt: skip
    assert code == 0, output
    nlp = spacy.load("again/soft/model-best")
    expected = {"weight": 0.5, "temperature": 2.0}
    assert nlp.config["components"]["ner"]["distil"] == expected
    assert nlp.get_pipe("ner").distil.temperature == 2.0


@pytest.mark.parametrize(
    "words, expected",
    [
        (["student.cfg", "teacher", "text.txt"], "E186.*train is None"),
        (["student.cfg", "teacher", "no.txt", *DATA], "E187.*'no.txt'"),
        (["student.cfg", "nobody", "text.txt", *DATA], "E183.*'nobody'.*not installed"),
        (["student.cfg", "teacher", "text.txt", *DATA, "-l", "sof"], "E013.*sof"),
        (["student.cfg", "teacher", "text.txt", *DATA, "--weight", 2], "E101"),
        (["student.cfg", "teacher", "text.txt", *DATA, "--threshold", 0], "E102"),
        (["cnn.cfg", "teacher", "text.txt", *DATA], "E186.*0 components"),
    ],
)
def test_what_cannot_be_distilled_is_named(here, words, expected):
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner")
    nlp.config["paths"].update(train=None, dev=None)
    nlp.config.to_disk("cnn.cfg")
    code, output = invoke(*words[:3], "out", *words[3:])
    assert code == 1 and re.search(expected, output), output
    assert not (here / "out" / "soft").exists()
