"""Files of an earlier version load, and give what they gave then: see README.md."""

import json
from pathlib import Path

import numpy
import pytest
import spacy
from make_golden import (
    LANGUAGE_MODELS,
    PIPELINES,
    make_chunk_examples,
    measure,
    predict,
)

from spacy_ldnet.cli.annotate import annotate
from spacy_ldnet.cli.convert import convert
from spacy_ldnet.pruning import prune_language_models, prune_saved_pipeline

GOLDEN = Path(__file__).parent
EXPECTED = json.loads((GOLDEN / "predictions.json").read_text("utf8"))
NUMBERS = ("vectors", "scores")


def check(found, expected):
    assert len(found) == len(expected) > 0
    for row, wanted in zip(found, expected):
        assert set(row) == set(wanted)
        for name, value in wanted.items():
            if name in NUMBERS:
                numpy.testing.assert_allclose(row[name], value, atol=2e-4, rtol=1e-4)
            else:
                assert row[name] == value, (name, row["text"])


def check_pipeline(path, name):
    if name == "transformer":
        pytest.importorskip("spacy_transformers")
    check(predict(spacy.load(path)), EXPECTED[name])


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_predict_the_same(tmp_path, name):
    check_pipeline(GOLDEN / name, name)
    nlp = spacy.load(GOLDEN / name)
    nlp.to_disk(tmp_path / name)
    check_pipeline(tmp_path / name, name)
    losses = nlp.update(make_chunk_examples(nlp), sgd=nlp.resume_training())
    assert max(losses.values()) > 0 and numpy.isfinite(list(losses.values())).all()


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_language_models_measure_the_same(name):
    assert measure(GOLDEN / name) == EXPECTED[name]


def test_commands_make_the_same_of_them(tmp_path):
    prune_saved_pipeline(GOLDEN / "gated", tmp_path / "pruned")
    check_pipeline(tmp_path / "pruned", "pruned")
    convert(GOLDEN / "authors.th", tmp_path / "converted", lang="xx")
    check_pipeline(tmp_path / "converted", "converted")
    prune_language_models(GOLDEN / "lm", tmp_path / "lm", GOLDEN / "pruned")
    for path in (GOLDEN / "lm_pruned").glob("*.safetensors"):
        assert (tmp_path / "lm" / path.name).read_bytes() == path.read_bytes()


def test_annotation_is_the_same(tmp_path):
    annotate(str(GOLDEN / "full"), str(GOLDEN / "rows.jsonl"), str(tmp_path / "out"))
    shards = sorted(path.name for path in (tmp_path / "out" / "data").iterdir())
    assert shards == sorted(p.name for p in (GOLDEN / "annotated" / "data").iterdir())
    for shard in shards:
        old, new = (
            folder / "data" / shard
            for folder in (GOLDEN / "annotated", tmp_path / "out")
        )
        assert new.read_text("utf8") == old.read_text("utf8")
