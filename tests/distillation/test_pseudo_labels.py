"""The texts that a teacher is given."""

import json

import pytest
import spacy

from spacy_ldnet.distillation.pseudo_labels import choose_texts


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def write_texts(folder):
    folder.mkdir()
    lines = [f"Text {i} is here. It has two sentences." for i in range(30)]
    (folder / "a.txt").write_text("\n".join([*lines, "", lines[0], "  Held out.  "]))
    records = [{"text": f"Number {i}."} for i in range(10)]
    (folder / "b.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return lines + [record["text"] for record in records]


def test_random_texts_until_there_are_enough_sentences(nlp, tmp_path):
    texts = write_texts(tmp_path / "texts")
    held = {"Held out."}
    choose = [
        choose_texts(tmp_path / "texts", nlp, n, without=held) for n in (1, 9, 20, 500)
    ]
    few, more, many, all_random = choose
    # A smaller number is the beginning of a larger one, and no text is there twice.
    assert few == more[: len(few)] and more == many[: len(more)]
    assert sorted(all_random) == sorted(texts) and all_random != texts
    for chosen, wanted in ((few, 1), (more, 9), (many, 20)):
        counts = [2 if text.startswith("Text") else 1 for text in chosen]
        assert sum(counts) >= wanted > sum(counts[:-1])
    other = choose_texts(tmp_path / "texts", nlp, 9, seed=1, without=held)
    assert other != more
    assert choose_texts(tmp_path / "texts", nlp, 0, without=held) == texts


def test_a_text_without_anything_to_label(nlp, tmp_path):
    (tmp_path / "a.txt").write_text("Held out.\n\n")
    for path, held in ((tmp_path / "a.txt", {"Held out."}), (tmp_path / "no", set())):
        with pytest.raises(ValueError, match="E187"):
            choose_texts(path, nlp, 5, without=held)
