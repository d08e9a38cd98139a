"""`ldnet package`: language models that are installed, and loaded by name."""

import json
import zipfile

import pytest
import srsly
from spacy.cli._util import app
from toy import write_language_model
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.lm_directory import CHECKSUMS, META_FILE, checksums, find_source
from spacy_ldnet.loaders import create_encoder_loader_v1
from spacy_ldnet.models.encoder import build_ldnet_encoder_v1

CONFIG = """[paths]
raw_text = "/home/me/secret.txt"

[nlp]
lang = "en"

[corpora]

[corpora.train]
@readers = "spacy-ldnet.RawTextCorpus.v1"
path = ${paths.raw_text}

[corpora.dev]
@readers = "spacy-ldnet.RawTextCorpus.v1"
path = "/home/me/secret2.txt"

[pretraining]
init_from = "/home/me/secret3"
"""


def invoke(*args):
    result = CliRunner().invoke(app, ["ldnet", *map(str, args)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def lm(tmp_path):
    path = write_language_model(tmp_path / "lm")
    (path / "config.cfg").write_text(CONFIG)
    meta = srsly.read_json(path / META_FILE)
    meta.update(lang="en", license="CC0", sources="a book", perplexity={"forward": 9.5})
    srsly.write_json(path / META_FILE, meta)
    return path


def test_a_wheel_is_read_by_name(lm, tmp_path, monkeypatch):
    pytest.importorskip("build")
    args = ("package", lm, tmp_path / "out", "--name", "lm_toy2", "--version", "0.2.0")
    code, output = invoke(*args)
    assert code == 0 and "--paths.lm lm_toy2" in output, output
    path = tmp_path / "out" / "lm_toy2-0.2.0"
    wheel = path / "dist" / "lm_toy2-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site")
    assert (
        "Requires-Dist: spacy-ldnet<0.2.0,>=0.1.0"
        in (tmp_path / "site" / "lm_toy2-0.2.0.dist-info" / "METADATA").read_text()
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    installed = find_source("lm_toy2")
    assert installed == tmp_path / "site" / "lm_toy2"
    assert srsly.read_json(installed / META_FILE)[CHECKSUMS] == checksums(installed)
    encoders = [
        create_encoder_loader_v1(path=source)(build_ldnet_encoder_v1())
        for source in (lm, "lm_toy2")
    ]
    ours, theirs = (e.shims[0].module.forward_lm.state_dict() for e in encoders)
    # In float16, and widened when they are read.
    assert all((ours[name].half().float() == theirs[name]).all() for name in ours)
    text = tmp_path / "text.txt"
    text.write_text("Ada lived in London .\n")
    code, output = invoke("perplexity", "lm_toy2", text, "--json")
    assert code == 0 and json.loads(output)["words"] == 5
    assert "secret" not in (installed / "config.cfg").read_text()
    card = (path / "README.md").read_text()
    assert all(part in card for part in ("CC0", "a book", "9.5", "lm_toy2"))
    # What was built stays until it is asked for again.
    code, output = invoke(*args)
    assert code == 1 and "E156" in output and wheel.exists()
    (lm / "README.md").write_text("# By hand")
    code, output = invoke(*args, "--force", "--build", "none")
    assert code == 0 and not wheel.exists()
    assert (path / "README.md").read_text() == "# By hand"


@pytest.mark.parametrize(
    "change,code",
    [
        (["--name", "lm-en"], "E155"),
        (["--version", "one"], "E155"),
        ("config.cfg", "E011"),
        ("forward.safetensors", "E011"),
        ("nowhere", "E150"),
    ],
)
def test_what_cannot_be_packaged_is_named(lm, tmp_path, change, code):
    options = change if isinstance(change, list) else []
    if not options:
        (lm / change).unlink(missing_ok=True)
    source = "nowhere" if change == "nowhere" else lm
    found, output = invoke("package", source, tmp_path / "out", *options)
    assert found == 1 and code in output
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
