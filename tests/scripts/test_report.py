"""The page about a run: what it shows, alone on disk, in a real browser."""

import json
import os

import evaluate
import pytest
import report
import spacy
import srsly
import typer
from chromium import start_chromium, wait_for
from report import read_run
from spacy.tokens import DocBin
from toy import make_examples, train
from typer.testing import CliRunner

from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.pruning import create_gate_penalty_v1, prune_encoder
from spacy_ldnet.pruning.logger import create_gate_logger_v1
from spacy_ldnet.report.page import write_page
from spacy_ldnet.report.tables import against_table, closing_table
from spacy_ldnet.report.text import answer


def call(main, *args):
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture
def toy_run(make_nlp, tmp_path):
    """A run in small: trained, gated and pruned, with the logs, and evaluated."""
    seed = tmp_path / "training" / "0"
    nlp = make_nlp()
    train(nlp, 5)
    log, finalize = create_gate_logger_v1(
        path=seed / "gated" / "gates.jsonl", console=False, every=5
    )(nlp)
    penalty = create_gate_penalty_v1(max_layers=2, weight=1.0, learn_rate=0.05)

    def before(nlp, args):
        # Called before the next update, as the log is after the last one.
        penalty(nlp, args)
        scored = {"step": args["step"], "epoch": 0, "score": 0.0, "other_scores": {}}
        log(scored if args["step"] % 10 == 0 else None)

    for name in ("ldnet", "pruned"):
        path = seed / name / "model-best"
        path.parent.mkdir()
        nlp.to_disk(path)
        if name == "ldnet":
            train(nlp, 40, before=before)
            prune_encoder(find_encoders(nlp.get_pipe("ldnet").model)[0])
    finalize()
    write_lm_log(seed / "lm")
    write_lm_log(seed / "lm_retrained")
    docs = [example.reference for example in make_examples(spacy.blank("en"))]
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    options = ["--training", tmp_path / "training", "--rounds", 1, "--draws", 100]
    done = call(evaluate.main, tmp_path / "test.spacy", tmp_path / "metrics", *options)
    assert done.exit_code == 0, done.output
    return tmp_path


def check_errors(metrics):
    """What the page says of errors adds up to what spaCy's scores are made of."""
    errors = srsly.read_json(metrics / "errors.json")
    assert set(errors) == {"ldnet", "ldnet_pruned"}
    for row, found in errors.items():
        counts = srsly.read_json(metrics / "cache" / f"{row}-0.json")["counts"]
        hits, wrong, missed = (sum(column) for column in zip(*counts))
        kinds = found["kinds"]
        taken = kinds["label"] + kinds["boundaries"] + kinds["both"]
        assert kinds["right"] == hits
        assert taken + kinds["invented"] == wrong
        assert taken + kinds["missed"] == missed


def write_lm_log(path):
    (path / "model-best").mkdir(parents=True)
    lines = [
        {"direction": d, "epoch": e, "step": 7 * e, "perplexity": 90.5 / e}
        for d in ("forward", "backward")
        for e in (1, 2, 2)
    ]
    srsly.write_jsonl(path / "log.jsonl", [{"event": "begin"}, *lines])
    meta = {"perplexity": {"forward": 45.3, "backward": 45.3}, "words_seen": {}}
    srsly.write_json(path / "model-best" / "meta.json", meta)


def test_page_of_a_run_in_a_browser(toy_run):
    page = toy_run / "report.html"
    args = [toy_run / "metrics", page, "--training", toy_run / "training"]
    done = call(report.main, *args)
    assert done.exit_code == 0, done.output
    check_errors(toy_run / "metrics")
    results = srsly.read_json(toy_run / "metrics" / "results.json")
    text = page.read_text()
    assert f"F1 of {results['ldnet_pruned']['ents_f']['mean']:.2f}" in text
    assert "backward, seed 0, pruned, pretraining continued" in text
    browser = start_chromium(toy_run / "profile")
    try:
        browser.get(page.as_uri())
        wait_for(lambda: browser.find_elements("css selector", "html[data-drawn]"))
        check_quiet(browser, page)
        check_charts(browser)
        check_sorting(browser)
        for media in ({"media": "print"}, {"media": "screen"}):
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        wide = browser.execute_script(
            "document.body.style.width = '390px';"
            "return document.querySelector('main').scrollWidth"
        )
        assert wide <= 390
    finally:
        browser.quit()


def check_quiet(browser, page):
    """No word in the console, no request but for the page itself."""
    assert browser.get_log("browser") == []
    messages = [json.loads(e["message"]) for e in browser.get_log("performance")]
    urls = {
        m["message"]["params"]["request"]["url"]
        for m in messages
        if m["message"]["method"] == "Network.requestWillBeSent"
    }
    # The tab the browser opens with has addresses of its own.
    outside = {u for u in urls if not u.startswith(("data:", "chrome:", "about:"))}
    assert outside == {page.as_uri()}


def check_charts(browser):
    """All are drawn: cost twice, gates and network of the seed, and the others."""
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('.chart svg')].map(e => e.innerHTML)"
    )
    assert len(drawn) == 2 + 2 + 1 + 1 + 1
    assert all("<path" in svg for svg in drawn)
    labels = browser.execute_script(
        "return [...document.querySelectorAll('.chart')].map(e => e.ariaLabel)"
    )
    assert all(labels)
    errors = browser.execute_script(
        "return document.querySelectorAll('#errors mark.entity').length"
    )
    assert errors > 0


def check_sorting(browser):
    """A click sorts, the keyboard does too, and what has no value stays last."""
    column = (
        "return [...document.querySelectorAll('#labels tbody tr')]"
        ".map(row => row.cells[{}].dataset.value)"
    )
    headers = browser.find_elements("css selector", "#labels thead button")
    first = browser.find_element("css selector", "#labels thead th")
    assert first.get_attribute("aria-sort") == "none"
    headers[0].click()
    names = browser.execute_script(column.format(0))
    assert names == sorted(names) and len(names) > 1
    assert first.get_attribute("aria-sort") == "ascending"
    headers[0].send_keys("\ue007")  # Enter
    assert browser.execute_script(column.format(0)) == sorted(names, reverse=True)
    assert first.get_attribute("aria-sort") == "descending"
    headers[4].click()
    scores = list(map(float, browser.execute_script(column.format(4))))
    assert scores == sorted(scores)
    assert first.get_attribute("aria-sort") == "none"


def score(mean):
    return {"mean": mean, "std": 0.5, "n": 3}


def write_metrics(path, **rows):
    path.mkdir()
    srsly.write_json(path / "results.json", rows)
    srsly.write_json(path / "speed.json", {"machine": {"cores": 2}, "words": 10})
    pair = {"difference": 2.0, "low": -0.5, "high": 3.0}
    srsly.write_json(path / "bootstrap.json", {"new<row> - ldnet_pruned": pair})


def test_missing_parts_are_left_out_and_unknown_rows_shown(tmp_path):
    scores = {f"ents_{key}": score(60.0) for key in "fpr"}
    pruned = {**scores, "words_per_second": 100.0, "macs_per_word": 5, "size_mb": 2.0}
    new = {**scores, "words_per_second": 50.0, "macs_per_word": 10}
    teacher = {"name": "big", "words_per_second": 10.0}
    rows = {"ldnet_pruned": pruned, "new<row>": new, "teacher": teacher}
    write_metrics(tmp_path / "metrics", **rows)
    (tmp_path / "training").mkdir()
    page = tmp_path / "page.html"
    write_page(
        read_run(tmp_path / "metrics", tmp_path / "training", None, "retrained"), page
    )
    text = page.read_text()
    assert "new&lt;row&gt;" in text and "new<row>" not in text.split("<script")[0]
    for absent in ('id="layers"', 'id="lms"', 'id="labels"', 'id="errors"'):
        assert absent not in text
    run = read_run(tmp_path / "metrics", tmp_path / "training", None, "pruned")
    assert run.difference("new<row>") == (-2.0, -3.0, 0.5)
    beside = {row[0].text: row for row in against_table(run).rows}
    assert [cell.text for cell in beside["teacher"][1:4]] == ["–", "–", "10.00 ×"]
    assert beside["new<row>"][2].text == "-2.00 (-3.00 to +0.50)"
    sentences = answer(run)
    assert "100 words per second" in sentences[0]
    assert any("2.00 worse" in s and "not significant" in s for s in sentences)
    assert any("teacher" in s and "10.0 times as fast" in s for s in sentences)


def test_page_is_about_what_is_packaged(tmp_path):
    scores = {f"ents_{key}": score(60.0) for key in "fpr"}
    rows = dict.fromkeys(("no_lm", "ldnet_pruned", "ldnet_finetuned"), scores)
    write_metrics(tmp_path / "metrics", **rows)
    (tmp_path / "training").mkdir()
    for packaged, row in {
        "finetune": "ldnet_finetuned",
        "pruned": "ldnet_pruned",
        "retrained": "ldnet_pruned",
        "other": "ldnet_pruned",
    }.items():
        args = (tmp_path / "metrics", tmp_path / "training", None, packaged)
        assert read_run(*args).subject == row


def test_missing_results_are_named_and_nothing_is_written(tmp_path):
    (tmp_path / "training").mkdir()
    page = tmp_path / "page.html"
    args = (tmp_path / "training", page, "--training", tmp_path / "training")
    done = call(report.main, *args)
    assert done.exit_code == 1 and "results.json" in done.output
    assert not page.exists()
    write_metrics(tmp_path / "metrics", teacher={"words_per_second": 1.0})
    done = call(report.main, tmp_path / "metrics", page, *args[2:])
    assert done.exit_code == 1
    assert "E185" in done.output and "no row with scores" in " ".join(
        done.output.split()
    )


def test_results_of_before_a_training_are_named(tmp_path, capsys):
    write_metrics(tmp_path / "metrics")
    path = tmp_path / "training" / "0" / "ldnet" / "model-best"
    path.mkdir(parents=True)
    srsly.write_json(path / "meta.json", {})
    os.utime(path / "meta.json", (1000, 1000))
    report.warn_of_older_results(tmp_path / "metrics", tmp_path / "training")
    assert capsys.readouterr().out == ""
    os.utime(path / "meta.json", (2**31, 2**31))
    report.warn_of_older_results(tmp_path / "metrics", tmp_path / "training")
    assert "Run evaluate first" in " ".join(capsys.readouterr().out.split())


def gate_lines(*rows, closed=None):
    lines = [
        {"step": step, "gates": {"forward": list(gates), "backward": []}}
        for step, *gates in rows
    ]
    if closed is not None:
        lines[-1]["closed"] = {"forward": closed, "backward": []}
        lines[-1]["numbers"] = {"forward": [0, 3], "backward": []}
    return lines


def test_table_of_closings_has_all_seeds(tmp_path):
    scores = {f"ents_{key}": score(60.0) for key in "fpr"}
    write_metrics(tmp_path / "metrics", ldnet_pruned=scores)
    for seed, last in (("0", 0.0), ("10", 0.4)):
        path = tmp_path / "training" / seed / "gated"
        path.mkdir(parents=True)
        lines = gate_lines((0, 1.0), (10, last))
        srsly.write_jsonl(path / "gates.jsonl", lines)
    # A run that was killed while it wrote leaves half a line.
    with (path / "gates.jsonl").open("a") as file:
        file.write('{"step": 20, "ga')
    run = read_run(tmp_path / "metrics", tmp_path / "training", None, "pruned")
    table = closing_table(run)
    assert table.columns == ["layer", "seed 0", "seed 10"]
    assert [[c.text for c in row] for row in table.rows] == [
        ["forward 0", "0–10", "open"]
    ]
