"""Rows to annotate, and what became of them."""

import json

UNIT_SIZE = 600


def make_rows(number=40):
    names = ["Ada Lovelace", "London", "Charles Babbage", "Turin"]
    for i in range(number):
        text = f"Number {i} : {names[i % 4]} wrote to {names[(i + 1) % 4]} — « ça va »."
        yield {"id": f"doc{i}", "text": text, "year": 1800 + i}


def write_rows(path, rows):
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines), encoding="utf8")
    return path


def read_rows(out):
    lines = [
        line
        for path in sorted((out / "data").iterdir())
        for line in path.read_text("utf8").splitlines()
    ]
    return [json.loads(line) for line in lines]


def read_errors(out):
    return [json.loads(line) for line in (out / "errors.jsonl").open(encoding="utf8")]


def contents(out):
    """All that a user reads, byte for byte."""
    files = [*(out / "data").iterdir(), out / "errors.jsonl", out / "manifest.json"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}
