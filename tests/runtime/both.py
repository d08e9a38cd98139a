"""Networks of torch's and the same networks in numpy, and what both of them read."""

import numpy
import torch
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_ldnet.inputs import convert
from spacy_ldnet.models.doc_arrays import make_windows
from spacy_ldnet.nn.serialize import module_to_bytes
from spacy_ldnet.runtime import network_from_bytes

VOCAB = Vocab()


def randomised(module, seed):
    """The network with weights that none of them has by default, and in numpy."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name != "gates":
                weight.uniform_(-0.6, 0.6)
    module.eval()
    return module, network_from_bytes(module_to_bytes(module))


def windows_of(sizes, window):
    """Windows over documents, for torch and for numpy."""
    docs = [Doc(VOCAB, words=["a"] * size) for size in sizes]
    windows = make_windows(docs, window)
    return convert(windows, torch.from_numpy), windows


def assert_close(found, expected):
    expected = expected.detach().numpy()
    assert found.dtype == expected.dtype
    numpy.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
