"""The measurements of inference, on toys: what they count, not how fast it is."""

import pytest
import srsly
import torch
import typer
from harness.pipelines import common_words, paper_size
from harness.runner import benchmark
from inference import (
    docs_speed,
    growth,
    latency,
    process_gain,
    regroup,
    text_speed,
    thread_gain,
)
from long_running import STOPS, grow, measure_shared, new_texts
from precision import measure
from profile_inference import REST, WHOLE, attach
from toy import SENTENCES, train
from typer.testing import CliRunner

from spacy_ldnet.describe import describe
from spacy_ldnet.nn.precision import runs_bfloat16
from spacy_ldnet.timing import time_pipeline

TEXTS = [(words, [True] * len(words)) for words, _ in SENTENCES]


@pytest.fixture
def nlp(make_nlp):
    nlp = make_nlp()
    train(nlp, 2)
    return nlp


def test_regrouped_texts_have_the_same_words_in_turn():
    texts = regroup(TEXTS, 4, 60)
    assert len(texts) == 15 and {len(words) for words, _ in texts} == {4}
    words = [word for words, _ in TEXTS for word in words]
    assert [w for words, _ in texts for w in words] == (words * 3)[:60]


def test_every_part_measures_every_pipeline(nlp):
    nlps = {"one": nlp, "other": nlp}
    assert set(docs_speed(nlps, TEXTS, 1)) == {"one", "other", "torch.mm"}
    assert set(text_speed(nlps, TEXTS, 1)) == set(nlps)
    waits = latency(nlps, regroup(TEXTS, 20, 100), 1)
    assert set(waits) == {"any length", "20 words"}
    for of_kind in waits.values():
        assert set(of_kind) == set(nlps)
        assert all(0 < wait["median"] <= wait["p95"] for wait in of_kind.values())
    assert set(thread_gain(nlps, TEXTS, 1)) == set(nlps)
    assert torch.get_num_threads() == 1
    assert process_gain(nlp, TEXTS * 20, 1) > 0
    rows = growth(nlp, TEXTS, [50, 100])
    assert [row["words"] >= n for row, n in zip(rows, (50, 100))] == [True, True]
    assert all(row["words_per_second"] > 0 and row["resident_mb"] > 0 for row in rows)


def test_new_words_leave_nothing_behind_in_zones(nlp):
    known = [word for words, _ in TEXTS for word in words]
    texts = new_texts(known)
    first, second = next(texts).split(), next(texts).split()
    assert not set(first[::4]) & {*second, *known} and first[1] == known[1]
    rows = grow(nlp, texts, 20_000, zone=True)
    assert len(rows) == STOPS and rows[-1]["words"] >= 20_000
    assert len({row["strings"] for row in rows}) == 1
    assert rows[0]["cached"] > 500
    rows = grow(nlp, texts, 20_000, zone=False)
    assert rows[-1]["strings"] > rows[0]["strings"]


def test_threads_and_processes_share_a_pipeline(nlp):
    train(nlp, 40)
    known = [word for words, _ in TEXTS for word in words]
    found = measure_shared(nlp, known, 500, rounds=1)
    assert found["same"] and found["entities"] > 0
    assert found["two_threads"] > 0 and found["two_processes"] > 0


def test_the_papers_pipelines_have_the_papers_cost():
    pruned, full = (paper_size(["a", "b"], layers) for layers in (1, 10))
    assert describe(full)["lm_macs_per_word"] == 2 * sum(
        4 * 300 * (300 + (i + 1) * 300) for i in range(10)
    )
    assert describe(pruned)["lm_macs_per_word"] == 2 * 4 * 300 * 600
    assert pruned.vocab.vectors.shape == (2, 100)
    assert pruned("a b").has_annotation("ENT_IOB")


def test_common_words_come_first(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("b a b\nc b a\n", encoding="utf8")
    assert common_words(path, 2) == ["b", "a"]


def test_stages_add_up(nlp):
    stages = attach(nlp)
    found = stages.take(time_pipeline(nlp, TEXTS * 10))
    whole = found.pop(WHOLE)
    assert whole > 0 and sum(found.values()) == pytest.approx(1)
    assert all(share > 0 for share in found.values())
    assert {"language models", "characters", "decoding", REST} < set(found)


def test_precisions_are_compared_with_float32():
    row = measure((4, 3, 2, 2), 1)
    assert row["float32"] == {"time": 1.0, "difference": 0.0}
    assert ("bfloat16" in row) == runs_bfloat16()
    assert 0 < row.get("bfloat16", row["int8"])["difference"] < 0.1
    assert 0 < row["int8"]["difference"] < 0.1


def test_a_benchmark_writes_its_parts_as_they_come(tmp_path, capsys):
    @benchmark(threads=1)
    def measure(number: int):
        """A measurement."""
        yield "size", "small"
        yield "rows", {"one": {"words_per_second": 1234.5, "n": number}}
        assert (tmp_path / "found_small.json").is_file()
        yield "share", 0.25

    results = tmp_path / "found.json"
    found = measure(number=7, threads=1, results=results)
    assert found["machine"]["threads"] == 1 and found["share"] == 0.25
    assert srsly.read_json(tmp_path / "found_small.json") == found
    assert "1,234" in capsys.readouterr().out
    app = typer.Typer()
    app.command()(measure)
    options = ["7", "--threads", "1", "--results", str(results)]
    assert CliRunner().invoke(app, options).exit_code == 0
