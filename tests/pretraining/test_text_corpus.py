import numpy
import pytest
import spacy
from spacy.training.corpus import PlainTextCorpus

from spacy_ldnet.pretraining.corpus import DEV_FILE, TRAIN_FILE, open_tokens
from spacy_ldnet.pretraining.prepare import prepare_corpus
from spacy_ldnet.pretraining.settings import PretrainingSettings
from spacy_ldnet.vocabulary import EOS_ROW, UNK_ROW, read_vocabulary, word_rows

SETTINGS = PretrainingSettings()
nlp = spacy.blank("en")


def prepare(path, readers, **settings):
    return prepare_corpus(path, nlp, readers, PretrainingSettings(**settings))


def make_readers(tmp_path, train, dev):
    readers = {}
    for name, text in (("corpora.train", train), ("corpora.dev", dev)):
        path = tmp_path / f"{name}.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf8"))
        readers[name] = PlainTextCorpus(path)
    return readers


def test_rows_are_the_words_by_frequency(tmp_path):
    readers = make_readers(tmp_path, "b a b\n\n \nB b a c\n", "a <unk> d\n")
    corpus = prepare(tmp_path / "out", readers, min_freq=1)
    assert corpus.words == ["b", "a", "B", "c"]
    assert read_vocabulary(corpus.path) == corpus.words
    train = open_tokens(corpus.path / TRAIN_FILE).tolist()
    assert train == [EOS_ROW, 2, 3, 2, EOS_ROW, 4, 2, 3, 5]
    dev = open_tokens(corpus.path / DEV_FILE).tolist()
    assert dev[:2] == [EOS_ROW, 3] and set(dev[2:]) == {UNK_ROW}
    assert (corpus.train.sequences, corpus.train.words) == (2, 7)
    assert corpus.dev.unknown == len(dev) - 2


def test_a_word_spelled_like_a_symbol_has_its_own_row(tmp_path):
    rows = word_rows(["</s>", "<unk>"])
    assert not {UNK_ROW, EOS_ROW} & set(rows.values())


def test_min_freq_and_max_size(tmp_path):
    readers = make_readers(tmp_path, "a a a b b c\n", "a\n")
    assert prepare(tmp_path / "1", readers, min_freq=2).words == ["a", "b"]
    assert prepare(tmp_path / "2", readers, min_freq=1, max_size=2).words == ["a", "b"]


def test_tokens_are_mapped_and_no_part_is_left(tmp_path, readers):
    corpus = prepare(tmp_path / "out", readers)
    assert isinstance(open_tokens(corpus.path / TRAIN_FILE), numpy.memmap)
    assert not list(corpus.path.glob("*.part"))


def test_a_second_run_reads_no_text(tmp_path, readers, monkeypatch):
    first = prepare(tmp_path / "out", readers)
    assert not first.reused
    monkeypatch.setattr(PlainTextCorpus, "__call__", None)
    second = prepare(tmp_path / "out", readers)
    assert second.reused
    assert second.words == first.words and second.train == first.train


@pytest.mark.parametrize("change", ["text", "settings", "tokenizer", "damage"])
def test_a_changed_input_is_noticed(tmp_path, readers, texts, change):
    corpus = prepare(tmp_path / "out", readers)
    other, settings = nlp, SETTINGS
    if change == "text":
        with texts[0].open("a", encoding="utf8") as file:
            file.write("One more line .\n")
    elif change == "settings":
        settings = PretrainingSettings(min_freq=1)
    elif change == "tokenizer":
        other = spacy.blank("de")
    else:
        (corpus.path / TRAIN_FILE).write_bytes(b"1234")
    assert not prepare_corpus(tmp_path / "out", other, readers, settings).reused


def test_missing_text(tmp_path, readers):
    readers["corpora.dev"] = PlainTextCorpus(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match=r"E040.*nowhere.txt.*corpora.dev"):
        prepare(tmp_path / "out", readers)
    readers["corpora.dev"] = PlainTextCorpus(None)
    with pytest.raises(ValueError, match="E040"):
        prepare(tmp_path / "out", readers)


def test_line_that_is_not_utf8(tmp_path):
    readers = make_readers(tmp_path, b"a b\nc \xff d\n", "a\n")
    with pytest.raises(ValueError, match=r"E041.*corpora.train.txt', line 2"):
        prepare(tmp_path / "out", readers)


def test_empty_text_and_small_vocabulary(tmp_path):
    with pytest.raises(ValueError, match=r"E042.*corpora.train"):
        prepare(tmp_path / "1", make_readers(tmp_path, "\n \n", "a\n"))
    with pytest.raises(ValueError, match=r"E042.*corpora.dev"):
        prepare(tmp_path / "2", make_readers(tmp_path, "a a b b\n", "\n"))
    with pytest.raises(ValueError, match=r"E043.*min_freq \(now 2\)"):
        prepare(tmp_path / "3", make_readers(tmp_path, "a b c c\n", "a\n"))


def test_failed_run_leaves_no_manifest(tmp_path):
    readers = make_readers(tmp_path, "a a b b\n", "\n")
    with pytest.raises(ValueError):
        prepare(tmp_path / "out", readers)
    assert not (tmp_path / "out" / "manifest.json").exists()
