import itertools
import pickle

import numpy
import pytest
import spacy
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.ml.models.tok2vec import build_hash_embed_cnn_tok2vec
from thinc.api import Adam, fix_random_seed, set_dropout_rate

from spacy_ldnet.iobes import allowed_transitions
from spacy_ldnet.models.crf_tagger import build_crf_tagger_v1
from spacy_ldnet.models.tok2vec import build_stacked_tok2vec_v1

WIDTH, TAGS = 16, 9
TEXTS = ["a b c d e", "", "f", "a a b"]


def make_tok2vec():
    return build_hash_embed_cnn_tok2vec(
        width=WIDTH,
        depth=1,
        embed_size=100,
        window_size=1,
        maxout_pieces=2,
        subword_features=True,
        pretrained_vectors=None,
    )


def make_model(seed=0, **settings):
    fix_random_seed(seed)
    return build_crf_tagger_v1(tok2vec=make_tok2vec(), **settings)


@pytest.fixture
def docs():
    nlp = spacy.blank("en")
    return [nlp.make_doc(text) for text in TEXTS]


@pytest.fixture
def model(docs):
    model = make_model(nO=TAGS)
    model.initialize(X=docs)
    with torch.no_grad():
        model.shims[0].module.transitions.normal_()
    return model


def crf_of(model):
    return model.shims[0].module


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_windows_are_scored_as_they_are_read(precision):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    long = " ".join(f"w{i % 37}" for i in range(600))
    docs = [nlp.make_doc(text) for text in [*TEXTS, long]]
    stack = build_stacked_tok2vec_v1(chars={}, width=WIDTH, precision=precision)
    model = build_crf_tagger_v1(tok2vec=stack, nO=TAGS)
    model.initialize(X=docs)
    hidden = torch.from_numpy(numpy.concatenate(stack.predict(docs)))
    with torch.no_grad():
        expected = crf_of(model)(hidden).numpy()
    found = model.predict(docs)
    assert [len(rows) for rows in found] == [len(doc) for doc in docs]
    numpy.testing.assert_allclose(numpy.concatenate(found), expected, atol=1e-6)


def test_shapes_also_of_empty_docs(model, docs):
    emissions = model.predict(docs)
    assert [rows.shape for rows in emissions] == [(len(doc), TAGS) for doc in docs]
    tags = model.attrs["decode"](model, emissions)
    assert [len(path) for path in tags] == [len(doc) for doc in docs]
    assert [rows.shape for rows in model.predict(docs[1:2])] == [(0, TAGS)]
    assert model.attrs["decode"](model, []) == []


def test_tags_come_from_the_sample(docs):
    model = make_model()
    assert model.has_dim("nO") is None
    Y = [model.ops.alloc2f(len(doc), 5) for doc in docs]
    model.initialize(X=docs, Y=Y)
    assert model.get_dim("nO") == 5
    assert crf_of(model).n_tags == 5


def test_not_initialized(docs):
    with pytest.raises(ValueError, match="E004"):
        make_model().predict(docs)


def test_decoding_is_legal_and_the_same_alone(model, docs):
    emissions = model.predict(docs)
    together = model.attrs["decode"](model, emissions)
    _, follow, _ = allowed_transitions(2)
    for rows, path in zip(emissions, together):
        (alone,) = model.attrs["decode"](model, [rows])
        assert alone.tolist() == path.tolist()
        assert all(follow[a, b] for a, b in zip(path, path[1:]))


def test_masked_decoding(model, docs):
    emissions = model.predict(docs)
    mask = numpy.ones((5, TAGS), dtype=bool)
    mask[1:3] = False
    mask[1, 5], mask[2, 7] = True, True
    allowed = [mask, None, None, None]
    tags = model.attrs["decode"](model, emissions, allowed=allowed)
    assert tags[0][1:3].tolist() == [5, 7]
    assert tags[0][0] in (0, 3, 4, 7, 8)
    chances = model.attrs["marginals"](model, emissions, allowed=allowed)
    numpy.testing.assert_allclose(chances[0][1, 5], 1.0)
    numpy.testing.assert_allclose(chances[3].sum(axis=1), 1.0)


def test_path_scores_match_marginals(model, docs):
    emissions = model.predict(docs)
    tags = model.attrs["decode"](model, emissions)
    chances = model.attrs["marginals"](model, emissions)
    scores = model.attrs["path_scores"](model, emissions, tags)
    for path, chance, (head, tail) in zip(tags, chances, scores):
        expected = chance[numpy.arange(len(path)), path]
        numpy.testing.assert_allclose(numpy.exp(head + tail), expected)


def test_gradient_of_the_loss(model, docs):
    emissions = model.predict(docs)
    gold = [numpy.array(tags) for tags in ([1, 3, 0, -1, 4], [], [-1], [0, -1, 0])]
    loss, gradient = model.attrs["loss"](model, emissions, gold)
    assert loss > 0
    assert not gradient[2].any(), "nothing is annotated"
    step = 1e-2
    for i, t, tag in [(0, 0, 1), (0, 3, 2), (3, 1, 0)]:
        moved = [rows.copy() for rows in emissions]
        moved[i][t, tag] += step
        after, _ = model.attrs["loss"](model, moved, gold)
        assert (after - loss) / step == pytest.approx(gradient[i][t, tag], abs=2e-3)


def test_loss_does_not_depend_on_batching(model, docs):
    emissions = model.predict(docs)
    gold = [numpy.array(tags) for tags in ([1, 3, 0, 0, 4], [], [0], [0, 0, 0])]
    once, _ = model.attrs["loss"](model, emissions, gold)
    twice, _ = model.attrs["loss"](model, emissions * 2, gold * 2)
    assert once == pytest.approx(twice)


@pytest.mark.parametrize("gold", [[1, 0, 0, 0, 0], [-1, -1, -1, -1, -1]])
def test_impossible_or_missing_gold_counts_for_nothing(model, docs, gold):
    emissions = model.predict(docs[:1])
    loss, gradient = model.attrs["loss"](model, emissions, [numpy.array(gold)])
    assert loss == 0.0
    assert not gradient[0].any()


def allowed_paths(gold, open_tags):
    """Every legal path of the gold tags, if O may be the open tags as well."""
    start, follow, end = allowed_transitions(2)
    for path in itertools.product(range(TAGS), repeat=len(gold)):
        legal = start[path[0]] and end[path[-1]]
        legal = legal and all(follow[a, b] for a, b in zip(path, path[1:]))
        fits = (
            y == tag or tag < 0 or (tag == 0 and open_tags[y])
            for y, tag in zip(path, gold)
        )
        if legal and all(fits):
            yield path


def path_sum(model, emissions, paths):
    start, transitions, end = (s.detach().numpy() for s in crf_of(model).potentials())
    scores = [
        start[path[0]]
        + end[path[-1]]
        + sum(emissions[t, y] for t, y in enumerate(path))
        + sum(transitions[a, b] for a, b in zip(path, path[1:]))
        for path in paths
    ]
    return numpy.logaddexp.reduce(scores) if scores else -numpy.inf


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            # O and the second label's tags most often, since they make legal paths.
            st.lists(
                st.sampled_from([0, 0, 0, -1, 5, 7, 8, 1]), min_size=1, max_size=3
            ),
            st.sampled_from([None, (0,), (1,), (0, 1)]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 1000),
)
def test_loss_sums_over_the_paths_of_labels_that_are_not_annotated(model, texts, seed):
    random = numpy.random.default_rng(seed)
    emissions, open_tags, total, counted = [], [], 0.0, 0
    for gold, open_labels in texts:
        emissions.append(random.normal(size=(len(gold), TAGS)).astype("f"))
        tags = numpy.isin((numpy.arange(TAGS) - 1) // 4, open_labels or ())
        open_tags.append(None if open_labels is None else tags)
        if max(gold) >= 0:
            counted += sum(tag >= 0 for tag in gold)
            fit = path_sum(model, emissions[-1], allowed_paths(gold, tags))
            every = path_sum(
                model, emissions[-1], allowed_paths([-1] * len(gold), tags)
            )
            total += every - fit if numpy.isfinite(fit) else 0.0
    gold = [numpy.array(tags) for tags, _ in texts]
    loss, gradient = model.attrs["loss"](model, emissions, gold, open_tags=open_tags)
    assert loss == pytest.approx(total / max(1, counted), rel=1e-4, abs=1e-5)
    assert [rows.shape for rows in gradient] == [rows.shape for rows in emissions]


def test_learns_all_its_parameters(docs):
    model = make_model(nO=TAGS)
    model.initialize(X=docs)
    set_dropout_rate(model, 0.0)
    before = {k: v.clone() for k, v in crf_of(model).state_dict().items()}
    gold = [numpy.array(tags) for tags in ([1, 3, 0, 0, 4], [], [8], [0, 5, 7])]
    optimizer = Adam(0.02)
    losses = []
    for _ in range(40):
        emissions, backprop = model.begin_update(docs)
        loss, gradient = model.attrs["loss"](model, emissions, gold)
        backprop(gradient)
        model.finish_update(optimizer)
        losses.append(loss)
    assert losses[-1] < losses[0] / 4
    after = crf_of(model).state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    found = model.attrs["decode"](model, model.predict(docs))
    assert [path.tolist() for path in found] == [tags.tolist() for tags in gold]


def test_same_seed_same_weights(docs):
    models = [make_model(3, nO=TAGS), make_model(3, nO=TAGS)]
    states = []
    for model in models:
        fix_random_seed(4)
        model.initialize(X=docs)
        states.append(model.to_bytes())
    weights = [crf_of(model).hidden2tag.weight for model in models]
    assert torch.equal(*weights)


def test_bytes_and_pickle(model, docs):
    expected = model.predict(docs)
    loaded = make_model().from_bytes(model.to_bytes())
    for other in (loaded, pickle.loads(pickle.dumps(model))):
        assert other.get_dim("nO") == TAGS
        found = other.predict(docs)
        for rows, others in zip(expected, found):
            numpy.testing.assert_allclose(rows, others, rtol=1e-5, atol=1e-6)
        paths = [m.attrs["decode"](m, expected) for m in (model, other)]
        assert [p.tolist() for p in paths[0]] == [p.tolist() for p in paths[1]]
    assert loaded.to_bytes() == model.to_bytes()


def test_resize_keeps_what_was_learned(model, docs):
    before = model.predict(docs)
    shim_id = model.shims[0].id
    model.attrs["resize_output"](model, 13)
    assert model.get_dim("nO") == 13
    assert model.shims[0].id != shim_id, "old moments don't fit"
    for old, new in zip(before, model.predict(docs)):
        numpy.testing.assert_allclose(old, new[:, :TAGS], rtol=1e-5, atol=1e-6)


def test_unconstrained_takes_any_tags(docs):
    model = make_model(nO=4, constrained=False)
    model.initialize(X=docs)
    assert model.predict(docs)[0].shape == (5, 4)
    with pytest.raises(ValueError, match="E025"):
        make_model(nO=4).initialize(X=docs)
