"""The tokenised text is the same, whatever engine made it."""

from pathlib import Path

import pytest
from lm_corpora import make_readers, prepare

from spacy_ldnet.pretraining.config import fixed_settings, read_settings


def contents(corpus):
    files = (path for path in corpus.path.rglob("*") if path.is_file())
    return {path.relative_to(corpus.path): path.read_bytes() for path in files}


@pytest.mark.usefixtures("ray_cluster")
def test_bytes_do_not_depend_on_the_engine(tmp_path, text_folder, monkeypatch):
    # Workers of a cluster do not have the working directory of whoever uses it.
    monkeypatch.chdir(tmp_path)
    folder = text_folder.relative_to(tmp_path)
    readers = make_readers(tmp_path, folder, "Ada likes a red boat .\n")
    shown = []
    settings = {"chunk_size": 1000, "report": shown.append}
    local = prepare(Path("local"), readers, chunk_size=1000)
    on_ray = prepare(Path("ray"), readers, engine="ray", n_process=2, **settings)
    assert contents(local) == contents(on_ray)
    assert len(contents(local)) > 12
    assert shown[-1].done == shown[-1].total > 0 and shown[-1].words > 100


def test_the_engine_is_a_free_setting():
    section = {"engine": "ray", "ray_address": "10.0.0.1:6379"}
    assert fixed_settings(read_settings(section)) == fixed_settings(read_settings({}))
    with pytest.raises(ValueError, match="E013.*dask.*engine"):
        read_settings({"engine": "dask"})
