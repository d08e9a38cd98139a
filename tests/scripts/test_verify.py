"""What is packaged holds no local path, and loads without a network."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import meta
import numpy
import pytest
import spacy
import srsly
import typer
import verify
from spacy.cli.package import generate_readme
from spacy.ml.staticvectors import StaticVectors
from spacy.tokens import DocBin, Span
from spacy.vectors import Vectors
from thinc.api import Config
from toy import SENTENCES, train
from typer.testing import CliRunner

#: Pipelines before and after.
KINDS = ("whole", "half")
CORPUS = {
    "kind": "teacher",
    "sources": [{"name": "Some text", "url": "https://example.org", "license": "CC0"}],
    "teacher": {"name": "en_teacher", "version": "1.2.3", "license": "MIT"},
}
VECTORS = {"sources": [{"name": "Some vectors", "license": "PDDL-1.0"}]}
MODELS = {"sources": "Some encyclopaedia", "license": "CC BY-SA 3.0"}


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "GPE", "pattern": "Chicago"}])
    (tmp_path / "train.spacy").touch()
    nlp.config["paths"]["train"] = str(tmp_path / "train.spacy")
    nlp.config["initialize"]["vectors"] = str(tmp_path)
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_weights_and_vectors_are_packaged_in_half_the_bytes(make_nlp, tmp_path):
    nlp = make_nlp()
    train(nlp, 30)
    words = ["Ada", "London", "Paris"]
    data = numpy.random.default_rng(0).normal(size=(3, 40)).astype("float32")
    nlp.vocab.vectors = Vectors(data=data, keys=words, strings=nlp.vocab.strings)
    nlp.to_disk(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "half")
    meta.write_half(tmp_path / "half")
    for name in ("ldnet/weights.safetensors", "ner/weights-1.safetensors"):
        whole, half = ((tmp_path / kind / name).stat().st_size for kind in KINDS)
        assert half < 0.8 * whole, name
    stored = [numpy.load(tmp_path / kind / "vocab" / "vectors") for kind in KINDS]
    assert [array.dtype for array in stored] == ["float32", "float16"]
    texts = [" ".join(words) for words, _ in SENTENCES]
    expected = [[(ent.text, ent.label_) for ent in doc.ents] for doc in nlp.pipe(texts)]
    assert any(expected)
    for read in (spacy.load, lambda path: copy.deepcopy(nlp).from_disk(path)):
        loaded = read(tmp_path / "half")
        found = loaded.vocab.vectors.data
        assert found.dtype == "float32" and numpy.allclose(found, data, atol=2e-3)
        docs = loaded.pipe(texts)
        assert [[(e.text, e.label_) for e in doc.ents] for doc in docs] == expected
        # spaCy's own layer would fail on float16.
        StaticVectors(4).initialize(X=[loaded(texts[0])]).predict([loaded(texts[0])])
    weights = [nlp.get_pipe("ldnet").model.walk() for nlp in (nlp, loaded)]
    pairs = [
        (shim.weights for node in nodes for shim in node.shims) for nodes in weights
    ]
    for one, two in zip(*pairs, strict=True):
        for name, array in one.items():
            assert numpy.allclose(two[name], array, rtol=1e-3, atol=1e-3)


def test_vectors_that_others_read_stay_as_they_are(pipeline):
    nlp = spacy.load(pipeline)
    data = numpy.ones((1, 4), dtype="float32")
    nlp.vocab.vectors = Vectors(data=data, keys=["a"], strings=nlp.vocab.strings)
    nlp.to_disk(pipeline)
    meta.write_half(pipeline)
    assert numpy.load(pipeline / "vocab" / "vectors").dtype == "float32"


@pytest.mark.parametrize(
    "licences, expected",
    [
        ([], "MIT"),
        (["MIT", "not stated", ""], "MIT"),
        (
            ["CC BY 4.0", "MIT; text CC BY-SA 3.0", "CC BY 4.0"],
            "MIT (code); data: CC BY 4.0 / MIT; text CC BY-SA 3.0",
        ),
    ],
)
def test_the_licence_names_those_of_the_data(licences, expected):
    sources = [{"name": "x", "license": licence} for licence in licences]
    assert meta.join_licences("MIT", [*sources, {"name": "y"}]) == expected


def test_paths_are_taken_out():
    config = Config().from_str(
        """
        [paths]
        train = "/data/train.spacy"
        lm = "training/lm"

        [corpora]

        [corpora.train]
        @readers = "spacy.Corpus.v1"
        path = ${paths.train}

        [initialize]
        vectors = "/data/vectors"

        [initialize.components]

        [initialize.components.ldnet]

        [initialize.components.ldnet.encoder_loader]
        @misc = "spacy-ldnet.EncoderLoader.v1"
        path = ${paths.lm}
        """,
        interpolate=False,
    )
    stripped = meta.strip_paths(config)
    assert stripped["paths"] == {"train": None, "lm": None}
    assert stripped["initialize"]["components"] == {}
    assert stripped["initialize"]["vectors"] is None
    assert stripped["corpora"]["train"]["path"] is None
    assert not list(meta.find_paths(stripped))
    assert config["paths"]["lm"] == "training/lm"


def test_left_paths_are_found(tmp_path: Path):
    data = {"a": {"b": [str(tmp_path)]}, "c": "https://example.org/x", "d": "and/or"}
    assert list(meta.find_paths(data)) == [("a.b", str(tmp_path))]


def test_meta_names_sources_licences_and_teacher():
    joined = meta.join_meta({"lang": "en"}, CORPUS, VECTORS, MODELS)
    assert joined["teacher"]["name"] == "en_teacher"
    assert "en_teacher 1.2.3" in joined["description"]
    assert "agreement" in joined["description"]
    names = [(source["name"], source["license"]) for source in joined["sources"]]
    assert names[0] == ("Some text", "CC0")
    assert names[1] == ("en_teacher 1.2.3 (the teacher)", "MIT")
    assert names[2] == (
        "text of the language models: Some encyclopaedia",
        "CC BY-SA 3.0",
    )
    assert names[3] == ("Some vectors", "PDDL-1.0")
    gold = meta.join_meta({}, {"kind": "wnut17", "sources": []}, {}, {})
    assert "teacher" not in gold and "agreement" not in gold["description"]


def test_copy_for_the_package_loads(pipeline: Path, tmp_path: Path):
    app = typer.Typer()
    app.command()(meta.main)
    srsly.write_json(tmp_path / "corpus.json", CORPUS)
    output = tmp_path / "package"
    args = [str(pipeline), str(output), "--corpus-meta", str(tmp_path / "corpus.json")]
    result = CliRunner().invoke(app, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    nlp = spacy.load(output)
    assert (
        nlp.meta["name"] == "ldnet" and nlp.meta["license"] == "MIT (code); data: CC0"
    )
    assert nlp("Chicago").ents
    assert str(tmp_path) not in (output / "config.cfg").read_text(encoding="utf8")
    assert str(tmp_path) in (pipeline / "config.cfg").read_text(encoding="utf8")


def test_the_package_knows_its_scores_speed_and_limits(pipeline: Path, tmp_path: Path):
    nlp = spacy.load(pipeline)
    (tmp_path / "tests").mkdir()
    docs = [nlp("She lives in Chicago.") for _ in range(21)]
    docs[1].set_ents([Span(docs[1], 0, 1, "MISC")], default="outside")
    assert [ent.label_ for ent in docs[0].ents] == ["GPE"]
    DocBin(docs=docs).to_disk(tmp_path / "tests" / "some.spacy")
    speeds = {"ldnet_pruned": 70123.4, "ldnet": 20000.0}
    speed = {"words_per_second": speeds, "machine": {"processor": "a processor"}}
    srsly.write_json(tmp_path / "speed.json", speed)
    app = typer.Typer()
    app.command()(meta.main)
    args = ["--tests", tmp_path / "tests", "--speed", tmp_path / "speed.json"]
    words = [str(word) for word in (pipeline, tmp_path / "package", *args)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = spacy.load(tmp_path / "package").meta
    assert found["scores"] == {"some": {"GPE": 97.6}}
    assert found["speed"]["words_per_second"] == 70123.4
    readme = generate_readme(found)
    for part in ("70,123 words per second", "97.6", "kinds of entities: GPE."):
        assert part in readme
    assert "no dates" not in readme
    assert "no dates" in meta.write_notes(["PER", "LOC"], {}, {})
    assert meta.write_notes([], {}, {}) == ""
    assert "### F1 on test sets" in readme
    taught = meta.write_notes(["PER"], found["scores"], {}, has_teacher=True)
    assert "### Agreement with the teacher, F1 on test sets" in taught


def test_cold_process_finds_entities(pipeline: Path, tmp_path: Path):
    text = "She lives in Chicago."
    found = verify.load_cold(Path(sys.executable), str(pipeline), text, cwd=tmp_path)
    assert found["pipeline"] == ["entity_ruler"]
    assert found["entities"] == [["Chicago", "GPE"]]


def test_sockets_are_blocked():
    code = verify.BLOCK + (
        "import ssl, urllib.request\n"
        "for use in (socket.socket, lambda: urllib.request.urlopen('http://[::1]:9')):\n"
        "    try:\n"
        "        use()\n"
        "    except OSError as err:\n"
        "        assert 'blocked' in str(err), err\n"
        "    else:\n"
        "        raise SystemExit('not blocked')\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_wheel_is_built_from_a_clean_copy(tmp_path: Path):
    pytest.importorskip("build")
    pytest.importorskip("wheel")
    source = tmp_path / "repository"
    (source / "spacy_ldnet" / "__pycache__").mkdir(parents=True)
    (source / "spacy_ldnet" / "__init__.py").write_text('"""Nothing."""\n')
    (source / "setup.py").write_text(
        "from setuptools import setup\n"
        "setup(name='spacy-ldnet', version='9.9', packages=['spacy_ldnet'])\n"
    )
    (source / "build" / "lib" / "spacy_ldnet").mkdir(parents=True)
    (source / "build" / "lib" / "spacy_ldnet" / "old.py").touch()
    wheel = verify.build_wheel(source, tmp_path / "out")
    assert wheel.name == "spacy_ldnet-9.9-py3-none-any.whl"
    assert sorted(p.name for p in source.iterdir()) == [
        "build",
        "setup.py",
        "spacy_ldnet",
    ]
