"""Every head of spaCy's on the encoder, shared or inline."""

import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import Doc, DocBin
from thinc.api import fix_random_seed
from toy import DEPTH, EMBED, HIDDEN, SENTENCES, WIDTH, shim_of, train
from toy import make_full_examples as make_examples
from typer.testing import CliRunner

from spacy_ldnet.loaders import create_encoder_loader_v1
from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.pruning import create_gate_penalty_v1, create_load_encoder_v1

HEADS = {
    "ner": {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
    },
    "parser": {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "parser",
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
    },
    "tagger": {"@architectures": "spacy.Tagger.v2"},
    "morphologizer": {"@architectures": "spacy.Tagger.v2"},
    "textcat": {
        "@architectures": "spacy.TextCatParametricAttention.v1",
        "exclusive_classes": True,
    },
    "spancat": {
        "@architectures": "spacy.SpanCategorizer.v1",
        "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 16},
        "scorer": {"@layers": "spacy.LinearLogistic.v1"},
    },
    "crf_ner": {"@architectures": "spacy-ldnet.CRFTagger.v1"},
    "crf_chunker": {"@architectures": "spacy-ldnet.CRFTagger.v1"},
}
SIZES = {"width": WIDTH, "embed": EMBED, "hidden": HIDDEN, "depth": DEPTH}
ENCODER = {"@architectures": "spacy-ldnet.LDNetEncoder.v1", **SIZES}
LISTENER = {
    "@architectures": "spacy.Tok2VecListener.v1",
    "width": WIDTH,
    "upstream": "ldnet",
}


def add_head(nlp, factory, tok2vec):
    config = {"model": {**HEADS[factory], "tok2vec": tok2vec}}
    if factory == "parser":
        # A handful of sentences has no label thirty times, which spaCy asks for.
        config["min_action_freq"] = 1
    return nlp.add_pipe(factory, config=config)


def make_pipeline(lm_dir, *factories):
    """A shared encoder, and heads that listen to it."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("ldnet", config={"model": ENCODER})
    for factory in factories:
        add_head(nlp, factory, LISTENER)
    loader = {"@misc": "spacy-ldnet.EncoderLoader.v1", "path": str(lm_dir)}
    components = nlp.config["initialize"]["components"]
    components["ldnet"] = {"encoder_loader": loader}
    nlp.initialize(lambda: make_examples(nlp))
    return nlp


def results(nlp):
    docs = nlp.pipe(Doc(nlp.vocab, words=words) for words, _ in SENTENCES)
    found = []
    for doc in docs:
        tokens = [(t.tag_, str(t.morph), t.dep_, t.head.i, t.ent_type_) for t in doc]
        spans = {
            k: [(s.start, s.end, s.label_) for s in g] for k, g in doc.spans.items()
        }
        found.append((tokens, spans, doc.cats))
    return found


def check_same(found, expected):
    """A loaded pipeline predicts in numpy, so that scores differ by float rounding."""
    for (*found_tokens, found_cats), (*tokens, cats) in zip(
        found, expected, strict=True
    ):
        assert found_tokens == tokens
        assert found_cats == pytest.approx(cats, abs=1e-5)


@pytest.mark.parametrize("factory", HEADS)
def test_listening_head_learns_and_survives_the_disk(lm_dir, tmp_path, factory):
    nlp = make_pipeline(lm_dir, factory)
    losses = train(nlp, 15, make=make_examples)
    assert losses[-1][factory] < losses[0][factory]
    nlp.to_disk(tmp_path / "nlp")
    check_same(results(spacy.load(tmp_path / "nlp")), results(nlp))


@pytest.mark.parametrize("factory", HEADS)
def test_inline_head_learns_and_survives_the_disk(lm_dir, tmp_path, factory):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    add_head(nlp, factory, ENCODER)
    encoder = find_encoders(nlp.get_pipe(factory).model)[0]
    # As [initialize.after_init] does it, but before shapes are inferred, too: both
    # have to work.
    create_encoder_loader_v1(path=lm_dir)(encoder)
    nlp.initialize(lambda: make_examples(nlp))
    create_load_encoder_v1(path=lm_dir, component=factory)(nlp)
    losses = train(nlp, 15, make=make_examples)
    assert losses[-1][factory] < losses[0][factory]
    nlp.to_disk(tmp_path / "nlp")
    check_same(results(spacy.load(tmp_path / "nlp")), results(nlp))


def test_all_heads_on_one_encoder_with_gates(lm_dir, tmp_path):
    factories = [name for name in HEADS if name not in ("crf_ner",)]
    nlp = make_pipeline(lm_dir, *factories)
    # spaCy's heads add up the losses of all words.
    penalty = create_gate_penalty_v1(weight=30.0, max_layers=2, learn_rate=0.05)
    losses = train(nlp, 60, before=penalty, make=make_examples)
    for factory in factories:
        assert losses[-1][factory] < losses[0][factory], factory
    assert int((shim_of(nlp).module.gates > 0).sum()) == 2
    nlp.to_disk(tmp_path / "nlp")
    check_same(results(spacy.load(tmp_path / "nlp")), results(nlp))


def test_parts_of_a_pipeline(lm_dir, tmp_path):
    nlp = make_pipeline(lm_dir, "tagger", "crf_ner")
    train(nlp, 15, make=make_examples)
    nlp.to_disk(tmp_path / "nlp")
    expected = [[t[0] for t in tokens] for tokens, _, _ in results(nlp)]
    with nlp.select_pipes(disable="crf_ner"):
        alone = [[t[0] for t in tokens] for tokens, _, _ in results(nlp)]
    less = spacy.load(tmp_path / "nlp", exclude=["crf_ner"])
    assert alone == expected
    assert [[t[0] for t in tokens] for tokens, _, _ in results(less)] == expected


def test_find_threshold_of_a_head_that_has_one(lm_dir, tmp_path):
    nlp = make_pipeline(lm_dir, "spancat")
    train(nlp, 15, make=make_examples)
    nlp.to_disk(tmp_path / "nlp")
    docs = [example.reference for example in make_examples(nlp)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "dev.spacy")
    arguments = ["find-threshold", tmp_path / "nlp", tmp_path / "dev.spacy"]
    arguments += ["spancat", "threshold", "spans_sc_f", "--n_trials", 3]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert "Best threshold" in result.output
