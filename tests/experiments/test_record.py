"""The recording of the workflow `own`."""

import re

import record
import srsly
from blocks import ROOT

PICTURE = ROOT / "docs" / "pictures" / "own.svg"


def test_long_steps_are_shortened():
    head = "=" * 30
    step = [f"{head} own-train {head}", *(f"line {n}" for n in range(20))]
    lines = ["first", *step, f"{head} own-prune {head}", "", " 1%\r100%"]
    found = list(record.shorten(iter(lines)))
    first, last = step[: record.FIRST], step[-record.LAST :]
    end = [f"{head} own-prune {head}", "100%"]
    assert found == ["first", *first, "  ...", *last, *end]


def test_the_labels_are_those_of_the_sample(tmp_path):
    record.prepare(tmp_path)
    found = list(srsly.read_jsonl(tmp_path / record.LABELS))
    assert len(found) == 58
    labels = {
        label
        for row in found
        for start, end, label in row["entities"]
        if row["text"][start:end].strip() == row["text"][start:end] != ""
    }
    assert labels == {"PER", "LOC", "ORG"}
    assert (tmp_path / "project.yml").exists()


def test_the_picture_has_all_steps_and_fetches_nothing():
    picture = PICTURE.read_text("utf8")
    assert len(picture) < 100_000
    # Names of formats are no addresses that anything is fetched from.
    assert set(re.findall(r"https?://[^\"\s)]+", picture)) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
    }
    steps = srsly.read_yaml(ROOT / "project.yml")["workflows"]["own"]
    assert all(step in picture for step in steps)
