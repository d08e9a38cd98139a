"""What is packaged holds no local path, and loads without a network."""

import subprocess
import sys
from pathlib import Path

import meta
import pytest
import spacy
import srsly
import typer
import verify
from thinc.api import Config
from typer.testing import CliRunner

CORPUS = {
    "kind": "teacher",
    "sources": [{"name": "Some text", "url": "https://example.org", "license": "CC0"}],
    "teacher": {"name": "en_teacher", "version": "1.2.3", "license": "MIT"},
}
VECTORS = {"sources": [{"name": "Some vectors", "license": "PDDL-1.0"}]}


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
    joined = meta.join_meta({"lang": "en"}, CORPUS, VECTORS)
    assert joined["teacher"]["name"] == "en_teacher"
    assert "en_teacher 1.2.3" in joined["description"]
    assert "agreement" in joined["description"]
    names = [(source["name"], source["license"]) for source in joined["sources"]]
    assert names[0] == ("Some text", "CC0")
    assert names[1] == ("en_teacher 1.2.3 (the teacher)", "MIT")
    assert names[2] == ("Some vectors", "PDDL-1.0")
    gold = meta.join_meta({}, {"kind": "wnut17", "sources": []}, {})
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
    assert nlp.meta["name"] == "ldnet" and nlp.meta["license"] == "MIT"
    assert nlp("Chicago").ents
    assert str(tmp_path) not in (output / "config.cfg").read_text(encoding="utf8")
    assert str(tmp_path) in (pipeline / "config.cfg").read_text(encoding="utf8")


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
