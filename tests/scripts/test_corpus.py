"""Every corpus in one form."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import corpus
import numpy
import pytest
import spacy
import typer
from annotate import annotate
from corpora.gold import GOLD, read_gold, split_wikigold
from corpora.meta import print_counts
from corpora.open import drop_repeated, read_open, split_redocred
from corpus import convert, limit, pass_on, warn_of_language
from spacy.cli._util import app
from spacy.tokens import DocBin, Span
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.labelled.columns import ColumnFile, Scheme, Sentence, read_columns
from spacy_ldnet.labelled.label_sets import LABEL_SET
from spacy_ldnet.util import list_files
from spacy_ldnet.workflow.scripting import ScriptError

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("train", "dev", "test")


def load(folder, part):
    vocab = spacy.blank("en").vocab
    return list(DocBin().from_disk(folder / f"{part}.spacy").get_docs(vocab))


def test_own_columns(sample_gold, sample_text, tmp_path):
    convert(str(sample_gold), tmp_path, assets=tmp_path, text=sample_text)
    meta = json.loads((tmp_path / "meta.json").read_text("utf-8"))
    assert [meta["splits"][part]["sentences"] for part in PARTS] == [40, 12, 12]
    assert meta["splits"]["dev"]["entities"] == {"LOC": 5, "ORG": 4, "PER": 6}
    assert meta["kind"] == "gold" and meta["teacher"] is None
    docs = load(tmp_path, "dev")
    assert [len(list(doc.sents)) for doc in docs] == [10, 2]
    assert docs[0].ents[0].text == "Rosa Benedetti"
    lines = (tmp_path / "lm_train.txt").read_text("utf-8").splitlines()
    held = (tmp_path / "lm_dev.txt").read_text("utf-8").splitlines()
    assert len(lines) + len(held) == 65 and held


def test_more_text_is_for_the_language_models(sample_gold, sample_text, tmp_path):
    more = tmp_path / "more.txt"
    more.write_text("A single line of more text.\n", "utf-8")
    out = tmp_path / "out"
    convert(str(sample_gold), out, assets=tmp_path, text=sample_text, more_text=more)
    lines = (out / "lm_train.txt").read_text("utf-8").splitlines()
    held = (out / "lm_dev.txt").read_text("utf-8").splitlines()
    assert len(lines) + len(held) == 66 and lines[-1] == "A single line of more text."
    meta = json.loads((out / "meta.json").read_text("utf-8"))
    assert [source["name"] for source in meta["sources"]][2:] == ["more.txt"]
    more.write_text("\n", "utf-8")
    with pytest.raises(ScriptError, match="holds 0 documents"):
        convert(
            str(sample_gold), out, assets=tmp_path, text=sample_text, more_text=more
        )


def test_own_spacy_files(sample_gold, sample_text, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    convert(str(sample_gold), first, assets=tmp_path, text=sample_text)
    convert(str(first), second, assets=tmp_path, text=sample_text)
    for part in PARTS:
        for one, two in zip(load(first, part), load(second, part)):
            assert one.to_json() == two.to_json()


def test_teacher_is_passed_on(sample_text, tmp_path, tiny_teacher):
    with pytest.raises(ScriptError, match="lacks"):
        pass_on(tmp_path / "a", tmp_path / "b", "en")
    settings = {"labelled": 5, "dev_share": 0.1, "test_share": 0.1, "seed": 0}
    annotate(sample_text, tmp_path / "a", tiny_teacher, **settings)
    with pytest.raises(ScriptError, match="language is 'en', but the trainings' 'de'"):
        pass_on(tmp_path / "a", tmp_path / "b", "de")
    assert not (tmp_path / "b").exists()
    pass_on(tmp_path / "a", tmp_path / "b", "en")
    for name in list_files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (
            tmp_path / "b" / name
        ).read_bytes()
    test = (tmp_path / "b" / "tests" / "teacher.spacy").read_bytes()
    assert test == (tmp_path / "b" / "test.spacy").read_bytes()


def test_errors(sample_gold, sample_text, tmp_path):
    with pytest.raises(ScriptError, match="No raw text"):
        convert(str(sample_gold), tmp_path, assets=tmp_path, text=None)
    with pytest.raises(ScriptError, match="E206"):
        convert("bogus", tmp_path, assets=tmp_path, text=sample_text)
    own = tmp_path / "own"
    own.mkdir()
    (own / "train.iob").write_text("a O\n")
    (own / "dev.spacy").write_bytes(b"nothing of the kind")
    (own / "test.iob").write_text("Mara B-PER\n")
    with pytest.raises(ScriptError, match="has no entities"):
        convert(str(own), tmp_path, assets=tmp_path, text=sample_text)
    (own / "train.iob").write_text("Mara B-PER\n")
    with pytest.raises(ScriptError, match=r"dev\.spacy is no \.spacy file"):
        convert(str(own), tmp_path, assets=tmp_path, text=sample_text)
    (own / "dev.iob").write_text("Mara B-PER\n")
    with pytest.raises(ScriptError, match="E207.* several files"):
        convert(str(own), tmp_path, assets=tmp_path, text=sample_text)


def test_public_files_are_verified(tmp_path):
    with pytest.raises(ScriptError, match="train part of wnut17 is missing"):
        read_gold("wnut17", tmp_path)
    folder = tmp_path / "wnut17"
    folder.mkdir()
    for name in ("wnut17train.conll", "dev.iob2", "emerging.test.annotated"):
        (folder / name).write_text("Mara\tB-person\n")
    with pytest.raises(ScriptError, match="is not the known file"):
        read_gold("wnut17", tmp_path)


@pytest.mark.parametrize("name", ["wnut17", "wikigold"])
def test_public_files_have_their_own_hashes(name):
    known = {file for files in GOLD[name].files.values() for file in files}
    assert set(GOLD[name].hashes) == known
    others = [h for n, gold in GOLD.items() if n != name for h in gold.hashes.values()]
    assert not set(GOLD[name].hashes.values()) & set(others)


def test_conll03_counts_are_warned_about(tmp_path, capsys):
    folder = tmp_path / "conll03"
    folder.mkdir()
    for name in ("eng.train", "valid.txt", "eng.testb"):
        text = "-DOCSTART- -X- O O\n\nMara NNP I-NP I-PER\n"
        (folder / name).write_text(text)
    files = read_gold("conll03", tmp_path)
    assert files["dev"].documents[0][0].tags == ["U-PER"]
    assert "3,250 in 216" in " ".join(capsys.readouterr().out.split())


def test_wikigold_split_is_by_document_and_stable(tmp_path):
    path = tmp_path / "w.txt"
    blocks = (f"-DOCSTART- O\n\nword{i} I-PER\nend O\n\nlast O\n" for i in range(145))
    path.write_text("\n".join(blocks))
    parts = split_wikigold(read_columns(path))
    numbers = {
        part: [document[0].tokens[0] for document in file.documents]
        for part, file in parts.items()
    }
    assert [len(numbers[part]) for part in PARTS] == [92, 31, 22]
    assert len({name for part in PARTS for name in numbers[part]}) == 145
    assert numbers["test"][:3] == ["word0", "word1", "word4"]


@pytest.fixture(scope="module")
def open_corpus(tmp_path_factory):
    """The corpus `open`, as the step writes it."""
    out = tmp_path_factory.mktemp("open")
    convert("open", out, assets=ROOT / "assets", text=ROOT / "assets" / "sample")
    return out


def test_open_has_what_its_readme_says(open_corpus):
    meta = json.loads((open_corpus / "meta.json").read_text("utf-8"))
    readme = (ROOT / "assets" / "ner" / "README.md").read_text("utf-8")
    for part, counts in meta["splits"].items():
        entities = [
            counts["entities"][label] for label in ("PER", "LOC", "ORG", "MISC")
        ]
        numbers = [counts["sentences"], counts["tokens"], *entities]
        row = " | ".join(f"{number:,}" for number in numbers)
        assert f"| {part} | {row} |" in readme
    learnt = {part: Counter() for part in PARTS}
    for part in PARTS:
        for doc in load(open_corpus, part):
            listed = doc.user_data.get(LABEL_SET)
            learnt[part][listed] += 1
            if listed:
                assert {ent.label_ for ent in doc.ents} <= {*listed}
    three = ("PER", "LOC", "ORG")
    # The documents of GUM and LitBank.
    assert [learnt[part][three] for part in PARTS] == [211, 27, 0]
    assert all(set(counts) <= {three, None} for counts in learnt.values())
    for dropped in ("996 MISC", "109 of dev"):
        assert dropped in readme.replace("\n", " ")
    for number in meta["dropped"].values():
        assert re.search(rf"\b{number}\b", readme)
    assert meta["dropped"] == {"train": 334, "dev": 36}
    names = " ".join(source["name"] for source in meta["sources"])
    assert "LitBank" in names and "Twitter" not in names and "WNUT17" not in names


def test_open_holds_documents_and_tests_out(open_corpus):
    texts = {part: set() for part in PARTS}
    for part in PARTS:
        for doc in load(open_corpus, part):
            words, starts = doc.to_array("ORTH"), doc.to_array("SENT_START")
            sentences = numpy.split(words, numpy.flatnonzero(starts == 1)[1:])
            texts[part].update(sentence.tobytes() for sentence in sentences)
    assert not texts["train"] & texts["dev"]
    assert not texts["test"] & (texts["train"] | texts["dev"])
    sizes = {
        p.stem: len(load(p.parent, p.stem)) for p in (open_corpus / "tests").iterdir()
    }
    # Re-DocRED 100 of 1,000 documents; the others as their own test files are.
    documents = {"redocred": 100, "gum": 20, "litbank": 10, "wikigold": 22}
    assert sizes == {**documents, "btc": 2000, "wnut17": 1287}
    tests = [doc for name in sizes for doc in load(open_corpus / "tests", name)]
    assert len(tests) == len(load(open_corpus, "test"))


def test_redocred_is_split_by_document_and_stable():
    sentences = [Sentence([f"word{i}"], ["O"], [1]) for i in range(1000)]
    parts = split_redocred(ColumnFile([[s] for s in sentences], True, Scheme.IOB2))
    words = {p: [d[0].tokens[0] for d in file.documents] for p, file in parts.items()}
    assert [len(words[part]) for part in PARTS] == [800, 100, 100]
    assert len({word for part in PARTS for word in words[part]}) == 1000
    assert words["test"][:3] == ["word1", "word14", "word41"]


def test_repeated_sentences_are_dropped_from_what_is_learnt():
    def part(*texts):
        return ColumnFile(
            [[Sentence([t], ["O"], [1]) for t in texts]], True, Scheme.IOB2
        )

    sets = {
        "one": {"train": part("a", "b", "c"), "dev": part("b", "d"), "test": part("x")},
        "two": {"train": part("x"), "test": part("c", "d", "c")},
    }
    assert drop_repeated(sets) == {"train": 3, "dev": 1}
    left = {
        (name, split): [s.tokens[0] for d in file.documents for s in d]
        for name, parts in sets.items()
        for split, file in parts.items()
    }
    assert left["one", "train"] == ["a"] and left["two", "train"] == []
    assert left["one", "dev"] == ["b"] and left["two", "test"] == ["c", "d", "c"]
    assert sets["two"]["train"].documents == []


def write_sets(folder, **labels):
    """A corpus of people and one of places, each with `labels.json`."""
    folder.mkdir()
    for own, tags in (("people", ("B-PER", "O")), ("places", ("O", "B-LOC"))):
        text = "Mara{0}\t{1}\nin\tO\nOslo{0}\t{2}\n"
        write_own(folder / own, **{part: text.format(part, *tags) for part in PARTS})
        (folder / own / "labels.json").write_text(labels[own])
    return str(folder)


def test_folders_with_label_sets_are_joined(tmp_path, sample_text):
    name = write_sets(tmp_path / "own", people='["PER"]', places='["LOC"]')
    out = tmp_path / "out"
    convert(name, out, assets=tmp_path, text=sample_text)
    for part in PARTS:
        found = {
            doc.user_data[LABEL_SET]: [e.text for e in doc.ents]
            for doc in load(out, part)
        }
        assert found == {("PER",): [f"Mara{part}"], ("LOC",): [f"Oslo{part}"]}
    tests = sorted(path.name for path in (out / "tests").iterdir())
    assert tests == ["people.spacy", "places.spacy"]
    meta = json.loads((out / "meta.json").read_text("utf-8"))
    names = [source["name"] for source in meta["sources"]]
    assert names[:-1] == ["people", "places"]
    # What is written can be read, cut and written again.
    again = tmp_path / "again"
    convert(str(out), again, assets=tmp_path, text=sample_text)
    kept = [doc.user_data[LABEL_SET] for doc in load(again, "train")]
    assert kept == [("PER",), ("LOC",)]


@pytest.mark.parametrize(
    "people, message",
    [
        ("PER", r"\[E146\].*people/labels\.json.*no JSON"),
        ('{"labels": ["PER"]}', r"\[E146\].*it holds \{"),
        ("[]", r"\[E146\].*it holds \[\]"),
        ('["PER", "Person"]', r"\[E147\] The train part of 'people'.*annotate Person"),
        ('["LOC"]', r"\[E148\] The train part of 'people'.*only LOC .*: PER \(1\)"),
    ],
)
def test_label_sets_that_do_not_fit(tmp_path, sample_text, people, message):
    name = write_sets(tmp_path / "own", people=people, places='["LOC"]')
    with pytest.raises(ScriptError, match=message):
        convert(name, tmp_path / "out", assets=tmp_path, text=sample_text)
    assert not (tmp_path / "out").exists()


def test_label_sets_of_spacy_files(tmp_path, sample_text):
    nlp = spacy.blank("en")
    (tmp_path / "own").mkdir()
    for part in PARTS:
        doc = nlp.make_doc(f"Mara{part} sings")
        doc.ents = [Span(doc, 0, 1, "PER")]
        doc.user_data = {LABEL_SET: ["PER"], "other": "x"}
        DocBin(store_user_data=True, docs=[doc]).to_disk(
            tmp_path / "own" / f"{part}.spacy"
        )
    # A doc's own label set goes before that of its folder.
    (tmp_path / "own" / "labels.json").write_text('["PER", "LOC"]')
    own = str(tmp_path / "own")
    convert(own, tmp_path / "out", assets=tmp_path, text=sample_text)
    (doc,) = load(tmp_path / "out", "train")
    assert doc.user_data == {LABEL_SET: ("PER",)}
    doc.user_data[LABEL_SET] = "PER"
    DocBin(store_user_data=True, docs=[doc]).to_disk(tmp_path / "own" / "dev.spacy")
    with pytest.raises(ScriptError) as caught:
        convert(own, tmp_path / "out", assets=tmp_path, text=sample_text)
    assert "dev part of 'own'" in caught.value.title and "[E200]" in caught.value.hint


def test_open_is_verified(tmp_path, sample_text):
    folder = tmp_path / "ner"
    with pytest.raises(ScriptError, match=r"\[E143\].*SHA256SUMS"):
        read_open(folder)
    shutil.copytree(ROOT / "assets" / "ner", folder)
    (folder / "redocred" / "dev.iob2.bz2").write_bytes(b"another file")
    with pytest.raises(
        ScriptError, match=r"\[E143\].*redocred/dev\.iob2\.bz2.*SHA-256"
    ):
        read_open(folder)
    (folder / "redocred" / "dev.iob2.bz2").unlink()
    with pytest.raises(
        ScriptError, match=r"\[E143\].*redocred/dev\.iob2\.bz2.*no such file"
    ):
        read_open(folder)
    with pytest.raises(ScriptError, match=r"\[E145\].*'de'"):
        convert("open", tmp_path, assets=ROOT / "assets", text=sample_text, lang="de")


FORMS = {  # A part of a corpus as columns, and as the Docs of a .spacy file.
    "train": "Mara\tB-PER\nsings\tO\n\nOslo\tB-LOC\nsleeps\tO\n",
    "dev": "Ada\tB-PER\nsings\tO\n",
    "test": "Bergen\tB-LOC\nsleeps\tO\n",
}


def write_own(folder, **parts):
    folder.mkdir(exist_ok=True)
    for part, text in {**FORMS, **parts}.items():
        if text is not None:
            (folder / f"{part}.iob2").write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    "parts, message",
    [
        ({"dev": "Ada\tB-PERSON\n"}, r"\[E140\] The dev part.* PERSON \(1\)\."),
        ({"test": "a\tB-PER\n\nb\tB-DATE\n"}, r"\[E140\] The test part.* DATE \(1\)\."),
        ({"train": "a\tB-PER\n"}, r"\[E140\] The test part.* LOC \(1\)\."),
        ({"dev": None, "test": None}, r"\[E141\].*ldnet corpus \S*own/train\.iob2 OUT"),
        ({"train": "Mara\tX-PER\n"}, r"train\.iob2 cannot be read\n\[E028\].*line 1"),
        ({"dev": None}, r"\[E207\].* no file for its dev part.*ldnet corpus"),
        ({"dev": ""}, r"\[E142\] The dev part is empty.*no tokens"),
        ({"dev": "\n\n"}, r"\[E142\] The dev part is empty.*no tokens"),
        ({"test": "a\tO\n"}, r"\[E142\] The test part is empty.*no entities"),
    ],
)
def test_parts_that_cannot_be_trained_on(tmp_path, sample_text, parts, message):
    name = write_own(tmp_path / "own", **parts)
    with pytest.raises(ScriptError, match=message):
        convert(name, tmp_path / "out", assets=tmp_path, text=sample_text)
    assert not (tmp_path / "out" / "train.spacy").exists()


def test_empty_spacy_file(tmp_path, sample_text):
    name = write_own(tmp_path / "own", dev=None)
    DocBin().to_disk(tmp_path / "own" / "dev.spacy")
    with pytest.raises(ScriptError, match=r"\[E142\] The dev part is empty.*no tokens"):
        convert(name, tmp_path / "out", assets=tmp_path, text=sample_text)


def test_one_file_is_split_by_the_command_of_its_error(tmp_path, sample_text):
    labels = tmp_path / "labels.conll"
    labels.write_text("".join(f"word{i}\tO\nMara\tB-PER\n\n" for i in range(95)))
    with pytest.raises(ScriptError, match=r"\[E141\].*ldnet corpus") as caught:
        convert(str(labels), tmp_path, assets=tmp_path, text=sample_text)
    command = re.search(r"spacy (ldnet corpus \S+) OUT", caught.value.title).group(1)
    done = CliRunner().invoke(app, [*command.split(), str(tmp_path / "parts")])
    assert done.exit_code == 0, done.output
    convert(
        str(tmp_path / "parts"), tmp_path / "out", assets=tmp_path, text=sample_text
    )
    assert (tmp_path / "out" / "tests" / "parts.spacy").is_file()


def test_overlapping_parts_are_counted(tmp_path, sample_text, capsys):
    parts = {
        "train": "Mara\tB-PER\n\nOslo\tB-LOC\n\nMara\tB-PER\n\na\tO\n",
        "dev": "Mara\tB-PER\n\na\tO\n",
        "test": "Oslo\tB-LOC\n\na\tO\n",
    }
    name = write_own(tmp_path / "own", **parts)
    convert(name, tmp_path / "out", assets=tmp_path, text=sample_text)
    output = " ".join(capsys.readouterr().out.split())
    assert "[W060] 4 sentences of the train part" in output
    assert (
        "[W060] 1 sentences of the dev part" in output and "are also in test" in output
    )
    convert(
        write_own(tmp_path / "own"), tmp_path / "out", assets=tmp_path, text=sample_text
    )
    assert "W060" not in capsys.readouterr().out


GERMAN = [
    "Das Haus am Hafen steht seit vielen Jahren leer, und niemand weiß, wem es gehört.",
    "Am Morgen ging sie mit ihrem Bruder auf den Markt und kaufte Brot für die Woche.",
]


@pytest.mark.parametrize(
    "lang, lines, warned",
    [
        ("en", GERMAN, True),
        ("de", GERMAN, False),
        ("en", ["The house by the harbour has been empty for years."], False),
        ("nn", GERMAN, False),  # spaCy has no stop words of it
        ("en", ["1984", "..."], False),
    ],
)
def test_text_of_another_language(lang, lines, warned, capsys):
    warn_of_language(lines, lang)
    assert ("[W061]" in capsys.readouterr().out) == warned


def test_limits_choose_from_every_set(sample_gold, sample_text, tmp_path):
    limits = {"train": 12, "dev": 0, "test": 1}
    convert(
        str(sample_gold),
        tmp_path,
        assets=tmp_path,
        text=sample_text,
        group=1,
        limits=limits,
    )
    assert [len(load(tmp_path, part)) for part in PARTS] == [12, 12, 1]
    all_of_them = {"a": load(tmp_path, "train"), "b": load(tmp_path, "dev")}
    chosen = limit(all_of_them, 8)
    assert sum(map(len, chosen.values())) == 8 and set(chosen) == {"a", "b"}
    assert limit(all_of_them, 0) == all_of_them


@pytest.mark.parametrize("lang, code", [("en", "W061"), ("de", "")])
def test_the_step_warns_of_text_of_another_language(tmp_path, lang, code):
    (tmp_path / "text").mkdir()
    for number in range(4):
        (tmp_path / "text" / f"{number}.txt").write_text("\n".join(GERMAN), "utf-8")
    name = write_own(tmp_path / "own")
    script = typer.Typer()
    script.command()(corpus.main)
    args = [name, str(tmp_path / "out"), "--text", str(tmp_path / "text")]
    result = CliRunner().invoke(script, [*args, "--lang", lang])
    assert result.exit_code == 0
    assert code in result.output and ("W061" in result.output) == bool(code)


def test_parts_without_entities_are_named(capsys):
    # A teacher may find none.
    counts = {"documents": 1, "paragraphs": 1, "sentences": 1, "tokens": 9}
    print_counts({part: {**counts, "entities": {}} for part in PARTS[:2]})
    found = " ".join(capsys.readouterr().out.split())
    assert "no entities in train" in found and "no entities in dev" in found


def test_a_small_run_reads_a_part_of_the_text(tmp_path, sample_text):
    read = {}
    for number in (0, 5):
        out = tmp_path / str(number)
        gold, limits = str(ROOT / "assets" / "sample_gold"), {"max_documents": number}
        convert(gold, out, assets=tmp_path, text=sample_text, **limits)
        lines = [
            (out / f"lm_{part}.txt").read_text().splitlines()
            for part in ("train", "dev")
        ]
        read[number] = {*lines[0], *lines[1]}
    assert read[5] < read[0] and len(read[5]) < 0.6 * len(read[0])
