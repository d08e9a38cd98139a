"""Where networks are, and in which precision they compute."""

import numpy
import pytest
import spacy
import torch
from thinc.util import has_cupy, has_torch_cuda_gpu
from toy import make_examples, shim_of, tensors, train

from spacy_ldnet.inputs import EncoderWords, Windows
from spacy_ldnet.nn.precision import runs_bfloat16

GPU = pytest.mark.skipif(
    not (has_cupy and has_torch_cuda_gpu), reason="there is no GPU (or no CuPy)"
)
DEVICES = ["cpu", pytest.param("gpu", marks=GPU)]
MIXED = {"components.ldnet.model.mixed_precision": True}


@pytest.fixture
def on(request):
    """Compute on a device for the time of a test."""

    def use(device):
        (spacy.require_gpu if device == "gpu" else spacy.require_cpu)()

    yield use
    spacy.require_cpu()


@pytest.mark.parametrize("device", DEVICES)
def test_trained_here_and_loaded_on_a_cpu(make_nlp, on, tmp_path, device):
    on(device)
    nlp = make_nlp()
    losses = train(nlp, 40)
    assert losses[-1]["ner"] < losses[0]["ner"]
    assert shim_of(nlp).network.device.type == ("cuda" if device == "gpu" else "cpu")
    expected = tensors(nlp)
    nlp.to_disk(tmp_path / "nlp")
    on("cpu")
    numpy.testing.assert_allclose(
        tensors(spacy.load(tmp_path / "nlp")), expected, atol=1e-4
    )


def test_mixed_precision_is_refused_on_a_cpu_when_a_training_begins(make_nlp):
    with pytest.raises(ValueError, match="E005.*'cpu'.*mixed_precision = false"):
        make_nlp(**MIXED)
    stack = {"components.ner.model.tok2vec.mixed_precision": True}
    with pytest.raises(ValueError, match="E005"):
        make_nlp(**stack)


def test_what_was_trained_in_mixed_precision_runs_on_a_cpu(make_nlp, tmp_path):
    nlp = make_nlp()
    expected = tensors(nlp)
    nlp.to_disk(tmp_path / "nlp")
    again = spacy.load(tmp_path / "nlp", config=MIXED)
    assert again.config["components"]["ldnet"]["model"]["mixed_precision"] is True
    numpy.testing.assert_allclose(tensors(again), expected, atol=1e-6)
    assert make_examples(again)


@pytest.mark.parametrize("device", [pytest.param("gpu", marks=GPU)])
def test_training_in_mixed_precision(make_nlp, on, device):
    on(device)
    losses = train(make_nlp(**MIXED), 40)
    assert losses[-1]["ner"] < losses[0]["ner"]


@pytest.mark.skipif(not runs_bfloat16(), reason="no LSTM in bfloat16 here")
def test_networks_take_what_autocast_makes_of_their_inputs(make_nlp):
    """torch's autocast of a CPU stands in for that of a GPU: half the layers give
    another type than the rest."""
    module = shim_of(make_nlp()).module
    words = EncoderWords(torch.arange(2, 12), torch.arange(10))
    windows = Windows(*(torch.tensor([n]) for n in (0, 10, 0, 10)))
    with torch.no_grad():
        expected = module(words, windows)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = module(words, windows)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.05)
