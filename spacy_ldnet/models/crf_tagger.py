"""A conditional random field on top of any tok2vec."""

from functools import partial
from typing import Any, Callable, List, Optional, Tuple

import torch
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats1d, Floats2d, Ints1d
from torch import Tensor

from ..nn.crf import LinearChainCRF
from ..nn.precision import with_own_defaults
from ..nn.stack import Readout
from .crf_loss import loss
from .crf_rows import (
    Allowed,
    CRFTaggerModel,
    concatenate,
    crf_of,
    flatten,
    shim_of,
)
from .encoder import check_rows, no_gradient, read_vectors, split_rows
from .shim import ModuleShim


def build_crf_tagger_v1(
    *,
    tok2vec: Model[List[Doc], List[Floats2d]],
    constrained: bool = True,
    by_sentence: bool = False,
    nO: Optional[int] = None,
) -> CRFTaggerModel:
    """Build a linear-chain CRF over IOBES tags. The output are emission scores, one row
    a token; `model.attrs` hold what turns them into tags, loss and probabilities.

    tok2vec (Model[List[Doc], List[Floats2d]]): Vectors of the tokens.
    constrained (bool): Exclude paths that are not legal IOBES, in training as well as
        in decoding.
    by_sentence (bool): Begin anew at each sentence's start, where a doc has them; no
        entity goes on behind its sentence then. A doc is one sequence otherwise.
    nO (Optional[int]): Number of tags, 1 + 4 * labels; set by the component when it
        is initialised if None.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    """
    return Model(
        "crf_tagger",
        forward,
        init=init,
        dims={"nO": nO},
        layers=[tok2vec],
        refs={"tok2vec": tok2vec},
        attrs={
            "constrained": constrained,
            "by_sentence": by_sentence,
            "decode": decode,
            "loss": loss,
            "marginals": marginals,
            "path_scores": path_scores,
            "resize_output": resize_output,
        },
        shims=[ModuleShim(LinearChainCRF)],
    )


@with_own_defaults
def init(
    model: CRFTaggerModel,
    X: Optional[List[Doc]] = None,
    Y: Optional[List[Floats2d]] = None,
) -> None:
    """Initialise the tok2vec, and build the CRF once the number of tags is known."""
    tok2vec = model.layers[0]
    tok2vec.initialize(X=X)
    if model.has_dim("nO") is None and Y:
        model.set_dim("nO", Y[0].shape[1])
    if model.has_dim("nO"):
        shim_of(model).module = LinearChainCRF(
            n_in=tok2vec.get_dim("nO"),
            n_tags=model.get_dim("nO"),
            constrained=model.attrs["constrained"],
        )


@with_own_defaults
def forward(
    model: CRFTaggerModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], Any]]:
    """Emission scores of the docs' tokens.

    RAISES (ValueError): E004 if the model was never initialised or loaded, E110 or
        E111 for vectors that do not fit, E193 for a listener that was given none.
    """
    crf = crf_of(model)
    predict_through = model.layers[0].attrs.get("predict_through")
    if predict_through is not None and not is_train:
        readout = Readout(crf.n_tags, partial(_emissions, shim_of(model)))
        return predict_through(model.layers[0], docs, readout), no_gradient
    vectors, backprop_vectors = read_vectors(model.layers[0], docs, is_train, model)
    sizes = [len(rows) for rows in vectors]
    check_rows(vectors, list(map(len, docs)), crf.n_in, model, model.layers[0])
    flat = concatenate(model.ops, vectors, crf.n_in).astype("float32", copy=False)
    hidden = xp2torch(flat, requires_grad=is_train)
    output, backprop_torch = shim_of(model)(ArgsKwargs((hidden,), {}), is_train)

    @with_own_defaults
    def backprop(d_emissions: List[Floats2d]) -> Any:
        flat = concatenate(model.ops, d_emissions, model.get_dim("nO"))
        gradient = xp2torch(flat, device=output.device)
        d_inputs = backprop_torch(
            ArgsKwargs(args=((output,),), kwargs={"grad_tensors": (gradient,)})
        )
        return backprop_vectors(split_rows(torch2xp(d_inputs.args[0]), sizes))

    return split_rows(torch2xp(output.detach()), sizes), backprop


def _emissions(shim: ModuleShim, hidden: Tensor) -> Tensor:
    # Whatever precision the layer that calls computes in, tags have their own.
    with torch.autocast(hidden.device.type, enabled=False):
        return shim.predict(ArgsKwargs((hidden,), {}))


@with_own_defaults
def decode(
    model: CRFTaggerModel, emissions: List[Floats2d], *, allowed: Allowed = None
) -> List[Ints1d]:
    """Find the best tags of each text, whatever the other texts are.

    model (Model): The CRF tagger.
    emissions (List[Floats2d]): Its output, or some of the rows of it.
    allowed (Optional[List[Optional[Array2d]]]): For each text, whether a token (row)
        may have a tag (column); None for any.
    RETURNS (List[Ints1d]): For each text the number of each token's tag, on the CPU.
    """
    flat, lengths = flatten(model, emissions, allowed)
    tags = crf_of(model).viterbi(flat, lengths)
    return split_rows(tags.cpu().numpy(), lengths.tolist())


@with_own_defaults
def marginals(
    model: CRFTaggerModel, emissions: List[Floats2d], *, allowed: Allowed = None
) -> List[Floats2d]:
    """RETURNS (List[Floats2d]): For each text, the probability of each token's (row)
    tags (columns), on the CPU in float64.
    """
    flat, lengths = flatten(model, emissions, allowed)
    chances = crf_of(model).marginals(flat, lengths)
    return split_rows(chances.cpu().numpy(), lengths.tolist())


@with_own_defaults
def path_scores(
    model: CRFTaggerModel,
    emissions: List[Floats2d],
    tags: List[Ints1d],
    *,
    allowed: Allowed = None,
) -> List[Tuple[Floats1d, Floats1d]]:
    """Scores from which the probability of any part of the path `tags` is read off:
    that tokens i to j have these tags is `exp(head[i] + tail[j])`.

    RETURNS (List[Tuple[Floats1d, Floats1d]]): For each text head and tail, one number
        a token, on the CPU in float64.
    """
    flat, lengths = flatten(model, emissions, allowed)
    path = torch.cat(
        [torch.empty(0, dtype=torch.long), *(torch.as_tensor(t) for t in tags)]
    )
    head, tail = crf_of(model).path_scores(flat, lengths, path.to(flat.device))
    sizes = lengths.tolist()
    pairs = zip(
        split_rows(head.cpu().numpy(), sizes), split_rows(tail.cpu().numpy(), sizes)
    )
    return list(pairs)


@with_own_defaults
def resize_output(model: CRFTaggerModel, new_nO: int) -> CRFTaggerModel:
    """Add tags; what the CRF knows about the old ones stays. Its optimizer state does
    not, since moments of the old shapes do not fit. Before the CRF is built nothing
    happens: an `nO` given in the config is the user's.

    model (Model): The CRF tagger.
    new_nO (int): Number of tags, not fewer than now.
    RETURNS (Model): The same model.
    """
    shim = shim_of(model)
    if shim.module is None:
        return model
    shim.module = shim.module.resized(new_nO)
    shim.renew_id()
    model.set_dim("nO", new_nO, force=True)
    return model
