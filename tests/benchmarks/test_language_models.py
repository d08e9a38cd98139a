"""The comparison of language models: same predictions, same sizes, no work twice."""

import numpy
import pytest
from harness.kneser_ney import KENLM, find_programs, measure_kneser_ney, write_rows
from language_models import (
    DEFAULT,
    VARIANTS,
    count_parameters,
    match_hidden,
    train_variant,
)

from spacy_ldnet.lm_directory import EOS_ROW
from spacy_ldnet.workflow.scripting import ScriptError

SMALL = {
    "model.embed": 8,
    "model.hidden": 4,
    "model.depth": 2,
    "model.projection": 16,
    "model.cutoffs": [50],
    "pretraining.batch_size": 8,
    "pretraining.max_epochs": 1,
}


def test_texts_are_the_ones_the_language_models_read(texts):
    for name, rows in (("train", texts.train), ("dev", texts.dev)):
        counts = texts.counts[name]
        assert len(rows) == counts["words"] + counts["sequences"]
        assert (rows == EOS_ROW).sum() == counts["sequences"]
        assert 0 <= rows.min() and rows.max() < texts.rows


@pytest.mark.parametrize(
    "direction, lines", [("forward", "5 0 7\n2\n"), ("backward", "7 0 5\n2\n")]
)
def test_rows_are_written_a_text_a_line(tmp_path, direction, lines):
    rows = numpy.array([EOS_ROW, 5, 0, 7, EOS_ROW, 2], dtype=numpy.int32)
    write_rows(rows, tmp_path / "text", direction)
    assert (tmp_path / "text").read_text("utf8") == lines


def test_kneser_ney_predicts_what_we_predict(tmp_path, texts):
    try:
        programs = find_programs(KENLM)
    except ScriptError:
        pytest.skip("benchmarks/build_kenlm.py has not been run")
    kind = {"direction": "forward", "order": 2, "programs": programs}
    result = measure_kneser_ney(texts.train, texts.dev, tmp_path, **kind)
    assert result["tokens"] == len(texts.dev)
    assert 1 < result["perplexity"] < texts.rows


def test_a_baseline_has_as_many_parameters(lm_config):
    wanted = count_parameters(lm_config, VARIANTS[DEFAULT], 5000)
    shallow = {"model.depth": 2}
    hidden = match_hidden(lm_config, shallow, 5000, wanted)
    found = count_parameters(lm_config, {**shallow, "model.hidden": hidden}, 5000)
    assert found == pytest.approx(wanted, rel=0.01)
    assert hidden > 88


def test_a_size_that_cannot_be_met_is_an_error(lm_config):
    with pytest.raises(ValueError, match="No hidden size"):
        match_hidden(lm_config, {}, 5000, 10)


@pytest.mark.slow
def test_a_finished_variant_is_not_trained_again(tmp_path, texts, lm_config):
    run = {"seed": 0, "directions": ["backward"]}
    first = train_variant(SMALL, texts, tmp_path / "lm", lm_config, **run)
    assert 1 < first["perplexity"]["backward"] < texts.rows
    log = tmp_path / "lm" / "log.jsonl"
    log.unlink()
    assert train_variant(SMALL, texts, tmp_path / "lm", lm_config, **run) == first
    assert not log.exists()
    run["seed"] = 1
    second = train_variant(SMALL, texts, tmp_path / "lm", lm_config, **run)
    assert second["perplexity"] != first["perplexity"]
