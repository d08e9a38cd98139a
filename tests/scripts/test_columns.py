"""Column files: documents, and errors with file, line and reason."""

import pytest
from _columns import ColumnError, read_columns
from _common import ScriptError
from _docs import make_docs
from _schemes import Scheme
from spacy.vocab import Vocab


def write(tmp_path, text, name="train.iob"):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "docstart",
    ["-DOCSTART-", "-DOCSTART- O", "-DOCSTART-\tO", "-DOCSTART- -X- O O"]
    + ["-DOCSTART- -X- -X- O", "-DOCSTART- (doc 7)"],
)
@pytest.mark.parametrize("blank", ["", "\n"])
def test_docstart_in_all_forms(tmp_path, docstart, blank):
    part = f"{docstart}\n{blank}Mara B-PER\nLindqvist I-PER\n\nTarvik B-LOC\n"
    file = read_columns(write(tmp_path, part + blank + part))
    assert file.has_documents
    assert [[s.tokens for s in d] for d in file.documents] == [
        [["Mara", "Lindqvist"], ["Tarvik"]]
    ] * 2
    assert file.documents[0][0].tags == ["B-PER", "L-PER"]


def test_windows_lines_bom_and_trailing_blanks(tmp_path):
    data = "\ufeffMara\tNNP\tB-PER \r\n\t\r\n\r\nran\tVBD\tO\r\n".encode()
    file = read_columns(write(tmp_path, data))
    assert [s.tokens for s in file.documents[0]] == [["Mara"], ["ran"]]
    assert not file.has_documents


@pytest.mark.parametrize(
    "text, name, line, reason",
    [
        ("a O\nb\n", "x.iob", 2, "no tag column"),
        ("a O\nb X O\n", "x.iob", 2, "3 columns"),
        ("a\tO\nb c\tO\n", "x.iob", 2, "white space in the token"),
        ("a\tO\n\tO\n", "x.iob", 2, "no token"),
        ("a O\n\nb B-\n", "x.iob", 3, "no label"),
        ("a O\nb Q-PER\n", "x.iob", 2, "no known prefix"),
        ("a B-PER\n\nb O\nc I-PER\n", "x.conll", 4, "continues no entity"),
        ("a O\nb I-PER\n", "x.iob2", 2, "continues no entity"),
        ("a B-PER\nb O\n", "x.iobes", 2, "before the entity is closed"),
        ("a S-PER\n", "x.biluo", 1, "not of the scheme BILUO"),
        (b"a O\nb\xff O\n", "x.iob", 2, "not UTF-8"),
    ],
)
def test_errors_name_file_line_and_reason(tmp_path, text, name, line, reason):
    with pytest.raises(ColumnError, match=reason) as err:
        read_columns(write(tmp_path, text, name))
    assert err.value.line == line
    assert f"{name}, line {line}" in err.value.title


def test_empty_file(tmp_path):
    with pytest.raises(ScriptError, match=r"\[E142\].*no tokens"):
        read_columns(write(tmp_path, "\n\n-DOCSTART- O\n"))


def test_docs_keep_gold_tokens_and_are_running_text(sample_gold):
    file = read_columns(sample_gold / "test.iob")
    assert file.scheme == Scheme.IOB1
    docs = list(make_docs(Vocab(), file, group=10))
    assert len(docs) == 2
    sentences = [s for d in file.documents for s in d]
    assert [[t.text for t in s] for d in docs for s in d.sents] == [
        s.tokens for s in sentences
    ]
    assert docs[1].text.startswith("Giorgos Pappas bought the bakery in 1974. He had")
    touching = [(e.text, e.label_) for e in docs[1].ents][-2:]
    assert touching == [("Nikos", "PER"), ("Brendan", "PER")]


def test_groups_of_sentences(sample_gold):
    file = read_columns(sample_gold / "train.iob2")
    docs = list(make_docs(Vocab(), file, group=10))
    assert [len(list(doc.sents)) for doc in docs] == [10] * 4
    assert "he didn't say so" in docs[3].text and '"We had no idea," L' in docs[0].text
