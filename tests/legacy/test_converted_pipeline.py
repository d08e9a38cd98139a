"""A converted pipeline is trained, pruned, saved, evaluated and packaged as any other."""

import numpy
import pytest
import spacy
from authors import SENTENCES, Authors
from converting import check, make_docs
from spacy.cli._util import app
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_ldnet.cli.convert import convert
from spacy_ldnet.describe import describe
from spacy_ldnet.pruning import create_gate_penalty_v1, prune_saved_pipeline


def test_converted_pipeline_is_pruned_gated_and_packaged_like_any_other(tmp_path):
    authors = Authors(gates=([1.0, 0.0], [0.0, 0.5]))
    convert(authors.save(tmp_path / "a.th"), tmp_path / "nlp")
    report = prune_saved_pipeline(tmp_path / "nlp", tmp_path / "pruned")
    assert report.change < 1e-5
    nlp = spacy.load(tmp_path / "pruned")
    check(nlp, authors)
    # Its encoder stands inside the head.
    settings = {"weight": 1.0, "max_layers": 1, "learn_rate": 0.2}
    penalty = create_gate_penalty_v1(component="ner", **settings)
    docs = make_docs(nlp, SENTENCES)
    for doc in docs:
        doc.set_ents([], default="outside")
    examples = [spacy.training.Example(d.copy(), d) for d in docs]
    optimizer = nlp.resume_training()
    for step in range(30):
        penalty(nlp, {"step": step})
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(tmp_path / "gated")
    assert nlp.get_pipe("ner").score(examples)["ldnet_budget"] == 1.0
    prune_saved_pipeline(tmp_path / "gated", tmp_path / "one")
    facts = describe(spacy.load(tmp_path / "one"))
    assert facts["layers_fwd"] + facts["layers_bwd"] == 1
    (tmp_path / "packages").mkdir()
    options = ["--name", "conll", "--version", "1.0.0", "--build", "none"]
    arguments = ["package", str(tmp_path / "one"), str(tmp_path / "packages"), *options]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    packed = tmp_path / "packages" / "en_conll-1.0.0" / "en_conll" / "en_conll-1.0.0"
    assert len(spacy.load(packed)("Ada lived.")) == 3


def test_converted_pipeline_is_trained_saved_and_evaluated(tmp_path):
    authors = Authors()
    convert(authors.save(tmp_path / "a.th"), tmp_path / "nlp", sentences=True)
    nlp = spacy.load(tmp_path / "nlp")
    assert nlp.pipe_names == ["sentencizer", "ner"]
    assert nlp.config["training"]["dropout"] == 0.4
    docs = make_docs(nlp, SENTENCES)
    for doc in docs:
        doc.set_ents([doc[0:1]] if len(doc) == 1 else [], default="outside")
        for ent in doc.ents:
            ent.label_ = "LOC"
    DocBin(docs=docs).to_disk(tmp_path / "gold.spacy")
    examples = [spacy.training.Example(nlp.make_doc(d.text), d) for d in docs]
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    losses = []
    for _ in range(30):
        losses.append(nlp.update(examples, sgd=optimizer)["ner"])
    assert losses[-1] < losses[0] / 2
    expected = [nlp(doc.text).to_json()["ents"] for doc in docs]
    nlp.to_disk(tmp_path / "tuned")
    again = spacy.load(tmp_path / "tuned")
    assert [again(doc.text).to_json()["ents"] for doc in docs] == expected
    with pytest.raises(ValueError, match="E033.*'ner'"):
        again.get_pipe("ner").add_label("NEW")
    arguments = ["evaluate", tmp_path / "tuned", tmp_path / "gold.spacy"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0 and "NER F" in result.output


def test_converted_pipeline_reads_docs_of_another_vocab(tmp_path):
    authors = Authors()
    convert(authors.save(tmp_path / "a.th"), tmp_path / "nlp")
    nlp = spacy.load(tmp_path / "nlp")
    found = [(d.ents, authors.spans(w)) for d, w in zip(_of_others(nlp), SENTENCES)]
    assert any(spans for _, spans in found)
    for ents, spans in found:
        assert [(e.label_, e.start, e.end) for e in ents] == spans


def _of_others(nlp):
    """Each with a bare vocab of its own, which knows no lower case; behind one of ours."""
    docs = [Doc(nlp.vocab, words=["x"]), *(Doc(Vocab(), words=w) for w in SENTENCES)]
    return list(nlp.pipe(docs))[1:]


def test_what_a_converted_pipeline_reads_has_its_width(tmp_path):
    convert(Authors().save(tmp_path / "a.th"), tmp_path / "nlp")
    nlp = spacy.load(tmp_path / "nlp")
    tok2vec = nlp.get_pipe("ner").model.get_ref("tok2vec")
    width = tok2vec.layers[0].get_dim("nO")
    tok2vec.layers[0] = Tok2VecListener("*", width)
    doc = Doc(nlp.vocab, words=SENTENCES[0])
    for shape in ((len(doc) + 1, width - 1), (len(doc) + 1, width + 1)):
        doc.tensor = numpy.zeros(shape, dtype="float32")
        with pytest.raises(ValueError, match=f"E110.*{width}.*{shape[1]}"):
            nlp.get_pipe("ner")(doc)
    # One row a token, where the network needs one more for each sentence.
    doc.tensor = numpy.zeros((len(doc), width), dtype="float32")
    with pytest.raises(ValueError, match="E111"):
        nlp.get_pipe("ner")(doc)
