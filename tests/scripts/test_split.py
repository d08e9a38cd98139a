"""Raw text is read as documents, and split by document."""

import pytest

from spacy_ldnet.workflow.documents import (
    MAX_CHARACTERS,
    Document,
    hold_out,
    read_documents,
    split_documents,
    take,
)
from spacy_ldnet.workflow.scripting import ScriptError


def names(documents):
    return [document.name for document in documents]


def test_split_is_disjoint_whole_and_deterministic(sample_text):
    documents = read_documents(sample_text)
    parts = split_documents(documents, 0.1, 0.2, seed=0)
    again = split_documents(list(reversed(documents)), 0.1, 0.2, seed=0)
    assert {k: set(names(v)) for k, v in parts.items()} == {
        k: set(names(v)) for k, v in again.items()
    }
    together = sorted(name for part in parts.values() for name in names(part))
    assert together == names(documents)
    total = sum(document.size for document in documents)
    assert 0.2 <= sum(d.size for d in parts["test"]) / total < 0.3
    other = split_documents(documents, 0.1, 0.2, seed=1)
    assert names(other["test"]) != names(parts["test"])


def test_four_documents_give_every_part_one():
    documents = [Document(f"{i}", ("x" * 10**i,)) for i in range(4)]
    for seed in range(20):
        parts = split_documents(documents, 0.3, 0.3, seed)
        train, held = hold_out(parts["train"], 1e9, seed, "lm_dev")
        assert all(parts.values()) and train and held


@pytest.mark.parametrize("shares", [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.2)])
def test_bad_shares(shares, sample_text):
    with pytest.raises(ScriptError, match="Shares"):
        split_documents(read_documents(sample_text), *shares, seed=0)


def test_single_file_of_blocks_or_of_runs(tmp_path):
    path = tmp_path / "all.txt"
    path.write_text("a\n\nb\nc\n \n\nd\n\n\ne\n")
    documents = read_documents(path)
    assert [d.paragraphs for d in documents] == [("a",), ("b", "c"), ("d",), ("e",)]
    path.write_text("line\n" * 170)
    assert [len(d.paragraphs) for d in read_documents(path)] == [50, 50, 50, 20]
    assert read_documents(tmp_path)[0].paragraphs[0] == "line"  # a folder of one file


def test_blank_lines_bom_and_sub_folders(tmp_path):
    for name in ("b.txt", "a/x.txt", "c.txt", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(f"\ufeff\r\n {name} \r\n\t\r\ntwo\r\n".encode())
    (tmp_path / "e.txt").write_text(" \n\n")
    (tmp_path / "NOTICE.md").write_text("not text")
    documents = read_documents(tmp_path)
    assert names(documents) == ["a/x.txt", "b.txt", "c.txt", "d.txt"]
    assert documents[0].paragraphs == ("a/x.txt", "two")


def test_very_long_lines_are_cut_at_spaces(tmp_path):
    words = "word " * MAX_CHARACTERS
    (tmp_path / "a.txt").write_text(
        f"{words}\n\nb\n\nc\n\n{'x' * (MAX_CHARACTERS + 1)}"
    )
    documents = read_documents(tmp_path / "a.txt")
    assert max(len(p) for d in documents for p in d.paragraphs) <= MAX_CHARACTERS
    assert " ".join(documents[0].paragraphs) == words.strip()
    assert "".join(documents[3].paragraphs) == "x" * (MAX_CHARACTERS + 1)


def test_errors(tmp_path):
    with pytest.raises(ScriptError, match="No text at"):
        read_documents(tmp_path / "none")
    with pytest.raises(ScriptError, match="0 documents"):
        read_documents(tmp_path)
    (tmp_path / "bad.txt").write_bytes(b"fine\nfine\nna\xefve\n")
    with pytest.raises(ScriptError, match=r"bad\.txt, line 3: not UTF-8"):
        read_documents(tmp_path)


def test_take(sample_text):
    documents = read_documents(sample_text)
    assert take(documents, 0, seed=0) == documents
    assert len(take(documents, 5, seed=0)) == 5
    assert set(names(take(documents, 5, 0))) < set(names(take(documents, 8, 0)))
