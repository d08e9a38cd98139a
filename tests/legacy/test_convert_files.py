"""Files that cannot be converted are named, and nothing in them is run."""

import pickle
from pathlib import Path

import numpy
import pytest
import torch
from authors import Authors
from converting import fails

from spacy_ldnet.cli.convert import convert


class Hostile:
    def __reduce__(self):
        return (open, ("harmed", "w"))


def test_hostile_pickles_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    authors = Authors()
    torch.save(
        {"model": {"x": Hostile()}}, "bad.th", _use_new_zipfile_serialization=False
    )
    output = fails("bad.th", "out")
    assert "E071" in output and "open" in output and "bad.th" in output
    authors.save("good.th", maps=False)
    Path("bad.pk").write_bytes(pickle.dumps({"gw_map": Hostile()}))
    output = fails("good.th", "out", "--maps", "bad.pk")
    assert "E071" in output and "io.open" in output and "bad.pk" in output
    assert not Path("harmed").exists() and not Path("out").exists()


def test_numpy_arrays_are_admitted(tmp_path):
    authors = Authors()
    path = authors.save(tmp_path / "a.th", maps=False)
    data = {**authors.maps, "emb_array": numpy.ones((3, 2)), "n": numpy.int64(3)}
    for protocol in (2, 4):
        (tmp_path / "d.pk").write_bytes(pickle.dumps(data, protocol=protocol))
        convert(path, tmp_path / f"nlp{protocol}", maps=tmp_path / "d.pk")


def spoil(authors, what):
    if what == "missing":
        del authors.weights["char_seq.bias"]
    elif what == "shape":
        authors.weights["char_seq.bias"] = torch.zeros(9)
    elif what == "stranger":
        authors.weights["elmo.scalar"] = torch.zeros(1)
    elif what == "config":
        authors.ch += 1
    elif what == "tags":
        del authors.maps["y_map"]["S-LOC"]
    elif what == "symbol":
        del authors.maps["flm_map"]["\n"]
    elif what == "rows":
        authors.maps["gw_map"]["more"] = 99
    elif what == "map":
        authors.maps["c_map"] = [1, 2]


@pytest.mark.parametrize(
    "what, words",
    [
        ("missing", ("E072", "char_seq.bias", "nothing")),
        ("shape", ("E072", "char_seq.bias", "(5,)", "(9,)")),
        ("stranger", ("E075", "elmo.scalar")),
        ("config", ("E073", "char_hidden", "4", "3")),
        ("tags", ("E072", "crf.transitions", "(10, 10)", "(11, 11)")),
        ("symbol", ("E076", "flm_map")),
        ("rows", ("E072", "word_embed.weight", "100", "gw_map")),
        ("map", ("E070", "c_map")),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, what, words):
    authors = Authors()
    spoil(authors, what)
    output = fails(authors.save(tmp_path / "a.th"), tmp_path / "out")
    for word in words:
        assert word in output
    assert not (tmp_path / "out").exists()


def test_damaged_and_foreign_files_are_named(tmp_path):
    authors = Authors()
    data = Path(authors.save(tmp_path / "a.th")).read_bytes()
    for name, content in (("cut", data[:500]), ("text", b"not a model"), ("none", b"")):
        (tmp_path / name).write_bytes(content)
        output = fails(tmp_path / name, tmp_path / "out")
        assert ("E070" in output or "E071" in output) and name in output
    authors.save(tmp_path / "bare.th", maps=False)
    output = fails(tmp_path / "bare.th", tmp_path / "out")
    assert "E074" in output and "--maps ner_dataset.pk" in output
    (tmp_path / "cut.pk").write_bytes(pickle.dumps(authors.maps)[:90])
    output = fails(
        tmp_path / "bare.th", tmp_path / "out", "--maps", tmp_path / "cut.pk"
    )
    assert "E070" in output and "cut.pk" in output
    with pytest.raises(ValueError, match="E013.*'pos'.*auto, ner, chunk"):
        convert(tmp_path / "a.th", tmp_path / "out", task="pos")
