"""Columns are read alike everywhere, and errors have file, line and reason."""

import subprocess
import sys

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.training.iob_utils import tags_to_entities

from spacy_ldnet.labelled.columns import (
    Scheme,
    TagError,
    detect_scheme,
    parse_tag,
    read_columns,
    read_sentences,
    to_biluo,
    write_sentence,
)
from spacy_ldnet.labelled.readers import create_column_corpus_v1

nlp = spacy.blank("en")


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
        ("a O\nNew Town B-LOC\n", "x.iob", 2, "3 columns"),
        ("a O\nNew Town\tB-LOC\n", "x.iob", 2, "3 columns"),
        ("a\tO\nb O\n", "x.iob", 2, "no tag column"),
        ("a O\nNew\u00a0Town B-LOC\n", "x.iob", 2, "white space in the token"),
        ("a\tO\nb\x0bc\tO\n", "x.iob", 2, "line break in the token"),
        ("a\tO\nb\u2028\tO\n", "x.iob", 2, "line break in the token"),
        ("a\tO\n\tO\n", "x.iob", 2, "no token"),
        ("a\tO\n  \tO\n", "x.iob", 2, "no token"),
        ("a O\n\nb B-\n", "x.iob", 3, "no label"),
        ("a O\nb Q-PER\n", "x.iob", 2, "no known prefix"),
        ("a O\nb ORG/said\n", "x.iob", 2, "no known prefix"),
        ("a O\nb PER\n", "x.iob", 2, "no known prefix"),
        ("a O\nb PER-B\n", "x.iob", 2, "no known prefix"),
        ("a O\nb name=B-PER\n", "x.iob", 2, "no known prefix"),
        ("a O\nb b-per\n", "x.iob", 2, "no known prefix"),
        ("a O\nb o\n", "x.iob", 2, "no known prefix"),
        ("token tag\na O\n", "x.iob", 1, "no known prefix"),
        ("a O\n\n-DOCSTART- B-PER\n", "x.iob", 3, "document mark"),
        ("a B-PER\n\nb O\nc I-PER\n", "x.conll", 4, "continues no entity"),
        ("a O\nb I-PER\n", "x.iob2", 2, "continues no entity"),
        ("a B-PER\nb O\n", "x.iobes", 2, "before the entity is closed"),
        ("a B-PER\nb O\nc S-PER\n", "x.iob", 2, "before the entity is closed"),
        ("a B-PER\nb M-PER\n", "x.iob", 2, "not closed"),
        ("a E-PER\n", "x.bmes", 1, "continues no entity"),
        ("a S-PER\n", "x.biluo", 1, "not of the scheme BILUO"),
        (b"a O\nb\xff O\n", "x.iob", 2, "invalid start byte"),
        (b"a O\rb\xff O\r", "x.iob", 2, "invalid start byte"),
        ("", "x.iob", None, "no tokens"),
        ("\n\n-DOCSTART- O\n", "x.iob", None, "no tokens"),
        (None, "x.iob", None, "No such file"),
    ],
)
def test_errors_name_file_line_and_reason(tmp_path, text, name, line, reason):
    path = tmp_path / name
    if text is not None:
        write(tmp_path, text, name)
    place = f"{name}'" if line is None else f"{name}', line {line}"
    for read in (read_columns, lambda path: create_column_corpus_v1(path=path)(nlp)):
        with pytest.raises(ValueError, match=rf"E0(28|41).*{place}.*{reason}"):
            list(read(path) if read is not read_columns else [read(path)])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("bom, last", [("\ufeff", True), ("", False)])
def test_all_readers_give_the_same(tmp_path, end, bom, last):
    lines = ["New Town\tNNP\tB-LOC", "a\u00a0b\tX\tI-LOC", "-DOCSTART-ed\tX\tB-X", ""]
    lines += ["-DOCSTART-\t-X-\tO", "", "c d \tX\tS-X", *[""] * last]
    lines[1] = lines[1].replace("I-", "E-")
    lines[2] = lines[2].replace("B-", "S-")
    path = write(tmp_path, bom + end.join(lines))
    file = read_columns(path)
    assert file.scheme == Scheme.IOBES and file.has_documents
    sentences = [s for document in file.documents for s in document]
    words = [["New Town", "a\u00a0b", "-DOCSTART-ed"], ["c d"]]
    assert [s.tokens for s in sentences] == words
    assert [s.tags for s in sentences] == [["B-LOC", "L-LOC", "U-X"], ["U-X"]]
    assert [s.lines for s in sentences] == [[1, 2, 3], [7]]
    docs = [e.reference for e in create_column_corpus_v1(path=path)(nlp)]
    assert [[t.text for t in doc] for doc in docs] == words
    spans = [[(s.text, s.label_) for s in doc.spans["chunks"]] for doc in docs]
    assert spans == [
        [("New Town a\u00a0b", "LOC"), ("-DOCSTART-ed", "X")],
        [("c d", "X")],
    ]
    assert [s.tokens for s in read_sentences(path, tagged=False)] == words
    again = "".join(write_sentence(s.tokens, s.tags) for s in sentences)
    again = read_columns(write(tmp_path, again, "again.biluo"))
    assert [s.tokens for s in again.documents[0]] == words


@pytest.mark.parametrize(
    "word", ["a\tb", "a\nb", "a\rb", "a\u2028", "", " ", "-DOCSTART-"]
)
def test_what_would_be_misread_is_not_written(word):
    for tokens, tags in (([word], ["O"]), (["a"], [word])):
        with pytest.raises(ValueError, match="tab or a line break|not be read"):
            write_sentence(tokens, tags)


def test_importable_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None; import spacy_ldnet.labelled.columns"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SPANS = st.lists(
    st.tuples(st.sampled_from(["", "PER", "creative-work", "B-I"]), st.integers(1, 3)),
    max_size=8,
)


def write_tags(spans, scheme):
    """Write (label, length) runs as tags; an empty label is outside."""
    tags, before = [], ""
    for label, length in spans:
        if not label:
            tags += ["O"] * length
        elif scheme in (Scheme.IOBES, Scheme.BILUO, Scheme.BMES):
            single, last = ("U", "L") if scheme == Scheme.BILUO else ("S", "E")
            middle = "M" if scheme == Scheme.BMES else "I"
            inner = "B" + middle * (length - 2) + last if length > 1 else single
            tags += [f"{prefix}-{label}" for prefix in inner]
        else:
            touches = label == before
            opens = scheme == Scheme.IOB2 or (scheme == Scheme.IOB1 and touches)
            inner = ("B" if opens else "I") + "I" * (length - 1)
            tags += [f"{prefix}-{label}" for prefix in inner]
        before = label
    return tags


def expected(spans):
    """The same runs as (label, first, last)."""
    ents, at = [], 0
    for label, length in spans:
        if label:
            ents.append((label, at, at + length - 1))
        at += length
    return ents


@given(SPANS, st.sampled_from([s for s in Scheme if s != Scheme.IO]))
def test_schemes_give_back_entities(spans, scheme):
    tags = write_tags(spans, scheme)
    assert tags_to_entities(to_biluo(tags, scheme)) == expected(spans)
    # Detection may name another scheme only if the entities are the same.
    assert tags_to_entities(to_biluo(tags, detect_scheme([tags]))) == expected(spans)


@pytest.mark.parametrize(
    "tags, scheme",
    [
        ("O I-PER I-PER O I-LOC", Scheme.IO),
        ("I-PER B-PER O", Scheme.IOB1),
        ("B-PER I-PER B-PER O", Scheme.IOB2),
        ("B-PER E-PER S-LOC", Scheme.IOBES),
        ("B-PER L-PER U-LOC", Scheme.BILUO),
        ("B-PER M-PER E-PER S-LOC", Scheme.BMES),
        ("O O", Scheme.IO),
    ],
)
def test_detect_scheme(tags, scheme):
    assert detect_scheme([tags.split()]) == scheme


@pytest.mark.parametrize(
    "tags, scheme, at, reason",
    [
        ("O I-PER", Scheme.IOB2, 1, "continues no entity"),
        ("B-PER I-LOC", Scheme.IOB2, 1, "continues no entity"),
        ("O B-PER", Scheme.IOB1, 1, "begins what"),
        ("B-PER O", Scheme.IOBES, 1, "before the entity is closed"),
        ("O B-PER", Scheme.IOBES, 1, "is not closed"),
        ("E-PER", Scheme.IOBES, 0, "continues no entity"),
        ("U-PER", Scheme.IOBES, 0, "not of the scheme"),
        ("B-PER I-PER L-LOC", Scheme.BILUO, 2, "continues no entity"),
    ],
)
def test_broken_tags(tags, scheme, at, reason):
    with pytest.raises(TagError, match=reason) as err:
        to_biluo(tags.split(), scheme)
    assert err.value.token == at


@pytest.mark.parametrize(
    "tag",
    [
        "B",
        "I-",
        "X-PER",
        "BPER",
        "per",
        "PER",
        "-",
        "O-PER",
        "",
        "o",
        "b-per",
        "PER-B",
        "W-PER",
    ],
)
def test_no_tags(tag):
    with pytest.raises(TagError):
        parse_tag(tag)


@pytest.mark.parametrize("tags", ["S-PER U-PER", "M-PER I-PER", "M-PER U-PER"])
def test_mixed_schemes_are_refused(tags):
    with pytest.raises(TagError, match="mixes") as err:
        detect_scheme([["O"], tags.split()])
    assert (err.value.sentence, err.value.token) == (1, 1)
