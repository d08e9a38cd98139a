import copy
from dataclasses import replace

import pytest
import torch

from spacy_ldnet.file_format import read_bytes
from spacy_ldnet.lm_directory import FIRST_WORD_ROW, UNK_ROW
from spacy_ldnet.nn.language_model import (
    LanguageModel,
    LanguageModelConfig,
    clip_cutoffs,
    detach_state,
)
from spacy_ldnet.nn.serialize import (
    module_from_bytes,
    module_to_bytes,
    round_to_half,
)
from spacy_ldnet.pretraining.vocabulary import give_subwords
from spacy_ldnet.subwords import find_subwords, subwords_of

CONFIG = LanguageModelConfig(
    embed=6,
    hidden=5,
    depth=3,
    unit="lstm",
    projection=16,
    activation="relu",
    cutoffs=(4, 11),
    dropout=0.0,
    layer_dropout=0.5,
    embed_dropout=0.0,
    output_dropout=0.0,
)


WORDS = [f"word{i}" for i in range(18)]


def make_model(**changes):
    torch.manual_seed(0)
    return LanguageModel(replace(CONFIG, **changes), rows=20, direction="forward")


@pytest.mark.parametrize("unit", ["lstm", "gru", "rnn"])
def test_carried_state_equals_reading_at_once(unit):
    model = make_model(unit=unit).eval()
    words, targets = torch.randint(20, (12, 3)), torch.randint(20, (12, 3))
    whole, _ = model(words, targets)
    first, state = model(words[:5], targets[:5])
    second, _ = model(words[5:], targets[5:], detach_state(state))
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-6)


def test_scores_are_the_full_softmax_at_the_targets():
    model = make_model().eval()
    words, targets = torch.randint(20, (4, 3)), torch.randint(20, (4, 3))
    scores, _ = model(words, targets)
    read, _ = model.read(words)
    full = model.softmax.log_prob(read.flatten(0, 1))
    assert torch.allclose(full.exp().sum(-1), torch.ones(12), atol=1e-5)
    expected = full.gather(1, targets.view(-1, 1)).view(4, 3)
    assert torch.allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("connectivity", ["dense", "stacked"])
@pytest.mark.parametrize("unit", ["lstm", "gru", "rnn"])
def test_padding_changes_no_score(unit, connectivity):
    model = make_model(unit=unit, connectivity=connectivity).eval()
    words, targets = torch.randint(20, (6, 3)), torch.randint(20, (6, 3))
    counted = torch.arange(6).unsqueeze(1) < torch.tensor([6, 2, 4])
    whole, _ = model(words, targets)
    some, _ = model(words, targets, None, counted)
    assert torch.allclose(some, whole[counted], atol=1e-6)


def test_stacked_layers_are_those_of_torch():
    model = make_model(connectivity="stacked").eval()
    words, targets = torch.randint(20, (12, 3)), torch.randint(20, (12, 3))
    lstm = torch.nn.LSTM(CONFIG.embed, CONFIG.hidden, num_layers=CONFIG.depth)
    lstm.load_state_dict(model.rnn.rnns.state_dict())
    expected = model.projection(lstm(model.embedding(words))[0]).relu()
    assert torch.allclose(model.read(words)[0], expected, atol=1e-6)
    whole, _ = model(words, targets)
    first, state = model(words[:5], targets[:5])
    second, _ = model(words[5:], targets[5:], detach_state(state))
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-6)
    weights = sum(p.numel() for n, p in model.rnn.named_parameters() if "weight" in n)
    assert model.rnn.macs == weights


def test_tied_softmax_uses_the_embeddings():
    model = make_model(tied=True, projection=CONFIG.embed).eval()
    words, targets = torch.randint(20, (9, 3)), torch.randint(20, (9, 3))
    plain = torch.nn.AdaptiveLogSoftmaxWithLoss(
        CONFIG.embed, 20, list(CONFIG.cutoffs), div_value=1.0
    )
    rows, softmax = model.embedding.weight, model.softmax
    first, second = CONFIG.cutoffs
    with torch.no_grad():
        plain.head.weight.copy_(torch.cat([rows[:first], softmax.clusters]))
        for i, (start, end) in enumerate([(first, second), (second, 20)]):
            plain.tail[i][0].weight.copy_(softmax.tail[i][0].weight)
            plain.tail[i][1].weight.copy_(rows[start:end])
    read, _ = model.read(words)
    expected = plain(read.flatten(0, 1), targets.flatten()).output.view(9, 3)
    scores, _ = model(words, targets)
    assert torch.allclose(scores, expected, atol=1e-6)
    # The output weights learn with the embeddings: words never read get a gradient.
    model(torch.full((9, 3), 5), targets)[0].sum().backward()
    assert (rows.grad[targets.unique()].abs().sum(1) > 0).all()
    own = {name for name, _ in model.named_parameters() if name.startswith("softmax")}
    assert own == {
        "softmax.clusters",
        "softmax.tail.0.0.weight",
        "softmax.tail.1.0.weight",
    }


def test_word_dropout_reads_the_unknown_word():
    model = make_model(word_dropout=0.5)
    words = torch.randint(2, 20, (200, 50))
    dropped = model._drop_words(words)
    share = float((dropped == UNK_ROW).double().mean())
    assert 0.48 < share < 0.52
    assert torch.equal(dropped[dropped != UNK_ROW], words[dropped != UNK_ROW])
    assert torch.equal(model.eval()._drop_words(words), words)


def test_layer_dropout_touches_only_the_way_to_later_layers():
    model = make_model(layer_dropout=0.999999)
    words = torch.randint(20, (7, 2))
    model.eval()
    x = model.embedding(words)
    free, _ = model.rnn(x, layer_dropout=0.0)
    model.train()
    dropped, _ = model.rnn(x, layer_dropout=0.999999)
    embed, hidden = CONFIG.embed, CONFIG.hidden
    # The embeddings and the first layer, which reads nothing but them, are there.
    assert torch.allclose(dropped[..., : embed + hidden], free[..., : embed + hidden])
    # Each later layer's own output is there too, computed from the embeddings alone.
    last = model.rnn.rnns[2]
    zeros = torch.zeros(7, 2, 2 * hidden)
    alone, _ = last(torch.cat([x, zeros], dim=-1))
    assert torch.allclose(dropped[..., embed + 2 * hidden :], alone, atol=1e-6)
    assert not torch.allclose(alone, free[..., embed + 2 * hidden :])


def test_no_dropout_of_any_kind_in_evaluation():
    rates = {"dropout": 0.5, "embed_dropout": 0.5, "output_dropout": 0.5}
    model = make_model(**rates).eval()
    words, targets = torch.randint(20, (4, 3)), torch.randint(20, (4, 3))
    assert torch.equal(model(words, targets)[0], model(words, targets)[0])
    model.train()
    assert not torch.equal(model(words, targets)[0], model(words, targets)[0])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"connectivity": "stacked"},
        {"tied": True, "projection": CONFIG.embed},
        {"word_rows": 5, "subword_rows": 30, "ngrams": (1, 3), "features": ("shape",)},
    ],
)
def test_bytes_restore_weights_and_structure(changes):
    model = make_model(**changes).eval()
    data = module_to_bytes(model)
    again = module_from_bytes(LanguageModel, data).eval()
    for network in (model, again):
        give_subwords(network, WORDS)
    assert again.structure() == model.structure()
    assert again.config == model.config and again.direction == "forward"
    assert module_to_bytes(again) == data
    words = torch.randint(20, (4, 3))
    assert torch.equal(again(words, words)[0], model(words, words)[0])


def test_half_precision_is_widened_and_written_back_the_same():
    model = make_model().eval()
    whole, exact = module_to_bytes(model), copy.deepcopy(model)
    assert "dtype" not in read_bytes(whole)[0]
    round_to_half(model)
    data = module_to_bytes(model)
    weights = sum(p.numel() for p in model.parameters())
    assert len(whole) - len(data) > 1.9 * weights
    assert read_bytes(data)[0]["dtype"] == "float16"
    again = module_from_bytes(LanguageModel, data)
    assert again.dtype == torch.float32 and module_to_bytes(again) == data
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, exact.state_dict()[name].half().float())


def test_only_weights_that_changed_are_written_in_full():
    model = make_model().eval()
    round_to_half(model)
    with torch.no_grad():
        model.projection.weight += 1e-5
    header, tensors = read_bytes(module_to_bytes(model))
    assert "dtype" not in header
    full = {name for name, array in tensors.items() if array.dtype == "float32"}
    assert full == {"projection.weight"}


def test_unseen_words_are_read_by_their_subwords():
    subwords = {"word_rows": 5, "subword_rows": 50, "ngrams": (3, 4)}
    model = make_model(**subwords, word_dropout=0.0).eval()
    assert len(model.embedding.weight) == 5 + FIRST_WORD_ROW
    with pytest.raises(ValueError, match="E160"):
        model(torch.tensor([[2]]), torch.tensor([[2]]))
    unseen = [*WORDS, "sparrows", "sparrow", "elephant"]
    give_subwords(model, unseen)
    first = FIRST_WORD_ROW + len(WORDS)
    x = model._embed(torch.tensor([[first, first + 1, first + 2, UNK_ROW]]))[0]
    found = find_subwords(unseen, subwords_of(model.config))
    own = model.embedding.weight[UNK_ROW]
    for place, word in enumerate(range(len(WORDS), len(unseen))):
        rows = found.ids[found.offsets[word] : found.offsets[word + 1]]
        expected = own + model.embedding.subwords[rows].mean(0)
        torch.testing.assert_close(x[place], expected)
    torch.testing.assert_close(x[3], own)
    near, far = (x[0] - x[1]).norm(), (x[0] - x[2]).norm()
    assert near < far
    # What is not in the vocabulary is predicted as the unknown word.
    words = torch.tensor([[2, 3]])
    beyond, _ = model(words, torch.tensor([[first, first + 2]]))
    unknown, _ = model(words, torch.tensor([[UNK_ROW, UNK_ROW]]))
    assert torch.equal(beyond, unknown)


def test_the_encoder_finds_embedding_and_rnn_by_name():
    names = {name.split(".")[0] for name in make_model().state_dict()}
    assert names == {"embedding", "rnn", "projection", "softmax"}


@pytest.mark.parametrize(
    "cutoffs,rows,expected",
    [((4, 11), 20, (4, 11)), ((4, 11), 9, (4,)), ((4, 11), 4, (3,))],
)
def test_cutoffs_are_clipped_to_the_vocabulary(cutoffs, rows, expected):
    assert clip_cutoffs(cutoffs, rows) == expected
    LanguageModel(replace(CONFIG, cutoffs=cutoffs), rows=rows, direction="forward")
