"""The frontier: what is trained, how it is joined, and one real, tiny run."""

import os
from pathlib import Path

import frontier
import pytest
import spacy
import srsly
import typer
from lab.pictures import draw_over_cost
from lab.points import (
    CHOSEN_BY,
    METHODS,
    STYLES,
    TAUGHT_AS,
    Point,
    budget_setting,
    choose_layers,
    plain_hidden,
    plan_points,
)
from lab.results import compare_runs, join_runs, markdown
from lab.training import FrontierTrainer
from spacy.tokens import DocBin
from spacy.util import load_config
from toy import DEPTH, EMBED, HIDDEN, check_rate, write_language_model
from typer.testing import CliRunner

from spacy_ldnet.describe import describe, describe_lm
from spacy_ldnet.pretraining.config import SIZES

ROOT = Path(__file__).resolve().parents[2]


def test_every_budget_has_its_methods_and_ends_have_one_point():
    points = plan_points(["learned", "random"], [0, 2, 6], [0, 1], draws=2, layers=6)
    names = [point.name for point in points if point.seed == 1]
    assert names == ["first-0", "learned-2", "random-2-0", "random-2-1", "full-6"]
    assert len(points) == 10


def test_every_method_has_a_title_a_colour_and_a_marker():
    assert set(STYLES) == {*METHODS, "full"}
    for values in zip(*(STYLES[method] for method in METHODS)):
        assert len(set(values)) == len(METHODS)


def test_lowest_layers_come_from_both_directions():
    assert choose_layers(Point("first", 3, 0), 4) == {
        "forward": [0, 1],
        "backward": [0],
    }


def test_random_layers_differ_by_draw_and_seed_but_not_by_run():
    drawn = [
        choose_layers(Point("random", 4, seed, number), 6)
        for seed in range(3)
        for number in range(3)
    ]
    assert all(len(k["forward"]) + len(k["backward"]) == 4 for k in drawn)
    assert len({str(kept) for kept in drawn}) > 5
    assert choose_layers(Point("random", 4, 0, 1), 6) == drawn[1]


@pytest.mark.parametrize("budget, left", [(4, [2, 2]), (2, [1, 1])])
def test_random_layers_can_be_as_many_of_either_direction(budget, left):
    for draw_number in range(9):
        point = Point("random", budget, 0, draw_number)
        kept = choose_layers(point, 6, per_direction=True)
        assert [len(kept["forward"]), len(kept["backward"])] == left
    odd = choose_layers(Point("random", 3, 0), 6, per_direction=True)
    assert odd == choose_layers(Point("random", 3, 0), 6)


@pytest.mark.parametrize(
    "budget, per_direction, setting",
    [(4, True, ("null", 2)), (3, True, (3, "null")), (4, False, (4, "null"))],
)
def test_even_budgets_are_shared_between_the_directions(budget, per_direction, setting):
    assert tuple(budget_setting(budget, per_direction).values()) == setting


@pytest.mark.parametrize("hidden", [1, 64, 300])
def test_plain_layer_costs_what_is_asked(hidden):
    # Two directions of four gates, each reading embedding and state.
    assert plain_hidden(2 * 4 * hidden * (100 + hidden), 100) == hidden
    assert plain_hidden(0, 100) is None


def make_run(method, budget, seed, hits, draw=0):
    return {
        "method": method,
        "budget": budget,
        "seed": seed,
        "draw": draw,
        "kept": {"forward": [0], "backward": []},
        "lm_macs": 1000.0 * budget,
        "macs": 2000.0,
        "dev_f": float(hits),
        "test_f": float(hits),
        "counts": [[hits, 100 - hits, 100 - hits]] * 4,
    }


RUNS = [
    make_run("first", 0, 0, 50),
    make_run("learned", 2, 0, 70),
    make_run("learned", 2, 1, 72),
    make_run("rewound", 2, 0, 73),
    make_run("random", 2, 0, 60, draw=0),
    make_run("random", 2, 0, 66, draw=1),
    make_run("full", 6, 0, 71),
]


def test_seeds_are_joined_and_draws_count_once_a_seed():
    rows = {(r["method"], r["budget"]): r for r in join_runs(RUNS)}
    assert rows[("learned", 2)]["test_f"] == {"mean": 71.0, "std": 1.41, "n": 2}
    assert rows[("random", 2)]["test_f"] == {"mean": 63.0, "std": 0.0, "n": 1}


def test_learned_is_compared_with_its_equals_and_with_all_layers():
    pairs = {(p["method"], p["against"]): p for p in compare_runs(RUNS, draws=200)}
    learned = {against for method, against in pairs if method == "learned"}
    assert learned == {"rewound", "random", "full"}
    assert {pair for pair in pairs if pair[0] == "rewound"} == {
        ("rewound", "random"),
        ("rewound", "full"),
    }
    # Over the seed that both have: 70 against the mean of 60 and 66.
    pair = pairs["learned", "random"]
    assert pair["difference"] == pytest.approx(7.0)
    assert pairs["learned", "full"]["difference"] == pytest.approx(-1.0)
    assert pairs["learned", "full"]["seeds"] == [0]
    assert pairs["rewound", "random"]["difference"] == pytest.approx(10.0)


def test_documents_of_folds_are_different_ones():
    """Two documents a seed: as folds they are four, else the same two read twice."""
    runs = [
        {**make_run(method, 2, seed, 50), "counts": counts}
        for method, seed, counts in (
            ("learned", 0, [[9, 1, 1], [5, 5, 5]]),
            ("learned", 1, [[8, 2, 2], [4, 6, 6]]),
            ("first", 0, [[7, 3, 3], [5, 5, 5]]),
            ("first", 1, [[6, 4, 4], [4, 6, 6]]),
        )
    ]
    same, apart = (compare_runs(runs, draws=4000, folds=f)[0] for f in (False, True))
    assert same["difference"] == apart["difference"] == pytest.approx(10.0)
    # Of two documents one draw in four has the second alone, of four one in sixteen.
    assert same["low"] == 0.0
    assert same["above_zero"] == pytest.approx(0.75, abs=0.03)
    assert apart["above_zero"] == pytest.approx(15 / 16, abs=0.02)


def test_tables_and_picture(tmp_path):
    rows = join_runs(RUNS)
    text = markdown(rows, compare_runs(RUNS, draws=50))
    assert "| 2 | learned gates | 71.00 ± 1.41 |" in text
    draw_over_cost(rows, tmp_path / "a" / "frontier.png", "a title")
    assert (tmp_path / "a" / "frontier.png").read_bytes()[:4] == b"\x89PNG"


def test_real_points_are_trained_once_and_compared(tmp_path, monkeypatch, write_inputs):
    """Random language models of the default's size, and a handful of updates."""
    monkeypatch.chdir(ROOT)
    depth = SIZES["depth"]
    # As if each seed had a corpus of its own.
    inputs = tmp_path / "0"
    write_inputs(inputs, "lm")
    corpora = tmp_path / "{seed}" / "corpus"
    arguments = [
        *(corpora, tmp_path / "out", tmp_path / "metrics" / "f.json"),
        *("--training", inputs / "training"),
        *("--vectors", inputs / "corpus" / "vectors"),
        *("--budgets", "2", "--seeds", "0", "--methods", "learned,first"),
        *("--steps", 2, "--base-steps", 2, "--eval-frequency", 1, "--workers", 2),
        "--averages",
    ]
    app = typer.Typer()
    app.command()(frontier.main)
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    found = srsly.read_json(tmp_path / "metrics" / "f.json")
    first, learned = sorted(found["runs"], key=lambda run: run["method"])
    assert first["kept"] == {"forward": [0], "backward": [0]}
    # Two updates close no gate: the budget is not reached, and nothing is deleted.
    assert sum(map(len, learned["kept"].values())) == 2 * depth
    assert learned["lm_macs"] > first["lm_macs"]
    assert "learned-2" in result.output and "budget" in result.output
    assert all(run["words_per_second"] > 0 for run in found["runs"])
    trained = load_config(tmp_path / "out" / "0" / "first-2" / "model-best/config.cfg")
    assert trained["training"]["optimizer"]["use_averages"] is True
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("meta.json")}
    assert times
    assert CliRunner().invoke(app, list(map(str, arguments))).exit_code == 0
    again = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("meta.json")}
    assert again == times, "something was trained twice"


def make_small_configs(path):
    """The project's configs with networks of toy size, and gates that close at once."""
    sizes = {"embed": EMBED, "hidden": HIDDEN, "depth": DEPTH}
    lm = {"projection": 4, "activation": "identity", "cutoffs": [4]}
    gates = {"weight": 10.0, "warmup": 1, "learn_rate": 1.0}
    changes = {
        "lm": [("model", {**sizes, **lm}), ("pretraining", {"batch_size": 4})],
        "ner": [("components.ldnet.model", sizes)],
        "prune": [("training.before_update", gates)],
        "finetune": [],
    }
    path.mkdir()
    for name, sections in changes.items():
        config = load_config(ROOT / "configs" / f"{name}.cfg")
        for section, values in sections:
            part = config
            for key in section.split("."):
                part = part[key]
            part.update(values)
        config.to_disk(path / f"{name}.cfg")
    return path


@pytest.fixture
def toy_trainer(tmp_path, write_inputs):
    """Trains points of toy size in tmp_path/out, every one for a few updates."""
    write_language_model(tmp_path / "training" / "0" / "lm" / "model-best")
    write_inputs(tmp_path)
    return FrontierTrainer(
        directory=tmp_path / "out",
        corpus=tmp_path / "corpus",
        vectors=tmp_path / "corpus" / "vectors",
        training=tmp_path / "training",
        text=tmp_path / "corpus",
        configs=make_small_configs(tmp_path / "configs"),
        steps=8,
        base_steps=2,
        lm_epochs=1,
        eval_frequency=4,
        retrain_epochs=1,
        per_direction=True,
        taught=5,
    )


@pytest.mark.parametrize("method", CHOSEN_BY)
def test_language_models_are_trained_on_without_the_others(
    method, tmp_path, toy_trainer
):
    retrained, chosen = (
        describe(spacy.load(toy_trainer.train(Point(name, 2, 0, 1))))
        for name in (method, CHOSEN_BY[method])
    )
    assert retrained["kept"] == chosen["kept"]
    assert [len(layers) for layers in retrained["kept"].values()] == [1, 1]
    check_all_rates(tmp_path / "out")
    name = Point(method, 2, 0, 1).name
    lm = describe_lm(tmp_path / "out" / "0" / f"{name}-lm" / "model-best")
    assert lm["kept"] == chosen["kept"] and lm["perplexity"]
    # Only gates without layer dropout choose from language models of their own.
    others = (tmp_path / "training" / "0" / "lm_no_dropout").exists()
    assert others == (method == "no_layer_dropout_retrained")


def check_all_rates(folder):
    configs = [load_config(p) for p in folder.rglob("model-best/config.cfg")]
    # The others are of language models.
    taggers = [config for config in configs if "training" in config]
    assert taggers
    for config in taggers:
        check_rate(config)


def read_texts(path):
    docs = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    return {doc.text for doc in docs}


@pytest.mark.parametrize("method", TAUGHT_AS)
def test_students_read_what_their_teacher_labelled(method, tmp_path, toy_trainer):
    trained = toy_trainer.train(Point(method, 2, 0))
    out = tmp_path / "out" / "0"
    teacher = f"full-{2 * DEPTH}" if method == "taught" else "plain-2"
    assert {path.name for path in out.glob("*-lessons")} == {f"{teacher}-lessons"}
    lessons = out / f"{teacher}-lessons"
    held = (tmp_path / "corpus" / f"{part}.spacy" for part in ("dev", "test"))
    taught = read_texts(lessons / "taught.spacy")
    assert taught and not taught & set.union(*map(read_texts, held))
    config = load_config(trained / "config.cfg")
    assert config["paths"]["train"] == str(lessons)
    assert config["components"]["ner"]["distil"] == {"weight": 0.5, "temperature": 1.0}
    assert config["training"]["max_steps"] == 8 + 2
    check_all_rates(tmp_path / "out")
    alone = toy_trainer.train(Point(TAUGHT_AS[method], 2, 0))
    student, equal = (describe(spacy.load(path)) for path in (trained, alone))
    assert student["lm_macs_per_word"] == equal["lm_macs_per_word"]
    assert student["kept"] == equal["kept"]


def test_what_was_trained_otherwise_is_named(tmp_path, toy_trainer, capsys):
    data = tmp_path / "corpus" / "train.spacy"
    path = tmp_path / "out" / "0" / "full-6"
    nlp = spacy.blank("en")
    nlp.config["training"]["max_steps"] = 8
    path.mkdir(parents=True)
    nlp.to_disk(path / "model-best")
    toy_trainer._check(path, data, 8)
    assert capsys.readouterr().out == ""
    toy_trainer._check(path, data, 9)
    assert "with 8 updates: not 9" in " ".join(capsys.readouterr().out.split())
    os.utime(path / "model-best" / "meta.json", (1000, 1000))
    toy_trainer._check(path, data, 8)
    assert "was written" in " ".join(capsys.readouterr().out.split())
