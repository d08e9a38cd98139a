"""Gold sentences become Docs of running text."""

from corpora.docs import make_docs
from spacy.vocab import Vocab

from spacy_ldnet.labelled.columns import Scheme, read_columns


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
