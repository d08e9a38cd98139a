"""Language models that go on learning from text of another domain."""

import pytest
import srsly
import torch

from spacy_ldnet.lm_directory import (
    DIRECTIONS,
    checksums,
    read_structure,
    read_vocabulary,
)
from spacy_ldnet.nn.language_model import LanguageModel, extend_vocabulary
from spacy_ldnet.pretraining.events import Evaluation
from spacy_ldnet.pretraining.perplexity import measure_text
from spacy_ldnet.pretraining.run import pretrain

DOMAIN = ["Ada measures the old boat.", "Dora measures every red bridge."] * 30


def run(config, path, **flags):
    events = []
    pretrain(config, path, report=events.append, **flags)
    return [e for e in events if isinstance(e, Evaluation)]


@pytest.fixture
def base(config, tmp_path):
    run(config, tmp_path / "base")
    return tmp_path / "base" / "model-best"


@pytest.fixture
def domain(config, tmp_path, base):
    """The config of a continuation, and its held-out text."""
    path = tmp_path / "domain.txt"
    path.write_text("\n".join(DOMAIN), encoding="utf8")
    config["paths"].update(raw_text=str(path), dev_text=str(path), init_from=str(base))
    config["pretraining"]["batch_size"] = 4
    return config, path


def test_the_first_measurement_is_that_of_the_base(domain, base, tmp_path):
    config, text = domain
    evaluations = run(config, tmp_path / "out")
    assert read_vocabulary(tmp_path / "out" / "model-best") == read_vocabulary(base)
    expected = measure_text(base, text)["perplexity"]
    for direction in DIRECTIONS:
        own = [e for e in evaluations if e.direction == direction]
        assert own[0].step == 0 and own[0].loss is None
        assert own[0].perplexity == pytest.approx(expected[direction], rel=1e-6)
        # It learns the new domain.
        assert own[-1].perplexity < 0.7 * own[0].perplexity
    meta = srsly.read_json(tmp_path / "out" / "model-best" / "meta.json")
    for direction in DIRECTIONS:
        before = meta["continued"]["perplexity_before"][direction]
        assert before == pytest.approx(expected[direction], rel=1e-6)


def test_words_licence_and_sources_of_the_base_are_kept(domain, base, tmp_path):
    config, _ = domain
    config["pretraining"].update(license="CC0", sources="my mail")
    found = srsly.read_json(base / "meta.json")
    srsly.write_json(
        base / "meta.json", {**found, "license": "CC BY-SA 3.0", "sources": "Wikipedia"}
    )
    evaluations = run(config, tmp_path / "out")
    meta = srsly.read_json(tmp_path / "out" / "model-last" / "meta.json")
    assert meta["license"] == "CC BY-SA 3.0; CC0"
    assert meta["sources"] == "Wikipedia; my mail"
    for direction in DIRECTIONS:
        own = max(e.words for e in evaluations if e.direction == direction)
        before = meta["continued"]["words_before"][direction]
        assert before == found["words_seen"][direction] > 0 < own
        assert meta["words_seen"][direction] == before + own


def test_sizes_are_those_of_the_base(domain, base, tmp_path):
    config, text = domain
    for name in ("embed", "hidden", "depth", "projection", "cutoffs"):
        config["model"][name] = None
    run(config, tmp_path / "out")
    out = tmp_path / "out" / "model-best"
    for direction in DIRECTIONS:
        assert read_structure(out, direction) == read_structure(base, direction)
    # Weights that were written after meta.json would be noticed here.
    measure_text(out, text)
    assert srsly.read_json(out / "meta.json")["sha256"] == checksums(out)


def test_new_words_are_appended_and_learned(domain, base, tmp_path):
    config, text = domain
    config["pretraining"]["extend_vocabulary"] = True
    run(config, tmp_path / "out")
    old, new = map(read_vocabulary, (base, tmp_path / "out" / "model-best"))
    assert new[: len(old)] == old and new[len(old) :] == ["measures"]
    assert measure_text(tmp_path / "out" / "model-best", text)["unknown"] == 0.0


def test_one_direction_after_the_other(domain, tmp_path):
    config, _ = domain
    for direction in DIRECTIONS:
        config["pretraining"]["directions"] = [direction]
        run(config, tmp_path / "out", resume=True)
    for direction in DIRECTIONS:
        assert (tmp_path / "out" / "model-best" / f"{direction}.safetensors").is_file()


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("rows,more", [(20, 27), (20, 20), (4, 9)])
def test_old_words_are_read_as_before(model_config, rows, more, tied):
    from dataclasses import replace

    config = replace(model_config, tied=tied, projection=8) if tied else model_config
    torch.manual_seed(0)
    model = LanguageModel(config, rows=rows, direction="forward").eval()
    grown = extend_vocabulary(model, more, config).eval()
    words = torch.randint(rows, (7, 3))
    assert torch.equal(model.read(words)[0], grown.read(words)[0])
    assert grown.rows == more
    scores, _ = grown(words, torch.randint(more, (7, 3)))
    assert torch.isfinite(scores).all()


def test_messages_for_unfit_models(domain, base, tmp_path):
    config, _ = domain
    config["model"]["hidden"] = 9
    with pytest.raises(ValueError, match=r"E054.*hidden is 8 there but 9"):
        run(config, tmp_path / "out")
    (base / "backward.safetensors").unlink()
    with pytest.raises(ValueError, match=r"E011.*backward.safetensors"):
        run(config, tmp_path / "out")


def test_a_training_in_parts_reads_the_text_once(config, tmp_path):
    config["pretraining"]["max_epochs"] = 1
    whole = run(config, tmp_path / "whole")
    parts, base = [], None
    for number, part in enumerate([[0.0, 0.3], [0.3, 1.0]]):
        config["paths"]["init_from"] = base
        config["pretraining"]["part"] = part
        out = tmp_path / f"part{number}"
        parts.append(run(config, out))
        base = str(out / "model-last")
    for direction in DIRECTIONS:
        first, second, all_of_it = (
            [e for e in evaluations if e.direction == direction]
            for evaluations in (*parts, whole)
        )
        assert second[0].loss is None and second[0].step == first[-1].step
        assert second[0].perplexity == pytest.approx(first[-1].perplexity, rel=1e-5)
        assert second[-1].step == all_of_it[-1].step
        assert first[-1].words + second[-1].words == all_of_it[-1].words
        assert second[-1].perplexity < second[0].perplexity


def test_language_models_with_subwords_go_through_the_same(config, tmp_path):
    config["model"].update(word_rows=3, subword_rows=40, ngrams=[2, 3])
    config["pretraining"]["min_freq"] = 2
    # Words that are only in the held-out text are read by their subwords, too.
    with open(config["paths"]["dev_text"], "a", encoding="utf8") as file:
        file.write("Fritz likes xylophones.\n")
    out = tmp_path / "out"
    first = run(config, out)
    meta = srsly.read_json(out / "model-best" / "meta.json")
    assert len(read_vocabulary(out / "model-best")) == meta["vocabulary"]["words"]
    text = config["paths"]["dev_text"]
    expected = measure_text(out / "model-best", text)["perplexity"]
    for direction in DIRECTIONS:
        best = min(e.perplexity for e in first if e.direction == direction)
        assert expected[direction] == pytest.approx(best, rel=1e-5)
    config["paths"]["init_from"] = str(out / "model-best")
    config["pretraining"]["extend_vocabulary"] = True
    second = run(config, tmp_path / "again")
    for direction in DIRECTIONS:
        before = next(e for e in second if e.direction == direction)
        assert before.perplexity == pytest.approx(expected[direction], rel=1e-5)
