import numpy
import pytest
import spacy
import srsly
import torch
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from thinc.api import Model
from toy import DEPTH, SENTENCES, WIDTH, write_language_model

from spacy_ldnet.file_format import read_bytes
from spacy_ldnet.lm_directory import DIRECTIONS, EOS_ROW, WORDS_FILE, weights_file
from spacy_ldnet.loaders import create_encoder_loader_v1
from spacy_ldnet.models.encoder import build_ldnet_encoder_v1, find_encoders
from spacy_ldnet.pruning import prune_encoder

SIZES = {"width": WIDTH, "embed": 6, "hidden": 5, "depth": DEPTH}
TEXTS = [words for words, _ in SENTENCES]
ODD = [[], ["Ada"], [" ", "\n"], ["never", "seen", "🙂", "e\u0301", "עברית"]]


@pytest.fixture
def vocab():
    return spacy.blank("en").vocab


@pytest.fixture
def encoder(lm_dir):
    return create_encoder_loader_v1(path=lm_dir)(build_ldnet_encoder_v1(**SIZES))


def make_docs(vocab, texts=TEXTS):
    return [Doc(vocab, words=words) for words in texts]


def test_loaded_weights_equal_the_file(encoder, lm_dir):
    module = encoder.shims[0].module
    for direction in DIRECTIONS:
        _, tensors = read_bytes((lm_dir / weights_file(direction)).read_bytes())
        for name, weight in module.backbones[direction].state_dict().items():
            assert numpy.array_equal(weight, tensors[name])


def test_output_equals_a_word_by_word_reference(encoder, vocab):
    """One sentence, one direction after the other, without windows or batches."""
    words = TEXTS[0]
    module = encoder.shims[0].module.eval()
    known = encoder.shims[0].words
    rows = torch.tensor([known.index(word) + 2 for word in words])
    read = []
    for direction in DIRECTIONS:
        ids = rows if direction == "forward" else rows.flip(0)
        stream = torch.cat([torch.tensor([EOS_ROW]), ids]).unsqueeze(1)
        backbone = module.backbones[direction]
        r = backbone(stream, backbone.embedding.weight)[1:, 0]
        read.append(r if direction == "forward" else r.flip(0))
    expected = torch.relu(module.project(torch.cat(read, dim=-1)))
    found = encoder.predict(make_docs(vocab, [words]))[0]
    assert_allclose(found, expected.detach().numpy(), atol=1e-6)


def test_batch_and_order_do_not_matter(encoder, vocab):
    docs = make_docs(vocab, TEXTS + ODD + [TEXTS[0] * 9])
    alone = [encoder.predict([doc])[0] for doc in docs]
    for order in (list(range(len(docs))), list(range(len(docs)))[::-1]):
        together = encoder.predict([docs[i] for i in order])
        for place, i in enumerate(order):
            assert together[place].shape == (len(docs[i]), WIDTH)
            assert_allclose(together[place], alone[i], atol=1e-6)


def test_windows_are_exact_where_context_is_whole(lm_dir, vocab):
    """A token in the middle of a window sees the same as in a longer one."""
    load = create_encoder_loader_v1(path=lm_dir)
    short = load(build_ldnet_encoder_v1(window=16, **SIZES))
    whole = load(build_ldnet_encoder_v1(window=4096, **SIZES))
    short.shims[0].load(whole.shims[0].module, whole.shims[0].words)
    docs = make_docs(vocab, [TEXTS[0] * 10])
    a, b = short.predict(docs)[0], whole.predict(docs)[0]
    assert a.shape == b.shape
    assert numpy.abs(a - b).max() > 0, "the windows were not cut"
    assert_allclose(a, b, atol=0.05)


def test_pruned_encoder_survives_its_bytes(encoder, vocab):
    shim = encoder.shims[0]
    shim.module.gates.data.copy_(torch.tensor([1.0, 0.0, 0.4, 0.0, 0.0, 1.0]))
    docs = make_docs(vocab)
    expected = encoder.predict(docs)
    prune_encoder(encoder)
    fresh = build_ldnet_encoder_v1(**SIZES).from_bytes(encoder.to_bytes())
    assert len(fresh.shims[0].module.config.forward) == 2
    for a, b in zip(fresh.predict(docs), expected):
        assert_allclose(a, b, atol=1e-5)
    assert fresh.to_bytes() == encoder.to_bytes()


def test_copy_has_optimizer_state_of_its_own(encoder):
    assert encoder.copy().shims[0].id != encoder.shims[0].id


def test_frozen_language_models_keep_no_gradient(encoder, vocab):
    docs = make_docs(vocab)
    Y, backprop = encoder.begin_update(docs)
    backprop([numpy.ones_like(y) for y in Y])
    module = encoder.shims[0].module
    assert module.project.weight.grad is not None
    assert all(
        p.grad is None for t in module.backbones.values() for p in t.parameters()
    )


def test_sizes_of_another_model_are_named(tmp_path):
    path = write_language_model(tmp_path / "other", hidden=7)
    with pytest.raises(ValueError, match=r"hidden is 7 in the file but 5"):
        create_encoder_loader_v1(path=path)(build_ldnet_encoder_v1(**SIZES))


def test_missing_file_is_named(lm_dir):
    (lm_dir / weights_file("backward")).unlink()
    with pytest.raises(ValueError, match="E011.*backward.safetensors"):
        create_encoder_loader_v1(path=lm_dir)(build_ldnet_encoder_v1(**SIZES))


def test_words_of_another_model_are_noticed(lm_dir):
    srsly.write_json(lm_dir / WORDS_FILE, ["other", "words"])
    with pytest.raises(ValueError, match="E015"):
        create_encoder_loader_v1(path=lm_dir)(build_ldnet_encoder_v1(**SIZES))


@pytest.mark.parametrize(
    "setting", [{"unit": "qrnn"}, {"window": 2}, {"dropout": 1.0}, {"width": 0}]
)
def test_bad_values_are_named(setting):
    name, value = next(iter(setting.items()))
    with pytest.raises(ValueError, match=f"E013.*{value!r}.*{name}"):
        build_ldnet_encoder_v1(**setting)


def test_a_misspelt_choice_is_named():
    with pytest.raises(ValueError, match="lstm, gru, rnn .did you mean 'lstm'"):
        build_ldnet_encoder_v1(unit="LSTM1")


def test_encoders_are_found_inside_other_models(encoder):
    outer: Model = Model("outer", lambda *args: None, layers=[encoder])
    assert find_encoders(outer) == [encoder]
