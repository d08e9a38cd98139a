"""Rows in, rows out: formats, columns, places of input, documents that fail."""

import gzip
import json
from datetime import date

import fsspec
import pytest
import spacy
from annotated import contents, make_rows, read_errors, read_rows, write_rows
from pipelines import words_only
from spacy.tokens import DocBin

from spacy_ldnet.annotation.rows import plan
from spacy_ldnet.annotation.run import annotate
from spacy_ldnet.sharding.files import RemotePath, _open_with_pyarrow, open_path

pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'ray'")
pytest.importorskip("pyarrow.parquet")


def test_columns_stay_and_spans_are_offsets(tmp_path, run):
    rows = list(make_rows())
    manifest = run(write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out")
    found = read_rows(tmp_path / "out")
    assert [{k: row[k] for k in ("id", "text", "year")} for row in found] == rows
    first = found[0]
    labelled = [
        (first["text"][e["start"] : e["end"]], e["label"]) for e in first["ents"]
    ]
    assert labelled == [("Ada Lovelace", "PER"), ("London", "LOC")]
    chunk = first["spans"][1]
    assert first["text"][chunk["start"] : chunk["end"]] == "Ada"
    assert chunk["group"] == "chunks" and chunk["score"] == 0.2
    assert first["cats"] == [{"label": "long", "score": 1.0}]
    counts = manifest["counts"]
    assert counts["rows"] == 40 and counts["errors"] == 0 and counts["shards"] > 4
    assert counts["ents"] == sum(len(row["ents"]) for row in found)
    assert counts["spans"] == sum(len(row["spans"]) for row in found)
    assert manifest["state"] == "complete"
    assert manifest["pipeline"]["name"] == "en_troubled"


def test_an_own_head_gives_its_probabilities(tmp_path, make_nlp):
    nlp = make_nlp(**{"components.ner.spans_key": "found"})
    nlp.to_disk(tmp_path / "nlp")
    source = write_rows(tmp_path / "in.jsonl", [{"text": "Ada lived in New York ."}])
    annotate(str(tmp_path / "nlp"), str(source), str(tmp_path / "out"))
    row = read_rows(tmp_path / "out")[0]
    doc = nlp(row["text"])
    scores = doc.spans["found"].attrs["scores"]
    assert [s["score"] for s in row["spans"]] == pytest.approx(list(scores), abs=1e-6)
    assert [s["start"] for s in row["spans"]] == [e.start_char for e in doc.ents]


@pytest.mark.parametrize("kind", ["plain", "packed", "folder", "glob"])
def test_plain_text(tmp_path, run, kind):
    lines = [row["text"] for row in make_rows(12)]
    (tmp_path / "in").mkdir()
    text = ("\ufeff" + "\r\n\n".join(lines)).encode("utf8")
    if kind == "packed":
        (tmp_path / "in" / "a.txt.gz").write_bytes(gzip.compress(text))
    else:
        (tmp_path / "in" / "a.txt").write_bytes(text)
    (tmp_path / "in" / "notes.md").write_text("no text file")
    source = {"folder": "in", "glob": "i*/*.txt", "packed": "in/a.txt.gz"}
    run(tmp_path / source.get(kind, "in/a.txt"), tmp_path / "out")
    assert [row["text"] for row in read_rows(tmp_path / "out")] == lines


def write_parquet(path, rows):
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, path, row_group_size=10)


def test_parquet_keeps_types(tmp_path, run):
    rows = [{**row, "day": date(2020, 1, 2), "other": [1]} for row in make_rows()]
    write_parquet(tmp_path / "in.parquet", rows)
    run(tmp_path / "in.parquet", tmp_path / "out", form=".parquet", unit_size=1)
    found = pyarrow.parquet.read_table(tmp_path / "out" / "data")
    assert found.select(list(rows[0])).to_pylist() == rows
    run(tmp_path / "in.parquet", tmp_path / "lines")
    lines = read_rows(tmp_path / "lines")
    assert lines[0]["day"] == "2020-01-02"
    assert [row["ents"] for row in lines] == found["ents"].to_pylist()
    assert [row["spans"] for row in lines] == found["spans"].to_pylist()
    assert len(list((tmp_path / "out" / "data").iterdir())) == 4


def test_json_lines_as_parquet_lose_nothing(tmp_path, run):
    rows = list(make_rows(20))
    rows[3]["year"] = "about 1803"
    rows[4]["nested"] = {"a": [1, None]}
    rows[5]["year"] = None
    rows[6]["year"] = 2**70
    source = write_rows(tmp_path / "in.jsonl", rows)
    run(source, tmp_path / "out", form=".parquet")
    found = pyarrow.parquet.read_table(tmp_path / "out" / "data").to_pylist()
    for row, expected in zip(found, rows, strict=True):
        back = {k: row[k] for k in ("id", "text") if row[k] is not None}
        if "year" in row and row["year"] is not None:
            back["year"] = row["year"]
        other = json.loads(row["other"] or "{}")
        back.update({k: v for k, v in other.items() if v is not None})
        assert back == {k: v for k, v in expected.items() if v is not None}


def test_docs_keep_what_they_have(tmp_path, run):
    source = write_rows(tmp_path / "in.jsonl", make_rows())
    run(source, tmp_path / "out", form=".spacy")
    vocab = spacy.blank("en").vocab
    paths = sorted((tmp_path / "out" / "data").iterdir())
    docs = [d for p in paths for d in DocBin().from_disk(p).get_docs(vocab)]
    assert [doc.text for doc in docs] == [row["text"] for row in make_rows()]
    assert [ent.label_ for ent in docs[0].ents] == ["PER", "LOC"]
    assert docs[7].user_data["ldnet_length"] == len(docs[7])
    assert docs[7].user_data["ldnet_columns"] == {"id": "doc7", "year": 1807}
    assert list(docs[0].spans["chunks"].attrs["scores"])[1] == pytest.approx(0.2)


def test_what_is_written_can_be_chosen(tmp_path, run):
    source = write_rows(tmp_path / "in.jsonl", [{"text": "Ada Lovelace"}])
    settings = {"form": ".spacy", "finish": words_only, "attrs": ("ENT_IOB",)}
    run(source, tmp_path / "out", **settings)
    path = next((tmp_path / "out" / "data").iterdir())
    doc = next(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))
    assert doc.text == "Ada Lovelace " and not doc.ents and not doc.user_data


def test_documents_that_fail_are_named(tmp_path, run):
    rows = list(make_rows(30))
    rows[7]["text"] = "This is POISON ."
    rows[21]["text"] = 5
    source = write_rows(tmp_path / "in.jsonl", rows)
    lines = source.read_bytes().splitlines(keepends=True)
    lines[12], lines[25] = b"{broken\n", b'{"text": "\xff"}\n'
    source.write_bytes(b"".join(lines))
    manifest = run(source, tmp_path / "out")
    errors = read_errors(tmp_path / "out")
    found = [(error["line"], error["id"], error["reason"]) for error in errors]
    assert [line for line, _, _ in found] == [8, 13, 22, 26]
    assert found[0][1:] == ("doc7", "RuntimeError: no antidote for this")
    assert found[1][2].startswith("not JSON") and found[3][2].startswith("not UTF-8")
    assert found[2] == (22, "doc21", "no string under the key 'text'")
    assert {error["file"] for error in errors} == {"in.jsonl"}
    left = [f"doc{i}" for i in range(30) if i not in (7, 12, 21, 25)]
    assert [row["id"] for row in read_rows(tmp_path / "out")] == left
    assert manifest["counts"]["errors"] == 4 and manifest["counts"]["rows"] == 26
    with pytest.raises(ValueError, match="E086.*doc7.*antidote"):
        run(source, tmp_path / "strict", strict=True)


def test_damage_and_limits(tmp_path, run, pipeline):
    nlp_limit = spacy.blank("en").max_length
    source = tmp_path / "in"
    source.mkdir()
    packed = gzip.compress(("Ada .\n" * 5000).encode("utf8"))
    (source / "a.txt.gz").write_bytes(packed[: len(packed) // 2])
    (source / "b.txt").write_text("London .\n" + "x" * (nlp_limit + 1) + "\nTurin .\n")
    run(source, tmp_path / "out")
    errors = read_errors(tmp_path / "out")
    assert errors[0]["file"] == "a.txt.gz" and "damaged archive" in errors[0]["reason"]
    assert errors[1]["line"] == 2 and "1,000,000 characters" in errors[1]["reason"]
    texts = [row["text"] for row in read_rows(tmp_path / "out")]
    assert texts[-2:] == ["London .", "Turin ."]


def test_columns_in_the_way(tmp_path, run):
    rows = [{"text": "Ada Lovelace", "ents": "mine"}]
    source = write_rows(tmp_path / "in.jsonl", rows)
    for form in (".jsonl", ".parquet"):
        with pytest.raises(ValueError, match="E083.*'ents'.*--prefix"):
            run(source, tmp_path / form, form=form)
        run(source, tmp_path / f"ok{form}", form=form, prefix="ld_")
    row = read_rows(tmp_path / "ok.jsonl")[0]
    assert row["ents"] == "mine" and row["ld_ents"][0]["label"] == "PER"


def test_any_file_system(tmp_path, run):
    fs = fsspec.filesystem("memory")
    for i in range(3):
        data = json.dumps({"text": f"Ada Lovelace {i}"})
        fs.pipe_file(f"/corpus/{i}.jsonl", data.encode("utf8"))
    manifest = run("memory://corpus", tmp_path / "out")
    assert manifest["counts"]["rows"] == 3
    # In and out: two outputs, one there and one here, are the same.
    run("memory://corpus/*.jsonl", "memory://annotated")
    name = "part-000000-000.jsonl"
    here = (tmp_path / "out" / "data" / name).read_bytes()
    assert fs.cat_file(f"/annotated/data/{name}") == here
    assert run("memory://corpus", "memory://annotated")["counts"]["rows"] == 3


def test_pyarrow_knows_addresses_too(tmp_path):
    write_rows(tmp_path / "in.jsonl", make_rows(3))
    fs, path = _open_with_pyarrow(f"file://{tmp_path}/in.jsonl", ValueError("no"))
    files, units = plan(RemotePath(fs, path), "x")
    assert [file.name for file in files] == ["in.jsonl"] and len(units) == 1


def test_inputs_that_cannot_be_used(tmp_path, run):
    with pytest.raises(ValueError, match="E082.*nowhere"):
        run(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ValueError, match="E082.*strange://x.*Protocol not known"):
        open_path("strange://x")
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="E082.*bad.parquet"):
        run(tmp_path / "bad.parquet", tmp_path / "out")
    source = write_rows(tmp_path / "in.jsonl", make_rows(2))
    for settings in ({"form": ".csv"}, {"batch_words": 0}, {"device": "tpu"}):
        with pytest.raises(ValueError, match="E013"):
            run(source, tmp_path / "out", **settings)
    with pytest.raises(ValueError, match="E087.*no_such_pipeline"):
        annotate("no_such_pipeline", str(source), str(tmp_path / "out"))
    (tmp_path / "mixed").mkdir()
    write_rows(tmp_path / "mixed" / "a.jsonl", make_rows(2))
    write_parquet(tmp_path / "mixed" / "b.parquet", list(make_rows(2)))
    with pytest.raises(ValueError, match="E082.*both Parquet and other"):
        run(tmp_path / "mixed", tmp_path / "out", form=".parquet")
    assert not (tmp_path / "out").exists()


def test_batches_and_shards_change_nothing(tmp_path, run):
    source = write_rows(tmp_path / "in.jsonl", make_rows())
    run(source, tmp_path / "a", unit_size=1 << 20, batch_words=10_000)
    run(source, tmp_path / "b", unit_size=100, batch_words=1)
    assert read_rows(tmp_path / "a") == read_rows(tmp_path / "b")
    assert len(contents(tmp_path / "b")) > len(contents(tmp_path / "a"))
