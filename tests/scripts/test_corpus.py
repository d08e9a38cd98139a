"""Every corpus in one form."""

import json

import pytest
import spacy
from _common import ScriptError
from _corpora import GOLD
from _gold import read_gold, split_wikigold
from annotate import annotate
from corpus import convert, pass_on
from spacy.tokens import DocBin

from spacy_ldnet.columns import read_columns
from spacy_ldnet.util import list_files

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


def test_errors(sample_gold, sample_text, tmp_path):
    with pytest.raises(ScriptError, match="No raw text"):
        convert(str(sample_gold), tmp_path, assets=tmp_path, text=None)
    with pytest.raises(ScriptError, match="No corpus"):
        convert("bogus", tmp_path, assets=tmp_path, text=sample_text)
    own = tmp_path / "own"
    own.mkdir()
    (own / "train.iob").write_text("a O\n")
    (own / "dev.spacy").write_bytes(b"nothing of the kind")
    (own / "test.iob").write_text("Mara B-PER\n")
    with pytest.raises(ScriptError, match="holds no entities"):
        convert(str(own), tmp_path, assets=tmp_path, text=sample_text)
    (own / "train.iob").write_text("Mara B-PER\n")
    with pytest.raises(ScriptError, match=r"dev\.spacy is no \.spacy file"):
        convert(str(own), tmp_path, assets=tmp_path, text=sample_text)
    (own / "dev.iob").write_text("Mara B-PER\n")
    with pytest.raises(ScriptError, match="several files for dev"):
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
