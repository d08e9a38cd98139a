"""A trained pipeline learns other labels, and begins with what it knows."""

import pytest
import spacy
import torch
from spacy.cli._util import app
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from thinc.api import Config
from toy import SENTENCES, shim_of, train
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.cli.init_config import init_start_config
from spacy_ldnet.pipeline.transfer import shared_tags


def write_data(path, **renamed):
    """The toy sentences, some labels under other names."""
    vocab = spacy.blank("en").vocab
    docs = []
    for words, tags in SENTENCES:
        biluo = [tag.replace("U-", "B-").replace("L-", "I-") for tag in tags]
        ents = [f"{t[:2]}{renamed.get(t[2:], t[2:])}" if t[1:] else t for t in biluo]
        docs.append(Doc(vocab, words=words, ents=ents))
    DocBin(docs=docs).to_disk(path)
    return path


@pytest.fixture
def trained(make_nlp, tmp_path):
    """The directory of a trained pipeline, which names a licence and sources. Its tagger's
    block refers to that of the encoder."""
    nlp = make_nlp()
    train(nlp, 3)
    nlp.meta.update(license="CC BY 4.0", sources=[{"name": "toy"}])
    nlp.to_disk(tmp_path / "trained")
    path = tmp_path / "trained" / "config.cfg"
    config = Config().from_disk(path, interpolate=False)
    listener = config["components"]["ner"]["model"]["tok2vec"]["contextual"]
    listener["width"] = "${components.ldnet.model.width}"
    config.to_disk(path)
    return tmp_path / "trained"


def started(trained, data):
    config = init_start_config(str(trained), train_path=data, dev_path=data)
    return init_nlp(config)


def crf_of(nlp):
    return nlp.get_pipe("ner").model.shims[0].module


def test_shared_labels_keep_their_scores_and_all_below_stays(trained, tmp_path):
    nlp = started(trained, write_data(tmp_path / "new.spacy", LOC="PLACE"))
    before = spacy.load(trained)
    tagger, other = nlp.get_pipe("ner"), before.get_pipe("ner")
    assert tagger.labels == ("PER", "PLACE") and other.labels == ("LOC", "PER")
    for one, two in ((nlp, before), (before, nlp)):
        theirs = shim_of(two).module.state_dict()
        assert all(
            torch.equal(weight, theirs[name])
            for name, weight in shim_of(one).module.state_dict().items()
        )
    below, known = (p.model.get_ref("tok2vec").shims[0].module for p in (tagger, other))
    for weight, expected in zip(below.parameters(), known.parameters(), strict=True):
        assert torch.equal(weight, expected)
    new, old = crf_of(nlp), crf_of(before)
    rows, places = torch.arange(5), torch.tensor([0, 5, 6, 7, 8])
    assert torch.equal(new.hidden2tag.weight[rows], old.hidden2tag.weight[places])
    pairs = new.transitions[:5, :5], old.transitions[places[:, None], places]
    assert torch.equal(*pairs)
    assert not torch.equal(new.hidden2tag.weight[5:], old.hidden2tag.weight[1:5])
    assert nlp.meta["license"] == "CC BY 4.0" and nlp.meta["sources"]


def test_the_same_labels_give_the_same_predictions(trained, tmp_path):
    nlp = started(trained, write_data(tmp_path / "new.spacy"))
    before = spacy.load(trained)
    for words, _ in SENTENCES:
        found = [
            pipeline(Doc(pipeline.vocab, words=words)) for pipeline in (nlp, before)
        ]
        assert [[str(ent) for ent in doc.ents] for doc in found[:1]] == [
            [str(ent) for ent in doc.ents] for doc in found[1:]
        ]


def test_without_a_shared_label_the_crf_is_new(trained, tmp_path):
    data = write_data(tmp_path / "new.spacy", LOC="PLACE", PER="WHO")
    new, old = crf_of(started(trained, data)), crf_of(spacy.load(trained))
    assert not torch.equal(new.hidden2tag.weight[0], old.hidden2tag.weight[0])


def test_what_knows_all_labels_is_trained_at_a_low_rate(trained, tmp_path):
    rates = []
    for renamed in ({}, {"PER": "WHO"}):
        data = write_data(tmp_path / "new.spacy", **renamed)
        config = init_start_config(str(trained), train_path=data, dev_path=data)
        rates.append(config["training"]["optimizer"]["learn_rate"]["initial_rate"])
    assert rates[0] < rates[1] / 2


@pytest.mark.parametrize(
    "labels, known, expected",
    [
        (["A"], ["B"], {}),
        (["A", "B"], ["B"], {0: 0, 5: 1, 6: 2, 7: 3, 8: 4}),
        (["B"], ["A", "B"], {0: 0, 1: 5, 2: 6, 3: 7, 4: 8}),
        ([], ["A"], {}),
    ],
)
def test_tags_that_both_have(labels, known, expected):
    assert shared_tags(labels, known) == expected


def test_its_config_is_complete_and_trains(trained, tmp_path):
    data = write_data(tmp_path / "new.spacy", LOC="PLACE")
    path = tmp_path / "start.cfg"
    words = ["ldnet", "init-config", path, "--start", trained]
    words += ["--train", data, "--dev", data]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    filled = tmp_path / "filled.cfg"
    CliRunner().invoke(app, ["init", "fill-config", str(path), str(filled)])
    read = [Config().from_disk(p, interpolate=False) for p in (path, filled)]
    assert read[0].to_str() == read[1].to_str()
    assert read[0]["corpora"]["train"]["augmenter"]["lower"] == 0.15
    words = ["train", path, "--output", tmp_path / "out"]
    words += ["--training.max_steps", 2, "--training.eval_frequency", 1]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, (result.output, result.exception)
    nlp = spacy.load(tmp_path / "out" / "model-best")
    assert nlp.pipe_names == ["ldnet", "ner"]
    assert nlp.get_pipe("ner").labels == ("PER", "PLACE")


def test_what_cannot_be_started_from_is_named(trained, tmp_path):
    data = write_data(tmp_path / "new.spacy")
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="E208.*0 components.*crf_ner"):
        init_start_config(str(tmp_path / "blank"), train_path=data)
    with pytest.raises(ValueError, match="E150"):
        init_start_config(str(tmp_path / "none"), train_path=data)
    config = init_start_config(str(trained), train_path=data, dev_path=data)
    config["components"]["ner"]["model"]["tok2vec"]["width"] = 26
    with pytest.raises(ValueError, match=r"E208.*other settings"):
        init_nlp(config)
    config["initialize"]["after_init"]["component"] = "tagger"
    with pytest.raises(ValueError, match="E208.*no component 'tagger' but ldnet, ner"):
        init_nlp(config)
    config["initialize"]["after_init"]["component"] = "ldnet"
    with pytest.raises(ValueError, match="E208.*'ldnet' is a LDNet"):
        init_nlp(config)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--lm", "lm", "--start", "nlp"],
        ["--start", "nlp", "--prune"],
        ["--start", "nlp", "--pipeline", "ner", "--vectors", "v"],
    ],
)
def test_options_that_exclude_each_other(words, tmp_path):
    command = ["ldnet", "init-config", str(tmp_path / "out.cfg"), *words]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and "E209" in result.output
    assert all(word in result.output for word in words[2:] if word.startswith("--"))
    assert not (tmp_path / "out.cfg").exists()
