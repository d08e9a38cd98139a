"""The authors' checkpoints give, in spaCy, what the authors' code gives."""

import gzip
import json
import pickle
from pathlib import Path

import numpy
import pytest
import spacy
import torch
from authors import SENTENCES, TAGS, Authors, make_maps
from spacy.cli._util import app
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.callbacks import create_gate_penalty_v1
from spacy_ldnet.cli._facts import describe
from spacy_ldnet.cli.convert import convert
from spacy_ldnet.cli.prune import prune
from spacy_ldnet.loaders import create_encoder_loader_v1
from spacy_ldnet.models.encoder import build_ldnet_encoder_v1
from spacy_ldnet.nn.iobes import TagScheme

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


def make_docs(nlp, sentences):
    return [Doc(nlp.vocab, words=words) for words in sentences]


def emissions(nlp, words, tags):
    """In the order of the authors' tags."""
    name = nlp.pipe_names[-1]
    ours = [*TagScheme(nlp.get_pipe(name).labels).tags, "<s>", "<eof>"]
    (found,) = nlp.get_pipe(name).model.predict(make_docs(nlp, [words]))
    return found[:, [ours.index(tag) for tag in tags]]


def check(nlp, authors):
    tags = sorted(authors.maps["y_map"], key=authors.maps["y_map"].__getitem__)
    for words in SENTENCES:
        expected = authors.emissions(words)[:-1].numpy()
        numpy.testing.assert_allclose(
            emissions(nlp, words, tags), expected, atol=1e-4, rtol=0
        )
    expected = [authors.spans(words) for words in SENTENCES]
    assert any(expected)
    for size in (1, 2, 50):
        docs = nlp.pipe(make_docs(nlp, SENTENCES), batch_size=size)
        found = [[(e.label_, e.start, e.end) for e in doc.ents] for doc in docs]
        assert found == expected


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


def test_converted_pipeline_is_pruned_gated_and_packaged_like_any_other(tmp_path):
    authors = Authors(gates=([1.0, 0.0], [0.0, 0.5]))
    convert(authors.save(tmp_path / "a.th"), tmp_path / "nlp")
    assert prune(tmp_path / "nlp", tmp_path / "pruned") < 1e-5
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
    prune(tmp_path / "gated", tmp_path / "one")
    facts = describe(spacy.load(tmp_path / "one"))
    assert facts["layers_fwd"] + facts["layers_bwd"] == 1
    (tmp_path / "packages").mkdir()
    options = ["--name", "conll", "--version", "1.0.0", "--build", "none"]
    arguments = ["package", str(tmp_path / "one"), str(tmp_path / "packages"), *options]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    packed = tmp_path / "packages" / "en_conll-1.0.0" / "en_conll" / "en_conll-1.0.0"
    assert len(spacy.load(packed)("Ada lived.")) == 3


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


class Hostile:
    def __reduce__(self):
        return (open, ("harmed", "w"))


def fails(*args):
    result = CliRunner().invoke(app, ["ldnet", "convert", *map(str, args)])
    assert result.exit_code == 1
    return " ".join(result.output.split())


def test_hostile_pickles_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    authors = Authors()
    torch.save(
        {"model": {"x": Hostile()}}, "bad.th", _use_new_zipfile_serialization=False
    )
    output = fails("bad.th", "out")
    assert "E071" in output and "open" in output and "bad.th" in output
    authors.save("good.th", maps=False)
    Path("bad.pk").write_bytes(pickle.dumps({"gw_map": Hostile()}))
    output = fails("good.th", "out", "--maps", "bad.pk")
    assert "E071" in output and "io.open" in output and "bad.pk" in output
    assert not Path("harmed").exists() and not Path("out").exists()


def test_numpy_arrays_are_admitted(tmp_path):
    authors = Authors()
    path = authors.save(tmp_path / "a.th", maps=False)
    data = {**authors.maps, "emb_array": numpy.ones((3, 2)), "n": numpy.int64(3)}
    for protocol in (2, 4):
        (tmp_path / "d.pk").write_bytes(pickle.dumps(data, protocol=protocol))
        convert(path, tmp_path / f"nlp{protocol}", maps=tmp_path / "d.pk")


def spoil(authors, what):
    if what == "missing":
        del authors.weights["char_seq.bias"]
    elif what == "shape":
        authors.weights["char_seq.bias"] = torch.zeros(9)
    elif what == "stranger":
        authors.weights["elmo.scalar"] = torch.zeros(1)
    elif what == "config":
        authors.ch += 1
    elif what == "tags":
        del authors.maps["y_map"]["S-LOC"]
    elif what == "symbol":
        del authors.maps["flm_map"]["\n"]
    elif what == "rows":
        authors.maps["gw_map"]["more"] = 99
    elif what == "map":
        authors.maps["c_map"] = [1, 2]


@pytest.mark.parametrize(
    "what, words",
    [
        ("missing", ("E072", "char_seq.bias", "nothing")),
        ("shape", ("E072", "char_seq.bias", "(5,)", "(9,)")),
        ("stranger", ("E075", "elmo.scalar")),
        ("config", ("E073", "char_hidden", "4", "3")),
        ("tags", ("E072", "crf.transitions", "(10, 10)", "(11, 11)")),
        ("symbol", ("E076", "flm_map")),
        ("rows", ("E072", "word_embed.weight", "100", "gw_map")),
        ("map", ("E070", "c_map")),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, what, words):
    authors = Authors()
    spoil(authors, what)
    output = fails(authors.save(tmp_path / "a.th"), tmp_path / "out")
    for word in words:
        assert word in output
    assert not (tmp_path / "out").exists()


def test_damaged_and_foreign_files_are_named(tmp_path):
    authors = Authors()
    data = Path(authors.save(tmp_path / "a.th")).read_bytes()
    for name, content in (("cut", data[:500]), ("text", b"not a model"), ("none", b"")):
        (tmp_path / name).write_bytes(content)
        output = fails(tmp_path / name, tmp_path / "out")
        assert ("E070" in output or "E071" in output) and name in output
    authors.save(tmp_path / "bare.th", maps=False)
    output = fails(tmp_path / "bare.th", tmp_path / "out")
    assert "E074" in output and "--maps ner_dataset.pk" in output
    (tmp_path / "cut.pk").write_bytes(pickle.dumps(authors.maps)[:90])
    output = fails(
        tmp_path / "bare.th", tmp_path / "out", "--maps", tmp_path / "cut.pk"
    )
    assert "E070" in output and "cut.pk" in output
    output = fails(tmp_path / "a.th", tmp_path / "out", "--task", "pos")
    assert "E013" in output and "ner, chunk" in output


def save_lm(path, words, *, seed, layers=3):
    """A language model alone, with the authors' adaptive softmax and optimizer."""
    torch.manual_seed(seed)
    weights = {"word_embed.weight": torch.randn(len(words), 6)}
    for k in range(layers):
        for name, value in torch.nn.LSTM(6 + 4 * k, 4).named_parameters():
            weights[f"rnn.layer.{k}.layer.{name}"] = value.detach()
    weights["project.weight"] = torch.randn(8, 6 + 4 * layers)
    weights["project.bias"] = torch.randn(8)
    weights["soft_max.head.weight"] = torch.randn(5, 8)
    weights["soft_max.tail.0.0.weight"] = torch.randn(8, 8)
    torch.save({"model": weights, "optimizer": {"state": {}}}, path)
    return weights


def test_language_models_alone(tmp_path):
    words = ["the", "\n", "Ada", "<unk>", "London"]
    maps = {"w_map": {word: i for i, word in enumerate(words)}}
    (tmp_path / "test.pk").write_bytes(pickle.dumps(maps))
    forward, backward = (tmp_path / name for name in ("ld0.th", "ld_0.th"))
    both = [save_lm(p, words, seed=i) for i, p in enumerate((forward, backward))]
    assert "E078" in fails(forward, tmp_path / "lm", "--maps", tmp_path / "test.pk")
    options = {"maps": tmp_path / "test.pk", "backward": backward}
    convert(forward, tmp_path / "lm", **options)
    sizes = {"width": 5, "embed": 6, "hidden": 4, "depth": 3}
    encoder = build_ldnet_encoder_v1(**sizes)
    create_encoder_loader_v1(path=tmp_path / "lm")(encoder)
    module = encoder.shims[0].module
    for name, weights in zip(("forward", "backward"), both):
        trunk = module.trunks[name]
        rows = [words.index(w) for w in ("<unk>", "\n", "the", "Ada", "London")]
        expected = weights["word_embed.weight"][rows]
        assert torch.equal(trunk.embedding.weight, expected)
        ours = trunk.rnn.rnns[2].weight_ih_l0
        assert torch.equal(ours, weights["rnn.layer.2.layer.weight_ih_l0"])
    result = CliRunner().invoke(app, ["ldnet", "info", str(tmp_path / "lm")])
    assert result.exit_code == 0, result.output
    (tmp_path / "a.txt").write_text("the Ada")
    arguments = ["ldnet", "perplexity", str(tmp_path / "lm"), str(tmp_path / "a.txt")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "E077" in result.output
    tagger = Authors().save(tmp_path / "a.th")
    assert "E079" in fails(tagger, tmp_path / "x", "--backward", backward)


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
