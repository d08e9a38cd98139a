import copy
import pickle
import warnings

import numpy
import pytest
import spacy
import torch
from numpy.testing import assert_allclose
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from toy import DEPTH, SENTENCES, WIDTH, make_examples, shim_of, train, train_gated

from spacy_ldnet.describe import describe
from spacy_ldnet.pruning import (
    create_gate_penalty_v1,
    create_load_encoder_v1,
    prune_saved_pipeline,
)

CONTEXTUAL = "components.ner.model.tok2vec.contextual"
ODD = [
    [],
    ["Ada"],
    [" "],
    ["\n", "Ada", " "],
    ["🙂", "e\u0301", "\x00"],
    ["x" * 10_000],
]


def texts_of(nlp, texts=None):
    texts = [words for words, _ in SENTENCES] if texts is None else texts
    return [Doc(nlp.vocab, words=words) for words in texts]


def answers(nlp, docs):
    return [[(e.start, e.end, e.label_) for e in d.ents] for d in nlp.pipe(docs)]


def test_tagger_on_frozen_language_models_learns_the_sentences(make_nlp):
    nlp = make_nlp()
    losses = train(nlp, 80)
    assert losses[-1]["ner"] < 0.1 * losses[0]["ner"]
    assert nlp.evaluate(make_examples(nlp))["ents_f"] == 1.0


def test_without_a_loader_the_remedy_is_named(make_nlp):
    nlp = make_nlp(initialize=False)
    nlp.config["initialize"]["components"] = {}
    with pytest.raises(ValueError, match=r"E012.*encoder_loader"):
        nlp.initialize(lambda: make_examples(nlp))


def pruned_pipeline(make_nlp, tmp_path):
    """Train, close gates under the budget, save, and delete."""
    nlp = make_nlp()
    train_gated(nlp, 80)
    nlp.to_disk(tmp_path / "gated")
    prune_saved_pipeline(tmp_path / "gated", tmp_path / "pruned")
    return nlp, spacy.load(tmp_path / "pruned")


def test_gates_close_under_the_budget_and_deletion_is_exact(make_nlp, tmp_path):
    gated, pruned = pruned_pipeline(make_nlp, tmp_path)
    left = int((shim_of(gated).module.gates > 0).sum())
    assert left == 2
    assert gated.evaluate(make_examples(gated))["ldnet_budget"] == 1.0
    facts = describe(pruned)
    assert facts["layers_fwd"] + facts["layers_bwd"] == left
    assert facts["lm_macs_per_word"] < describe(gated)["lm_macs_per_word"] / 2
    for a, b in zip(gated.pipe(texts_of(gated)), pruned.pipe(texts_of(pruned))):
        assert_allclose(a.tensor, b.tensor, atol=1e-5)
        assert [e.label_ for e in a.ents] == [e.label_ for e in b.ents]


def test_pruned_pipeline_survives_disk_bytes_and_pickle(make_nlp, tmp_path):
    _, nlp = pruned_pipeline(make_nlp, tmp_path)
    expected = answers(nlp, texts_of(nlp))
    nlp.to_disk(tmp_path / "again")
    copies = [
        spacy.load(tmp_path / "again"),
        spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes()),
        pickle.loads(pickle.dumps(nlp)),
    ]
    for nlp in copies:
        assert answers(nlp, texts_of(nlp)) == expected
    for file in (tmp_path / "again").glob("*/*"):
        if file.parent.name in ("ldnet", "ner"):
            before = tmp_path / "pruned" / file.parent.name / file.name
            assert file.read_bytes() == before.read_bytes(), before


def test_pruned_pipeline_trains_on(make_nlp, tmp_path):
    _, nlp = pruned_pipeline(make_nlp, tmp_path)
    train(nlp, 20, rate=0.005)
    assert nlp.evaluate(make_examples(nlp))["ents_f"] == 1.0


def test_listeners_can_be_replaced(make_nlp, tmp_path):
    _, nlp = pruned_pipeline(make_nlp, tmp_path)
    expected = answers(nlp, texts_of(nlp))
    nlp.replace_listeners("ldnet", "ner", ["model.tok2vec.contextual"])
    nlp.remove_pipe("ldnet")
    assert answers(nlp, texts_of(nlp)) == expected
    nlp.to_disk(tmp_path / "alone")
    alone = spacy.load(tmp_path / "alone")
    assert answers(alone, texts_of(alone)) == expected


def test_training_within_a_batch_company_changes_nothing(make_nlp):
    nlp = make_nlp()
    train(nlp, 20)
    texts = [words for words, _ in SENTENCES] + ODD
    one = [nlp(doc).tensor for doc in texts_of(nlp, texts)]
    for size in (1, 3, 1000):
        many = nlp.pipe(texts_of(nlp, texts[::-1]), batch_size=size)
        for a, b in zip(one[::-1], many):
            assert len(a) == len(b)
            if len(a):
                assert_allclose(a, b.tensor, atol=1e-6)
                assert numpy.isfinite(b.tensor).all()


def test_same_seed_same_weights(make_nlp):
    bytes_of = []
    for _ in range(2):
        nlp = make_nlp()
        train(nlp, 5, drop=0.2)
        bytes_of.append([pipe.model.to_bytes() for _, pipe in nlp.pipeline])
    assert bytes_of[0] == bytes_of[1]


def test_budget_of_an_encoder_inside_another_component(make_nlp, lm_dir):
    nlp = make_nlp()
    nlp.replace_listeners("ldnet", "ner", ["model.tok2vec.contextual"])
    create_load_encoder_v1(path=lm_dir, component="ner")(nlp)
    train(nlp, 3, before=create_gate_penalty_v1(component="ner", max_layers=2))
    assert shim_of(nlp, "ner").cfg["penalty"]["budget"] == {"max_layers": 2}
    assert nlp.get_pipe("ner").score(make_examples(nlp))["ldnet_budget"] == 0.0


def test_gates_move_in_direct_updates_too(make_nlp):
    nlp = make_nlp()
    optimizer = nlp.resume_training()
    penalty = create_gate_penalty_v1(max_layers=2)
    for step in range(5):
        penalty(nlp, {"step": step, "epoch": 0})
        nlp.update(make_examples(nlp), sgd=optimizer)
    assert (shim_of(nlp).module.gates < 1).any()


def test_penalty_names_a_component_without_encoder(make_nlp):
    with pytest.raises(ValueError, match="E016.*'tagger'"):
        create_gate_penalty_v1(component="tagger", max_layers=2)(
            make_nlp(), {"step": 0}
        )


def test_prune_by_number_never_touches_the_input(make_nlp, tmp_path):
    nlp = make_nlp()
    nlp.to_disk(tmp_path / "full")
    before = (tmp_path / "full/ldnet/model").read_bytes()
    report = prune_saved_pipeline(tmp_path / "full", tmp_path / "one", max_layers=1)
    facts = describe(spacy.load(tmp_path / "one"))
    assert facts["layers_fwd"] + facts["layers_bwd"] == 1
    assert report.change > 0
    assert (tmp_path / "full/ldnet/model").read_bytes() == before
    assert describe(nlp)["layers_fwd"] == DEPTH


def test_docbin_round_trip(make_nlp):
    nlp = make_nlp()
    train(nlp, 40)
    docs = list(nlp.pipe(texts_of(nlp)))
    again = DocBin(docs=docs).get_docs(nlp.vocab)
    assert [d.to_json()["ents"] for d in docs] == [d.to_json()["ents"] for d in again]


def test_two_threads_give_what_one_gives(make_nlp):
    nlp = make_nlp()
    texts = ["Ada Lovelace lived in London ." * (1 + i % 9) for i in range(400)]
    found = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        docs = list(nlp.pipe(texts))
        tensor = numpy.concatenate([doc.tensor for doc in docs])
        found.append((tensor, [[str(ent) for ent in doc.ents] for doc in docs]))
    torch.set_num_threads(before)
    numpy.testing.assert_allclose(found[0][0], found[1][0], atol=1e-5)
    assert found[0][1] == found[1][1]


def test_updates_without_the_encoder(make_nlp):
    """After some with it, whose graph is gone."""
    nlp = make_nlp()
    examples, other = make_examples(nlp), make_examples(nlp)[1:3]
    optimizer = nlp.resume_training()
    without = {"exclude": ["ldnet"], "annotates": ["ldnet"]}
    for batch in (examples, other, examples):
        nlp.update(examples, sgd=optimizer)
        encoder = nlp.get_pipe("ldnet").model.to_bytes()
        head = nlp.get_pipe("ner").model.to_bytes()
        assert nlp.update(batch, sgd=optimizer, **without)["ner"] > 0
        assert nlp.get_pipe("ldnet").model.to_bytes() == encoder
        assert nlp.get_pipe("ner").model.to_bytes() != head
    # What it annotated before is enough, wherever it is left out.
    nlp.update(examples, sgd=optimizer)
    for example in examples:
        nlp.get_pipe("ldnet")(example.predicted)
    assert nlp.get_pipe("ner").update(examples, sgd=optimizer)["ner"] > 0
    with nlp.select_pipes(disable=["ldnet"]):
        assert nlp.update(examples, sgd=optimizer)["ner"] > 0
        with pytest.raises(ValueError, match="E193.*'ldnet'.*annotating_components"):
            nlp.update(make_examples(nlp), sgd=optimizer)


def two_encoders(make_nlp, order, widths=(WIDTH, WIDTH)):
    """Pipeline of the encoders a and b, and a head for each."""
    nlp = spacy.blank("en")
    for name in order:
        part, letter = ("ldnet", name) if len(name) == 1 else ("ner", name[-1])
        size = {"a": widths[0], "b": widths[1]}[letter]
        changes = {"components.ldnet.model.width": size}
        changes[f"{CONTEXTUAL}.width"] = size
        config = make_nlp(initialize=False, **changes).config["components"][part]
        if part == "ner":
            listener = config["model"]["tok2vec"]["contextual"]
            listener["upstream"] = letter
        nlp.add_pipe(config.pop("factory"), name=name, config=config)
    return nlp


@pytest.mark.parametrize("widths", [(WIDTH, WIDTH), (WIDTH, 2 * WIDTH)])
def test_two_encoders_each_before_its_head(make_nlp, lm_dir, tmp_path, widths):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp = two_encoders(make_nlp, ["a", "ner_a", "b", "ner_b"], widths)
    for name in "ab":
        create_load_encoder_v1(path=lm_dir, component=name)(nlp)
    nlp.initialize(lambda: make_examples(nlp))
    assert train(nlp, 80)[-1]["ner_a"] < 0.1
    with nlp.select_pipes(disable=["ner_b"]):
        expected = answers(nlp, texts_of(nlp))
        assert any(expected)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    for letter in "ab":
        again.replace_listeners(letter, f"ner_{letter}", ["model.tok2vec.contextual"])
        again.remove_pipe(letter)
    again.disable_pipe("ner_b")
    assert answers(again, texts_of(again)) == expected


@pytest.mark.parametrize(
    "order, names",
    [
        (["a", "b", "ner_a", "ner_b"], ("ner_a", "'a'", "'b'")),
        (["a", "b", "ner_b", "ner_a"], ("ner_a", "'a'", "'b'")),
        (["a", "ner_a", "b", "ner_b"], None),
    ],
)
def test_a_head_behind_the_wrong_encoder(make_nlp, order, names):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        two_encoders(make_nlp, order)
    found = {str(w.message) for w in caught if "W046" in str(w.message)}
    if names is None:
        assert not found
    else:
        (message,) = found
        assert all(name in message for name in names)


def test_encoders_of_spacys_beside_ours(make_nlp):
    def tagger(upstream):
        tok2vec = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
        tok2vec["upstream"] = upstream
        return {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}}

    with pytest.warns(UserWarning, match="W046.*'ner'.*'ldnet'.*'tok2vec'"):
        make_nlp().add_pipe("tok2vec", before="ner")
    nlp = make_nlp()
    nlp.add_pipe("tok2vec", first=True)
    with pytest.warns(UserWarning, match="W046.*'tagger'.*'tok2vec'.*'ldnet'"):
        nlp.add_pipe("tagger", config=tagger("tok2vec"))
    # The wildcard means the nearest one.
    nlp = make_nlp()
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("tagger", config=tagger("*"))
    assert nlp.get_pipe("ldnet").listening_components == ["ner"]
    assert nlp.get_pipe("tok2vec").listening_components == ["tagger"]


@pytest.mark.parametrize(
    "order, upstream, expected",
    [
        (["ldnet", "ner"], "ldnte", "'ner' listens to 'ldnte', .*mean 'ldnet'"),
        (["ldnet", "ner"], "encoder", r"\[components.ner.model\].*pipeline: ldnet"),
        (["ner", "ldnet"], "ldnet", "'ner' listens.*'ldnet' comes after it"),
    ],
)
@pytest.mark.parametrize("head", ["crf_ner", "senter"])
@pytest.mark.filterwarnings("ignore:.W046")
def test_a_listener_that_no_encoder_answers(make_nlp, head, order, upstream, expected):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH}
    tok2vec = {**listener, "upstream": upstream}
    changes = {"components.ner.model.tok2vec": tok2vec, "nlp.pipeline": order}
    if head == "senter":
        changes["components.ner.model.@architectures"] = "spacy.Tagger.v2"
        changes["components.ner.factory"] = "senter"
    with pytest.raises(ValueError, match=f"E192.*{expected}"):
        make_nlp(**changes)


def test_a_copy_in_the_middle_of_a_training_is_a_pipeline_of_its_own(make_nlp):
    nlp = make_nlp()
    train(nlp, 30)
    nlp.get_pipe("ldnet").update(make_examples(nlp))
    expected = nlp.to_bytes()
    copied = copy.deepcopy(nlp)
    train(copied, 3, rate=0.5)
    assert nlp.to_bytes() == expected
    again = make_nlp().from_bytes(expected)
    found = answers(again, texts_of(again))
    assert found == answers(nlp, texts_of(nlp)) != answers(copied, texts_of(copied))


def test_other_processes_give_the_same(make_nlp):
    nlp = make_nlp()
    train(nlp, 30)
    docs = [*texts_of(nlp), Doc(nlp.vocab), *texts_of(nlp, ODD)]
    expected = answers(nlp, docs)
    others = [Doc(Vocab(), words=[t.text for t in doc]) for doc in docs]
    both = nlp.pipe([*docs, *others], n_process=2, batch_size=4)
    found = [[(e.start, e.end, e.label_) for e in doc.ents] for doc in both]
    assert found == 2 * expected
