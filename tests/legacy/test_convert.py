"""The authors' checkpoints give, in spaCy, what the authors' code gives."""

import gzip
import json
from pathlib import Path

import numpy
import pytest
import spacy
from authors import SENTENCES, TAGS, Authors, make_maps
from converting import check, emissions, make_docs
from spacy.tokens import Doc

from spacy_ldnet.cli.convert import convert
from spacy_ldnet.describe import describe

OFFICIAL = Path(__file__).parents[3] / "shared" / "official"
CASES = {
    "pruned": {},
    "gates": {"gates": ([1.0, 0.0], [0.3, 1.0])},
    "fractional": {"layers": (3, 2), "gates": ([0.5, 0.25, 1.0], None)},
    "one direction without layers": {"layers": (2, 0)},
    "no layers": {"layers": (0, 0)},
    "no language model": {"layers": None},
    "gru": {"unit": "gru"},
    "rnn": {"unit": "rnn"},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_layout_gives_the_authors_result(tmp_path, case, seed):
    authors = Authors(seed=seed, **CASES[case])
    convert(authors.save(tmp_path / "a.th"), tmp_path / "nlp")
    check(spacy.load(tmp_path / "nlp"), authors)


def test_maps_from_the_dataset_and_pruning_on_the_way(tmp_path):
    authors = Authors(gates=([1.0, 0.0], [0.0, 0.5]))
    path = authors.save(tmp_path / "a.th", maps=False, config=False)
    maps = authors.save_maps(tmp_path / "data.pk")
    convert(path, tmp_path / "nlp", maps=maps, prune=True)
    nlp = spacy.load(tmp_path / "nlp")
    check(nlp, authors)
    facts = describe(nlp)
    assert facts["layers_fwd"] == facts["layers_bwd"] == 1
    assert facts["gates"] == {"forward": [1.0], "backward": [1.0]}


def test_pruning_that_deletes_nothing_is_said(tmp_path, capsys):
    for gates, said in (
        (([1.0, 0.5], [0.3, 1.0]), True),
        (([1.0, 0.0], [1.0, 1.0]), False),
    ):
        path = Authors(gates=gates).save(tmp_path / "a.th")
        convert(path, tmp_path / str(said), prune=True)
        assert ("No layer was deleted" in capsys.readouterr().out) == said


def test_chunks_and_tags_that_were_never_seen(tmp_path):
    tags = ["O", "B-NP", "I-NP", "S-VP"]
    authors = Authors(maps=make_maps(tags))
    convert(authors.save(tmp_path / "a.th"), tmp_path / "nlp")
    nlp = spacy.load(tmp_path / "nlp")
    assert nlp.pipe_names == ["chunker"] and nlp.get_pipe("chunker").labels == (
        "NP",
        "VP",
    )
    for doc, words in zip(nlp.pipe(make_docs(nlp, SENTENCES)), SENTENCES):
        found = [(s.label_, s.start, s.end) for s in doc.spans["chunks"]]
        assert found == authors.spans(words)


def test_sentences_of_a_doc_are_read_on_their_own(tmp_path):
    authors = Authors()
    convert(authors.save(tmp_path / "a.th"), tmp_path / "nlp")
    nlp = spacy.load(tmp_path / "nlp")
    words = [word for sentence in SENTENCES for word in sentence]
    starts = [i == 0 for sentence in SENTENCES for i in range(len(sentence))]
    together = Doc(nlp.vocab, words=words, sent_starts=starts)
    (found,) = nlp.get_pipe("ner").model.predict([together])
    alone = nlp.get_pipe("ner").model.predict(make_docs(nlp, SENTENCES))
    numpy.testing.assert_allclose(found, numpy.concatenate(alone), atol=1e-5)
    assert spans_of(nlp(together)) == joined([authors.spans(s) for s in SENTENCES])


def joined(spans_of_sentences, sentences=SENTENCES):
    """The same spans in a doc of all sentences."""
    found, offset = [], 0
    for spans, words in zip(spans_of_sentences, sentences):
        found += [(label, a + offset, b + offset) for label, a, b in spans]
        offset += len(words)
    return found


def spans_of(doc):
    return [(ent.label_, ent.start, ent.end) for ent in doc.ents]


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the authors' outputs are not here")
@pytest.mark.parametrize(
    "name, expected",
    [
        ("ner_unpruned", "unpruned"),
        ("ner_zeros", "pruned"),
        ("pner_pruned", "pruned"),
        ("pner_bw0", "bw0"),
    ],
)
def test_golden_outputs(tmp_path, name, expected):
    maps = OFFICIAL / "ner_dataset.pk"
    convert(OFFICIAL / f"{name}.th", tmp_path / "nlp", maps=maps)
    nlp = spacy.load(tmp_path / "nlp")
    with gzip.open(OFFICIAL / f"expected_{expected}.json.gz") as file:
        golden = json.load(file)
    transitions = numpy.array(golden["transitions"])
    crf = nlp.get_pipe("ner").model.shims[0].module
    for sentence in golden["sentences"]:
        found = emissions(nlp, sentence["tokens"], golden["id_to_tag"])
        wanted = numpy.array(sentence["bs1"]["emissions"])[:-1]
        numpy.testing.assert_allclose(found, wanted, atol=1e-4, rtol=0)
        if "potentials" in sentence["bs1"]:
            potentials = found[:, None, :] + transitions
            wanted = numpy.array(sentence["bs1"]["potentials"])[:-1]
            numpy.testing.assert_allclose(potentials, wanted, atol=1e-4, rtol=0)
    assert crf.n_tags == len(golden["id_to_tag"])
    sentences = golden["sentences"]
    for size in (1, 10, 50):
        docs = make_docs(nlp, [s["tokens"] for s in sentences])
        for doc, sentence in zip(nlp.pipe(docs, batch_size=size), sentences):
            found = [[e.label_, e.start, e.end] for e in doc.ents]
            assert found == sentence["bs1"]["spans"]
    texts = [s["tokens"] for s in sentences]
    words = [word for text in texts for word in text]
    starts = [i == 0 for text in texts for i in range(len(text))]
    whole = nlp(Doc(nlp.vocab, words=words, sent_starts=starts))
    assert spans_of(whole) == joined([s["bs1"]["spans"] for s in sentences], texts)


def test_the_reference_knows_illegal_tags():
    """The reading of tags that the format's description gives as an example."""
    authors = Authors()
    authors.tags = lambda words: ["I-X", "E-Y", "O", "B-X", "I-X", "S-X"]
    assert authors.spans(range(6)) == [
        ("X", 0, 1),
        ("Y", 1, 2),
        ("X", 3, 5),
        ("X", 5, 6),
    ]
    assert set(TAGS) > {"O"}
