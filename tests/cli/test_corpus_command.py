"""Labels of annotation tools, as people have them, made a corpus for `spacy train`."""

import json
import subprocess
import sys

import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin, Span
from spacy.training import Corpus
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.labelled.corpus import make_corpus
from spacy_ldnet.labelled.files import LabelReader

NLP = spacy.blank("en")
ADA = "Ada Lovelace lived in London."
ADAS = [("Ada Lovelace", "PER"), ("London", "LOC")]
PLAIN = "Nothing happened there."
#: No part but train.
ALL = {"dev_share": 0, "test_share": 0}
SPANS = [{"start": 0, "end": 12, "label": "PER"}, {"start": 22, "end": 28, "label": "LOC"}]  # fmt: skip
RESULTS = [
    {
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {"start": 0, "end": 12, "text": "Ada Lovelace", "labels": ["PER"]},
    },
    {"type": "choices", "value": {"choices": ["good"]}},
    {
        "type": "labels",
        "value": {"start": 22, "end": 28, "text": "London", "labels": ["LOC"]},
    },
]
TASKS = [
    {
        "id": 7,
        "data": {"text": ADA},
        "annotations": [{"id": 1, "was_cancelled": False, "result": RESULTS}],
        "predictions": [],
    },
    {"id": 8, "data": {"text": PLAIN}, "annotations": [{"result": []}]},
]
DOCCANO = [[0, 12, "PER"], [22, 28, "LOC"]]
OFFSETS = [{"id": 3, "label": "PER", "start_offset": 0, "end_offset": 12}, {"id": 4, "label": "LOC", "start_offset": 22, "end_offset": 28}]  # fmt: skip


def tokens_of(text):
    """As Prodigy writes them."""
    return [
        {
            "text": t.text,
            "start": t.idx,
            "end": t.idx + len(t),
            "id": t.i,
            "ws": bool(t.whitespace_),
        }  # fmt: skip
        for t in NLP.make_doc(text)
    ]


def lines(*records):
    return "".join(f"{json.dumps(record)}\n" for record in records)


def prodigy(text, spans=(), answer="accept", **keys):
    return {"text": text, "spans": list(spans), "answer": answer, **keys}


FORMS = {
    "prodigy.jsonl": lines(
        prodigy(ADA, SPANS, tokens=tokens_of(ADA), _view_id="ner_manual"),
        {"text": PLAIN, "answer": "accept", "_session_id": None},
    ),
    "doccano.jsonl": lines(
        {"id": 1, "text": ADA, "label": DOCCANO, "Comments": []},
        {"id": 2, "text": PLAIN, "label": []},
    ),
    "old_doccano.json": lines(
        {"id": 1, "text": ADA, "labels": DOCCANO}, {"text": PLAIN, "labels": []}
    ),
    "relations.jsonl": lines(
        {"text": ADA, "entities": OFFSETS, "relations": []},
        {"text": PLAIN, "entities": []},
    ),
    "studio.json": json.dumps(TASKS, indent=2),
    "short_studio.json": json.dumps(
        [
            {"id": 1, "text": ADA, "label": [r["value"] for r in RESULTS[::2]]},
            {"id": 2, "text": PLAIN, "label": []},
        ]
    ),
    "entities.txt": lines(
        {"text": ADA, "entities": DOCCANO}, {"text": PLAIN, "entities": []}
    ),
    "pairs.json": json.dumps([[ADA, {"entities": DOCCANO}], [PLAIN, {"entities": []}]]),
    "pairs.jsonl": lines([ADA, {"entities": DOCCANO}], [PLAIN, {"entities": []}]),
    "annotate.jsonl": lines(
        {"text": ADA, "ents": SPANS, "spans": [], "cats": []},
        {"text": PLAIN, "ents": [], "spans": [], "cats": []},
    ),
    "a.iob": "Ada I-PER\nLovelace I-PER\nlived O\nin O\nLondon I-LOC\n. O\n\n"
    "Nothing O\nhappened O\nthere O\n. O\n",
    "a.iob2": "Ada NNP B-PER\nLovelace NNP I-PER\nlived VBD O\nin IN O\nLondon NNP B-LOC"
    "\n. . O\n\nNothing NN O\nhappened VBD O\nthere RB O\n. . O\n",
    "a.conll": "Ada\tB-PER\nLovelace\tE-PER\nlived\tO\nin\tO\nLondon\tS-LOC\n.\tO\n\n"
    "Nothing\tO\nhappened\tO\nthere\tO\n.\tO",
    "a.txt": "Ada\tB-PER\nLovelace\tL-PER\nlived\tO\nin\tO\nLondon\tU-LOC\n.\tO\n\n"
    "Nothing\tO\nhappened\tO\nthere\tO\n.\tO",
}
COLUMNS = ("a.iob", "a.iob2", "a.conll", "a.txt")


@pytest.fixture
def make(tmp_path):
    """Write files, and make a corpus of them in `out`."""

    def call(files, **settings):
        paths = [write_file(tmp_path / name, data) for name, data in files.items()]
        return make_corpus(paths, tmp_path / "out", **settings)

    return call


def write_file(path, data):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf8"))
    return path


def read(tmp_path, part="train"):
    return list(DocBin().from_disk(tmp_path / f"out/{part}.spacy").get_docs(NLP.vocab))


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def named(number, **keys):
    """Lines of as many different texts, with a name in each."""
    texts = [f"Ada{i} lived there." for i in range(number)]
    return [
        {"text": t, "entities": [[0, t.index(" "), "PER"]], **keys} for t in texts
    ]  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_entities(name, make, tmp_path):
    report = make({name: FORMS[name]}, **ALL)
    docs = read(tmp_path)
    assert not report.skipped and not report.warnings
    assert [ents(doc) for doc in docs] == [ADAS, []]
    assert all(token.ent_iob != 0 for doc in docs for token in doc)
    assert (docs[0].text == ADA) == (name not in COLUMNS)
    assert report.parts["train"].unlabelled == 1
    written = json.loads((tmp_path / "out/report.json").read_text("utf8"))
    assert written["parts"]["train"]["spans"] == {"LOC": 1, "PER": 1}


@pytest.mark.parametrize("name", FORMS)
def test_line_ends_and_marks_of_other_systems(name, tmp_path):
    data = FORMS[name].encode("utf8")
    windows = b"\xef\xbb\xbf" + data.rstrip(b"\n").replace(b"\n", b"\r\n")
    found = []
    for style in (data, windows, data.replace(b"\n", b"\r")):
        reader = LabelReader(NLP)
        forms, texts = reader.read(write_file(tmp_path / name, style))
        assert not reader.skipped
        found.append((forms, [(t.doc.text, t.spans, t.place) for t in texts]))
    assert found[0] == found[1] == found[2] and len(found[0][1]) == 2


def test_docs_of_spacy_keep_their_other_annotation(make, tmp_path):
    doc = NLP.make_doc(ADA)
    doc.set_ents([Span(doc, 0, 2, "PER")], missing=[doc[4:5]])
    doc[2].tag_ = "VBD"
    doc.cats["past"] = 1.0
    bare = NLP.make_doc("No labels here.")
    bare.spans["sc"] = []
    data = DocBin(docs=[doc, bare, NLP.make_doc("")]).to_bytes()
    report = make({"gold.spacy": data}, **ALL)
    (found,) = read(tmp_path)
    assert ents(found) == ADAS[:1] and found[4].ent_iob == 0 and found[3].ent_iob == 2
    assert found[2].tag_ == "VBD" and found.cats == {"past": 1.0}
    reasons = [f"{skipped.place}: {skipped.reason}" for skipped in report.skipped]
    assert "gold.spacy', document 2" in reasons[0] and "'sc'" in reasons[0]
    assert "document 3" in reasons[1]


def test_tokens_of_prodigy_are_kept(make, tmp_path):
    text = "It costs 10EUR  now."
    words = ["It", "costs", "10", "EUR", " ", "now."]
    tokens = [{"text": word} for word in words]
    span = {"start": 11, "end": 14, "label": "CUR"}
    report = make({"a.jsonl": lines(prodigy(text, [span], tokens=tokens))}, **ALL)
    (doc,) = read(tmp_path)
    assert [t.text for t in doc] == words and doc.text == text
    assert ents(doc) == [("EUR", "CUR")]
    # For the English tokenizer it is a part of "10EUR".
    assert report.untokenised == 1 and "W072" in report.warnings[0]
    assert not report.misfits


def test_answers_of_prodigy(make, tmp_path):
    other = [{"start": 0, "end": 3, "label": "PER"}]
    report = make(
        {
            "a.jsonl": lines(
                prodigy(ADA, SPANS),
                prodigy("Rejected.", other, "reject"),
                prodigy("Ignored.", [], "ignore"),
                prodigy(ADA, SPANS[::-1]),  # the same answer
                prodigy("Bob left.", other),
                prodigy("Rejected, and corrected.", other, "reject"),
                prodigy("Rejected, and corrected.", []),
                prodigy("Eve came.", other),
                prodigy("Ida came.", other, _view_id="ner"),
                prodigy("Bad.", [{"start": 9, "end": 99}], "reject"),
            ),
            "b.jsonl": lines(
                prodigy("Bob left."), prodigy("Eve came.", other, "reject")
            ),
        },
        **ALL,
    )
    kept = [doc.text for doc in read(tmp_path)]
    assert kept == [ADA, "Rejected, and corrected."]
    found = [
        (s.place.file[-7:], s.place.number, s.kind.name, s.reason)
        for s in report.skipped
    ]
    assert [entry[:3] for entry in found] == [
        ("a.jsonl", 2, "rejected"),
        ("a.jsonl", 3, "ignored"),
        ("a.jsonl", 4, "repeated"),
        ("a.jsonl", 5, "conflict"),
        ("a.jsonl", 6, "rejected"),
        ("a.jsonl", 8, "conflict"),
        ("a.jsonl", 9, "yes_or_no"),
        ("a.jsonl", 10, "rejected"),
        ("b.jsonl", 1, "conflict"),
        ("b.jsonl", 2, "rejected"),
    ]
    assert "'Bob left.'" in found[3][3] and "b.jsonl', line 1" in found[3][3]
    assert "b.jsonl', line 2" in found[5][3] and "a.jsonl', line 5" in found[8][3]


def test_annotators_of_label_studio(make, tmp_path):
    one, two = {"result": RESULTS}, {"result": RESULTS[:1]}
    tasks = [
        {"data": {"text": ADA, "url": "x"}, "annotations": [one, two]},
        {
            "data": {"text": f"{ADA} "},
            "annotations": [one, {**two, "ground_truth": True}],
        },
        {"data": {"body": ADA + "!"}, "annotations": [one, one]},
        {"data": {"text": "Later."}, "annotations": []},
        {
            "data": {"text": "Never."},
            "annotations": [{"result": [], "was_cancelled": 1}],
        },
    ]
    report = make({"a.json": json.dumps(tasks, indent=1)}, **ALL)
    assert [ents(doc) for doc in read(tmp_path)] == [ADAS[:1], ADAS]
    kinds = [skipped.kind.name for skipped in report.skipped]
    assert kinds == ["conflict", "conflict", "repeated", "unlabelled", "ignored"]
    text = (tmp_path / "a.json").read_text("utf8").split("\n")
    for skipped in report.skipped:
        assert text[skipped.place.number - 1] == " {"  # where the task begins


def test_offsets_counted_in_a_browser(make, tmp_path):
    text = "🙂🙂 Ada is\nin London."
    value = {"start": 15, "end": 21, "text": "London", "labels": ["LOC"]}
    wide = {"start": 9, "end": 17, "text": "is\\nin Lo", "labels": ["X"]}
    results = [{"type": "labels", "value": value}, {"type": "labels", "value": wide}]
    tasks = [
        {"data": {"text": text}, "annotations": [{"result": [results[0]]}]},
        {"data": {"text": text + "!"}, "annotations": [{"result": [results[1]]}]},
    ]
    make({"a.json": json.dumps(tasks)}, alignment="expand", **ALL)
    found = [ents(doc) for doc in read(tmp_path)]
    assert found == [[("London", "LOC")], [("is\nin London", "X")]]
    value["start"] = 16
    with pytest.raises(
        ValueError, match="E173.*line 1: the span from 16 to 21 .*London"
    ):
        make({"a.json": json.dumps(tasks[:1])}, overwrite=True, **ALL)


@pytest.mark.parametrize(
    "alignment, expected, tags",
    [
        ("strict", [("London", "LOC")], [0, 2, 2, 3, 2]),
        ("contract", [("London", "LOC")], [0, 2, 2, 3, 2]),
        ("expand", [("Lovelace", "PER"), ("London", "LOC")], [3, 2, 2, 3, 2]),
    ],
)
def test_spans_that_do_not_fit_tokens(alignment, expected, tags, make, tmp_path):
    text = "Lovelace lived in London."
    spans = [[0, 4, "PER"], [17, 25, "LOC"]]
    spans[1][1:2] = [24]  # a blank in front
    report = make(
        {"a.jsonl": lines({"text": text, "entities": spans})},
        alignment=alignment,
        **ALL,
    )
    (doc,) = read(tmp_path)
    assert ents(doc) == expected and [token.ent_iob for token in doc] == tags
    assert report.trimmed == 1
    assert "W071" in report.warnings[0]
    assert "a.jsonl', line 1: PER 'Love' in 'Lovelace'" in report.warnings[0]


def test_overlapping_spans(make, tmp_path):
    spans = [[0, 3, "PER"], [0, 12, "PER"], [4, 12, "FAM"], [22, 28, "LOC"], [22, 28, "LOC"]]  # fmt: skip
    data = {"a.jsonl": lines({"text": ADA, "entities": spans})}
    report = make(data, **ALL)
    assert ents(read(tmp_path)[0]) == ADAS and report.overlapping == 2
    report = make(data, spans_key="sc", overwrite=True, **ALL)
    (doc,) = read(tmp_path)
    assert report.overlapping == 0 and not doc.ents
    assert sorted((s.text, s.label_) for s in doc.spans["sc"]) == [
        *(
            ("Ada", "PER"),
            ("Ada Lovelace", "PER"),
            ("London", "LOC"),
            ("Lovelace", "FAM"),
        )
    ]
    again = {"b.spacy": (tmp_path / "out/train.spacy").read_bytes()}
    report = make(again, spans_key="sc", overwrite=True, **ALL)
    assert report.parts["train"].spans == {"FAM": 1, "LOC": 1, "PER": 2}


def test_a_split_by_text_has_its_shares_and_no_text_twice(make, tmp_path):
    records = named(200)
    report = make({"a.jsonl": lines(*records)}, seed=3)
    sizes = {part: counts.texts for part, counts in report.parts.items()}
    assert sizes == {"train": 160, "dev": 20, "test": 20} and report.split_by == "text"
    parts = {p: [doc.text for doc in read(tmp_path, p)] for p in sizes}
    assert sorted(sum(parts.values(), [])) == sorted(r["text"] for r in records)
    # The split hangs on the texts alone.
    make({"b.jsonl": lines(*records[::-1])}, seed=3, overwrite=True)
    assert {d.text for d in read(tmp_path, "test")} == {*parts["test"]}
    make({"b.jsonl": lines(*records)}, seed=4, overwrite=True)
    assert {d.text for d in read(tmp_path, "test")} != {*parts["test"]}


def test_documents_are_not_split(make, tmp_path):
    records = named(120)
    for number, record in enumerate(records):
        record["meta"] = {"url": f"page {number // 12}"}
    report = make({"a.jsonl": lines(*records)}, document_key="url")
    assert report.split_by == "document"
    found = {part: counts.documents for part, counts in report.parts.items()}
    assert found == {"train": 8, "dev": 1, "test": 1}
    assert {part: c.texts for part, c in report.parts.items()} == {
        **{"train": 96, "dev": 12, "test": 12}
    }
    held = {int(doc.text.split()[0][3:]) // 12 for doc in read(tmp_path, "test")}
    assert len(held) == 1
    with pytest.raises(ValueError, match="E177.*'page'.*a.jsonl', line 1"):
        make({"a.jsonl": lines(*records)}, document_key="page", overwrite=True)
    for record in records:
        record["document"] = 1
    report = make({"a.jsonl": lines(*records)}, overwrite=True)
    assert report.split_by.startswith("text, since") and len(report.parts) == 3


@pytest.mark.parametrize("marked", [True, False])
def test_columns_are_split_by_document_or_in_runs(marked, make, tmp_path):
    sentence = "Ada{0}-{1} B-PER\nlived O\n. O\n\n"
    mark = "-DOCSTART- O\n\n" if marked else ""
    documents = [
        mark + "".join(sentence.format(i, j) for j in range(10)) for i in range(30)
    ]
    report = make({"a.conll": "".join(documents)})
    assert report.split_by == ("document" if marked else "text")
    assert {part: c.sentences for part, c in report.parts.items()} == {
        **{"train": 240, "dev": 30, "test": 30}
    }
    assert {len(list(doc.sents)) for doc in read(tmp_path)} == {10}
    assert make({"a.conll": "".join(documents)}, n_sents=3, overwrite=True).parts[
        "train"
    ].texts == (24 if marked else 80)


def test_few_sentences_have_no_test_part(make, tmp_path):
    report = make({"a.jsonl": lines(*named(49))})
    assert list(report.parts) == ["train", "dev"]
    assert "W070" in report.warnings[0] and "49 sentences" in report.warnings[0]
    report = make({"a.jsonl": lines(*named(50))}, overwrite=True)
    assert list(report.parts) == ["train", "dev", "test"] and not report.warnings
    with pytest.raises(ValueError, match="E174.*too few labelled texts.*: 1"):
        make({"a.jsonl": lines(*named(1))}, overwrite=True)
    assert len(read(tmp_path, "test")) == 5  # still there
    assert list(make({"a.jsonl": lines(*named(2))}, overwrite=True).parts) == ["train", "dev"]  # fmt: skip


def test_files_that_are_parts_already(make, tmp_path):
    records = named(70)
    files = {
        "my-train.jsonl": lines(*records[:60]),
        "more.iob": "Ada0 I-PER\nlived O\nthere O\n. O\n",
        "my_valid.jsonl": lines(*records[55:65]),
        "TEST.jsonl": lines(*records[60:70]),
    }
    report = make(files)
    assert {part: c.texts for part, c in report.parts.items()} == {
        **{"train": 56, "dev": 5, "test": 10}
    }
    assert [file.part for file in report.files] == ["train", "train", "dev", "test"]
    kinds = [(s.place.file[-14:], s.kind.name) for s in report.skipped]
    assert kinds.count(("my_valid.jsonl", "duplicate")) == 5
    assert kinds.count(("my-train.jsonl", "duplicate")) == 5
    assert "also in test" in report.skipped[-1].reason
    # Without dev, this is split off, and test stays as it is.
    report = make(
        {"gold.jsonl": lines(*records[:50]), "test.jsonl": lines(*records[50:])},
        overwrite=True,
    )
    assert {part: c.texts for part, c in report.parts.items()} == {
        **{"train": 45, "dev": 5, "test": 20}
    }
    report = make({"test.jsonl": lines(*records)}, overwrite=True)
    assert len(report.parts) == 3  # one file is split, whatever its name
    parts = {"dev.jsonl": lines(*records[:5]), "test.jsonl": lines(*records[5:])}
    with pytest.raises(ValueError, match="E178.*dev.jsonl.*test.jsonl"):
        make(parts, overwrite=True)
    parts = {"train.jsonl": lines(*records[:5]), "dev.jsonl": lines(*records[:5])}
    with pytest.raises(ValueError, match="E179.*train part.*also in dev"):
        make(parts, overwrite=True)


def test_labels(make, tmp_path):
    def entities(*labels):
        return {"text": ADA, "entities": [[0, 3, label] for label in labels]}

    report = make({"a.jsonl": lines(entities(" FIRST  NAME "))}, **ALL)
    assert ents(read(tmp_path)[0]) == [("Ada", "FIRST NAME")] and not report.warnings
    text = lines(entities("First_Name", "FIRST NAME", "C+", "C-"))
    report = make({"a.jsonl": text}, spans_key="sc", overwrite=True, **ALL)
    (warning,) = report.warnings
    assert "W074" in warning and "'FIRST NAME', 'First_Name'" in warning
    dev = lines({"text": "Bob.", "entities": [[0, 3, "BOB"]]})
    report = make(
        {"train.jsonl": lines(entities("A")), "dev.jsonl": dev}, overwrite=True
    )
    assert "W073" in report.warnings[0] and "BOB" in report.warnings[0]


GOOD = {"text": ADA, "entities": DOCCANO}


@pytest.mark.parametrize(
    "line, reason",
    [
        ('{"text": "Ada Love', "is not JSON .*column"),
        ("{'text': 'Ada'}", "is not JSON"),
        ("[" * 100_000, "is not JSON|too deeply"),
        ('"Ada"', "'Ada' is not a JSON object"),
        ("3", "3 is not a JSON object"),
        (lines({"text": ADA}), r"form is unknown, by its keys \('text'\)"),
        (lines({"sentence": ADA, "entities": []}), "no text under the key 'text'"),
        (lines({"text": 3, "entities": []}), "no text under"),
        (lines({"text": "\ud83d", "entities": []}), "unpaired surrogate"),
        (
            lines({"text": ADA, "entities": [[22, 99, "X"]]}),
            "22 to 99 is not in .* 29 c",
        ),
        (lines({"text": ADA, "entities": [[-3, 9, "X"]]}), "-3 to 9"),
        (lines({"text": ADA, "entities": [[9, 3, "X"]]}), "9 to 3"),
        (lines({"text": ADA, "entities": [[3, 3, "X"]]}), "3 to 3"),
        (lines({"text": ADA, "entities": [[3, 4, "X"]]}), "is blank"),
        (lines({"text": ADA, "entities": [["0", 3, "X"]]}), "offset '0'"),
        (lines({"text": ADA, "entities": [[0, 3.5, "X"]]}), "offset 3.5"),
        (lines({"text": ADA, "entities": [[0, True, "X"]]}), "offset True"),
        (lines({"text": ADA, "entities": [[0, 3, ""]]}), "label ''"),
        (lines({"text": ADA, "entities": [[0, 3, None]]}), "label None"),
        (lines({"text": ADA, "entities": [[0, 3]]}), r"\[0, 3\] is not a span"),
        (lines({"text": ADA, "entities": {"a": 1}}), "not a list"),
        (lines({"text": ADA, "label": ["positive"]}), "'positive' is not a span"),
        (lines(prodigy(ADA, SPANS, "maybe")), "answer is 'maybe'"),
        (
            lines({"text": ADA, "label": "X", "answer": "accept"}),
            "about the whole text",
        ),
        (lines(prodigy(ADA, tokens=[{"text": "Bob"}])), "tokens do not make up"),
        (lines({"data": {"text": ADA}, "annotations": [3]}), r"annotations are \[3\]"),
        (lines({"data": {"text": ADA}, "annotations": [{"result": 3}]}), "result is 3"),
        (
            lines(
                {
                    "data": {"text": ADA},
                    "annotations": [{"result": [{"type": "labels"}]}],
                }
            ),
            "None is not a span",
        ),
    ],
)
def test_a_line_that_cannot_be_used(line, reason, tmp_path):
    text = f"{lines(GOOD)}\n{line.strip()}\n{lines({**GOOD, 'text': ADA + ' '})}"
    path = write_file(tmp_path / "a.jsonl", text)
    reader = LabelReader(NLP)
    _, texts = reader.read(path)
    assert [text.place.number for text in texts] == [1, 4]
    (skipped,) = reader.skipped
    assert skipped.kind.name == "fault" and skipped.place.number == 3
    with pytest.raises(ValueError, match=rf"E171.*a.jsonl', line 3: .*({reason})"):
        LabelReader(NLP, strict=True).read(path)


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("a.jsonl", "", "E170.*a.jsonl' cannot be read: it is empty"),
        ("a.iob", " \n\n", "E170.*it is empty"),
        ("a.csv", "text,label\nAda,PER\n", "E170.*form is unknown.*suffix is '.csv'"),
        ("a", "Ada PER\n", "E170.*form is unknown"),
        ("a.zip", "PK", "E170.*Decompress"),
        ("a.spacy", "Ada", "E170.*is not a .spacy file"),
        ("a.jsonl", lines(GOOD).encode("utf-16"), "E041.*a.jsonl', line 1"),
        (
            "a.jsonl",
            lines(GOOD).encode() + b"\r\n" + '{"text": "Zoë"'.encode("latin1"),
            "E041.*a.jsonl', line 3",
        ),
        ("a.json", json.dumps(TASKS, indent=1)[:40], "E172.*a.json', line 5"),
        ("a.json", f"[\n{lines(GOOD)}{lines(GOOD)}]", "E172.*a.json', line 3.*','"),
        (
            "a.json",
            f"[\n{lines(GOOD)}]\nmore",
            "E172.*a.json', line 4.*after the array",
        ),
        ("a.json", "[]", "E173.*no spans to learn"),
        ("a.jsonl", lines({"text": ADA, "label": []}), "E173.*Texts: 1 without a span"),
        (
            "a.jsonl",
            lines({"text": ""}),
            "E173.*1 unusable.*a.jsonl', line 1: its form",
        ),
        ("a.jsonl", lines({**GOOD, "text": " "}), "E173.*1 without text.*line 1"),
        ("a.iob2", "Ada B-PER\nLovelace\n", "E028.*a.iob2', line 2: there is no tag"),
        ("a.conll", "Ada B-PER\nEve I-LOC\nin S-X\n", "E028.*a.conll', line 2"),
        ("a.conll", b"Ada B-PER\nZo\xeb B-PER\n", "E041.*a.conll', line 2"),
    ],
)
def test_a_file_that_cannot_be_read(name, data, message, make, tmp_path):
    with pytest.raises(ValueError, match=message):
        make({name: data}, **ALL)
    assert not (tmp_path / "out").exists()


def test_a_single_object_over_several_lines(make, tmp_path):
    make({"a.json": json.dumps(GOOD, indent=2)}, **ALL)
    assert ents(read(tmp_path)[0]) == ADAS


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dev_share": 0.5}, "E013.*dev_share"),
        ({"lang": "qq"}, "E176.*'qq'"),
    ],
)
def test_settings_that_are_refused(settings, message, make):
    with pytest.raises(ValueError, match=message):
        make({"a.jsonl": lines(GOOD)}, **settings)


def test_the_output_folder(make, tmp_path):
    make({"a.jsonl": lines(*named(60))})
    with pytest.raises(ValueError, match="E175.*--overwrite"):
        make({"a.jsonl": lines(*named(9))})
    make({"a.jsonl": lines(*named(9))}, overwrite=True)
    assert not (tmp_path / "out/test.spacy").exists()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="E121.*mine.txt"):
        make({"a.jsonl": lines(*named(9))}, overwrite=True)
    (tmp_path / "out/mine.txt").unlink()
    with pytest.raises(ValueError, match="E122"):
        make({"out/a.jsonl": lines(*named(9))}, overwrite=True)
    with pytest.raises(ValueError, match="E170.*missing.jsonl"):
        make_corpus([tmp_path / "missing.jsonl"], tmp_path / "new")
    with pytest.raises(ValueError, match="E170.*is a folder"):
        make_corpus([tmp_path / "out"], tmp_path / "new")


def test_command(tmp_path):
    write_file(tmp_path / "a.jsonl", lines(*named(40), {"text": 3, "entities": []}))
    write_file(tmp_path / "b.iob", "Eve I-PER\nleft O\n\n" * 12)
    names = [str(tmp_path / name) for name in ("a.jsonl", "b.iob", "out")]
    arguments = ["ldnet", "corpus", *names, "--test-share", "0.2"]
    result = CliRunner().invoke(app, arguments)
    said = " ".join(result.output.split())
    assert result.exit_code == 0, result.output
    for words in (
        "1 unusable",
        "a.jsonl', line 41: there is no text under the key 'text'",
        "Split by text",
        "PER",
    ):
        assert words in said
    assert sum(len(read(tmp_path, part)) for part in ("train", "dev", "test")) > 40
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "E175" in result.output


def test_spacy_trains(make, tmp_path):
    make({"a.jsonl": lines(*named(60))})
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    examples = list(Corpus(tmp_path / "out/train.spacy")(nlp))
    nlp.initialize(lambda: examples)
    assert nlp.update(examples)["ner"] > 0


def test_torch_is_not_needed():
    code = "import sys; sys.modules['torch'] = None; import spacy_ldnet.labelled.corpus"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
