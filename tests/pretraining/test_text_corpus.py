"""Two texts and their vocabulary as a corpus on disk."""

from collections import Counter

import numpy
import pytest
import spacy
import srsly
from lm_corpora import make_readers, prepare, read_stream
from spacy.training.corpus import JsonlCorpus, PlainTextCorpus

from spacy_ldnet.lm_directory import EOS_ROW, UNK_ROW, read_vocabulary, word_rows
from spacy_ldnet.pretraining.config import PretrainingSettings
from spacy_ldnet.pretraining.corpus import open_stream, prepare_corpus, text_file
from spacy_ldnet.pretraining.readers import read_docs

nlp = spacy.blank("en")


def test_rows_are_the_words_by_frequency(tmp_path):
    readers = make_readers(tmp_path, "b a b\n\n \nB b a c\n", "a <unk> d\n")
    corpus = prepare(tmp_path / "out", readers, min_freq=1)
    assert corpus.words == ["b", "a", "B", "c"]
    assert read_vocabulary(corpus.path) == corpus.words
    train = read_stream(corpus, "train")
    assert train == [EOS_ROW, 2, 3, 2, EOS_ROW, 4, 2, 3, 5]
    assert read_stream(corpus, "train", "backward") == train[:1] + train[:0:-1]
    dev = read_stream(corpus, "dev")
    assert dev[:2] == [EOS_ROW, 3] and set(dev[2:]) == {UNK_ROW}
    assert (corpus.train.sequences, corpus.train.words) == (2, 7)
    assert corpus.dev.unknown == len(dev) - 2


@pytest.mark.parametrize(
    "line, reason",
    [
        ('"a bare string"', "no JSON object"),
        ("[1]", "no JSON object"),
        ("7", "no JSON object"),
        ('{"texts": "x"}', "no string under the key 'text'"),
        ('{"text": null}', "no string under the key 'text'"),
        ("{half", "is not JSON"),
    ],
)
def test_lines_that_spacys_reader_cannot_take(tmp_path, line, reason):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\n\n' + line + "\n")
    error = f"E128.*corpora.x.*a.jsonl', line 3.*{reason}"
    with pytest.raises(ValueError, match=error):
        list(read_docs(JsonlCorpus(path), nlp, "corpora.x"))


def test_a_word_spelled_like_a_symbol_has_its_own_row():
    rows = word_rows(["</s>", "<unk>"])
    assert not {UNK_ROW, EOS_ROW} & set(rows.values())


def test_min_freq_and_max_size(tmp_path):
    readers = make_readers(tmp_path, "a a a b b c\n", "a\n")
    assert prepare(tmp_path / "out", readers, min_freq=2).words == ["a", "b"]
    corpus = prepare(tmp_path / "out", readers, min_freq=1)
    # Chosen anew, but not tokenised anew.
    assert corpus.words == ["a", "b", "c"] and corpus.reused
    corpus = prepare(tmp_path / "out", readers, min_freq=1, max_size=2)
    assert corpus.words == ["a", "b"] and corpus.reused
    assert corpus.train.unknown == 1
    assert read_stream(corpus, "train") == [EOS_ROW, 2, 2, 2, 3, 3, UNK_ROW]


def test_vocabulary_is_that_of_a_slow_count(tmp_path, text_folder):
    readers = make_readers(tmp_path, text_folder, "a\n")
    corpus = prepare(tmp_path / "out", readers, chunk_size=300, min_freq=2)
    counts = Counter(
        token.text
        for path in sorted(text_folder.iterdir())
        for line in path.read_text("utf8").split("\n")
        for token in nlp(line)
    )
    kept = [word for word, count in counts.items() if count >= 2]
    assert corpus.words == sorted(kept, key=lambda word: (-counts[word], word))
    assert corpus.train.words == sum(counts.values())
    assert corpus.train.unknown == sum(c for c in counts.values() if c < 2) > 0


def test_rows_are_those_of_a_slow_reading(tmp_path, text_folder):
    readers = make_readers(tmp_path, text_folder, "a\n")
    corpus = prepare(tmp_path / "out", readers, chunk_size=300)
    rows = word_rows(corpus.words)
    expected = []
    for path in sorted(text_folder.iterdir()):
        for line in filter(None, path.read_text("utf8").split("\n")):
            words = [token.text for token in nlp(line)]
            expected += [EOS_ROW, *(rows.get(word, UNK_ROW) for word in words)]
    assert read_stream(corpus, "train") == expected
    assert len(srsly.read_json(corpus.path / "manifest.json")["shards"]["train"]) > 3


@pytest.mark.parametrize("extend", [False, True])
def test_words_of_an_existing_model_keep_their_rows(tmp_path, extend):
    readers = make_readers(tmp_path, "b b b c c d x\n", "b a\n")
    base = ["a", "d"]
    corpus = prepare(
        tmp_path / "out", readers, base_words=base, extend_vocabulary=extend
    )
    assert corpus.words == (["a", "d", "b", "c"] if extend else base)
    b, c = (4, 5) if extend else (UNK_ROW, UNK_ROW)
    found = read_stream(corpus, "train")
    assert found == [EOS_ROW, b, b, b, c, c, 3, UNK_ROW]
    small = prepare(
        tmp_path / "out",
        readers,
        base_words=base,
        extend_vocabulary=extend,
        max_size=3,
    )
    assert small.reused and small.words == (["a", "d", "b"] if extend else base)
    assert prepare(tmp_path / "out", readers).words == ["b", "c"]


def test_a_second_run_reads_no_text(tmp_path, readers, monkeypatch):
    first = prepare(tmp_path / "out", readers)
    assert not first.reused
    monkeypatch.setattr(PlainTextCorpus, "__call__", None)
    second = prepare(tmp_path / "out", readers)
    assert second.reused
    assert second.words == first.words and second.train == first.train


@pytest.mark.parametrize("change", ["text", "tokenizer", "damage"])
def test_a_changed_input_of_any_reader_is_noticed(tmp_path, readers, texts, change):
    corpus = prepare(tmp_path / "out", readers)
    other = nlp
    if change == "text":
        with texts[0].open("a", encoding="utf8") as file:
            file.write("One more line .\n")
    elif change == "tokenizer":
        other = spacy.blank("de")
    else:
        for path in (corpus.path / "shards").glob("*.int32"):
            path.write_bytes(b"1234")
    settings = PretrainingSettings()
    assert not prepare_corpus(tmp_path / "out", other, readers, settings).reused


def test_damaged_rows_are_made_again(tmp_path):
    readers = make_readers(tmp_path, "a a b b\n", "a\n")
    corpus = prepare(tmp_path / "out", readers)
    before = read_stream(corpus, "train")
    text_file(corpus.path, "train").write_bytes(b"1234")
    again = prepare(tmp_path / "out", readers)
    assert again.reused and read_stream(again, "train") == before
    text_file(corpus.path, "train").unlink()
    with pytest.raises(ValueError, match=r"E065.*train.int32"):
        read_stream(corpus, "train")


def test_any_reader_in_several_shards(tmp_path, readers, monkeypatch):
    whole = prepare(tmp_path / "1", readers)
    monkeypatch.setattr("spacy_ldnet.pretraining.tokenised.SHARD_WORDS", 500)
    cut = prepare(tmp_path / "2", readers)
    assert len(list((cut.path / "shards").glob("*.int32"))) > 4
    assert read_stream(cut, "train") == read_stream(whole, "train")
    assert prepare(tmp_path / "2", readers).reused


def test_missing_text(tmp_path, readers):
    readers["corpora.dev"] = PlainTextCorpus(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match=r"E040.*nowhere.txt.*corpora.dev"):
        prepare(tmp_path / "out", readers)
    readers["corpora.dev"] = PlainTextCorpus(None)
    with pytest.raises(ValueError, match="E040"):
        prepare(tmp_path / "out", readers)


def test_line_that_is_not_utf8_in_any_reader(tmp_path, readers, texts):
    texts[0].write_bytes(b"a b\nc \xff d\n")
    with pytest.raises(ValueError, match=r"E041.*train.txt', line 2"):
        prepare(tmp_path / "out", readers)


@pytest.mark.filterwarnings("ignore:.*W041")
def test_empty_text_and_small_vocabulary(tmp_path):
    with pytest.raises(ValueError, match=r"E042.*corpora.train"):
        prepare(tmp_path / "1", make_readers(tmp_path, "\n \n", "a\n"))
    with pytest.raises(ValueError, match=r"E042.*corpora.dev"):
        prepare(tmp_path / "2", make_readers(tmp_path, "a a b b\n", "\n"))
    with pytest.raises(ValueError, match=r"E043.*min_freq \(now 2\)"):
        prepare(tmp_path / "3", make_readers(tmp_path, "a b c c\n", "a\n"))
    for number in "123":
        assert not (tmp_path / number / "manifest.json").exists()


def test_any_places_at_once(tmp_path):
    # Places far apart, in no order, several times, and beyond both ends of the ring.
    lines = "".join(f"w{i} w{i}\n" for i in range(100))
    readers = make_readers(tmp_path, lines, "w1\n")
    corpus = prepare(tmp_path / "out", readers, chunk_size=64)
    everything = numpy.array(read_stream(corpus, "train"))
    stream = open_stream(corpus.path, "train", "forward")
    shards = srsly.read_json(corpus.path / "manifest.json")["shards"]["train"]
    assert len(stream) == 300 and len(shards) > 10
    places = numpy.random.default_rng(0).integers(-900, 900, size=(7, 30))
    assert (stream[places] == everything[places % len(stream)]).all()


def test_nothing_is_read_before_it_is_needed(tmp_path):
    readers = make_readers(tmp_path, "a a b b\n", "a\n")
    corpus = prepare(tmp_path / "out", readers)
    tokens = open_stream(corpus.path, "train", "forward").tokens
    assert type(tokens) is numpy.ndarray and isinstance(tokens.base, numpy.memmap)
