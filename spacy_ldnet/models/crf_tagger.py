"""`CRFTagger`: a CRF over a `tok2vec` layer."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model
from thinc.types import Floats1d, Floats2d, Ints1d

from ..errors import Errors
from ..iobes import FORBIDDEN
from ..util import require_torch
from .doc_arrays import split_rows
from .encoder import no_gradient
from .shim import NetworkShim
from .tok2vec import concatenate, read_vectors
from .types import AllowedTags, CRFTaggerModel, SoftTargets


def build_crf_tagger_v1(
    *,
    tok2vec: Model[List[Doc], List[Floats2d]],
    constrained: bool = True,
    by_sentence: bool = False,
    nO: Optional[int] = None,
) -> CRFTaggerModel:
    """Build a linear-chain CRF over IOBES tags. Its output are emission scores, one row
    per token. Functions in `model.attrs` turn them into tags, loss and probabilities.

    tok2vec (Model[List[Doc], List[Floats2d]]): Vectors of the tokens.
    constrained (bool): Exclude paths that are not legal IOBES, in training as well as
        in decoding.
    by_sentence (bool): Make each sentence a sequence of its own, so that no entity
        crosses the end of one. Otherwise, and in docs without sentences, the whole doc
        is one sequence.
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
            "take_tags": take_tags,
        },
        shims=[NetworkShim("spacy_ldnet.nn.crf:LinearChainCRF")],
    )


def init(
    model: CRFTaggerModel,
    X: Optional[List[Doc]] = None,
    Y: Optional[List[Floats2d]] = None,
) -> None:
    """Initialise the tok2vec, and build the CRF once the number of tags is known.

    RAISES (ValueError): E136 without torch.
    """
    tok2vec = model.layers[0]
    tok2vec.initialize(X=X)
    if model.has_dim("nO") is None and Y:
        model.set_dim("nO", Y[0].shape[1])
    if model.has_dim("nO"):
        require_torch("to initialise a pipeline")
        from .torch_network import build_crf

        _shim(model).module = build_crf(
            n_in=tok2vec.get_dim("nO"),
            n_tags=model.get_dim("nO"),
            constrained=model.attrs["constrained"],
        )


def forward(
    model: CRFTaggerModel, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], Any]]:
    """Emission scores of the docs' tokens.

    RAISES (ValueError): E004 if the model was never initialised or loaded, E110 or
        E111 for vectors that do not fit, E193 for a listener that was given none.
    """
    shim = _built(model)
    predict_with_head = model.layers[0].attrs.get("predict_with_head")
    if predict_with_head is not None and not is_train:
        return predict_with_head(model.layers[0], docs, shim), no_gradient
    width, lengths = shim.structure["n_in"], list(map(len, docs))
    X, bp_vectors = read_vectors(model, docs, is_train, width=width, lengths=lengths)
    Y, bp_network = shim(ArgsKwargs((X,), {}), is_train)

    def backprop(dYs: List[Floats2d]) -> Any:
        (dX,) = bp_network(concatenate(model, dYs, model.get_dim("nO")))
        return bp_vectors(dX)

    return split_rows(Y, lengths), backprop


# What the component calls: from emission scores to tags, probabilities and the loss


def decode(
    model: CRFTaggerModel, emissions: List[Floats2d], *, allowed: AllowedTags = None
) -> List[Ints1d]:
    """Find the best tags of each text, whatever the other texts are.

    model (Model): The CRF tagger.
    emissions (List[Floats2d]): Its output, or some of the rows of it.
    allowed (Optional[List[Optional[Array2d]]]): For each text, whether a token (row)
        may have a tag (column); None for any.
    RETURNS (List[Ints1d]): For each text the number of each token's tag, on the CPU.
    """
    flat, lengths = _flatten(model, emissions, allowed)
    tags = _built(model).call("viterbi", flat, lengths=lengths)
    return split_rows(tags, lengths.tolist())


def marginals(
    model: CRFTaggerModel, emissions: List[Floats2d], *, allowed: AllowedTags = None
) -> List[Floats2d]:
    """RETURNS (List[Floats2d]): For each text, the probability of each token's (row)
    tags (columns), on the CPU in float64.
    """
    flat, lengths = _flatten(model, emissions, allowed)
    probs = _built(model).call("marginals", flat, lengths=lengths)
    return split_rows(probs, lengths.tolist())


def path_scores(
    model: CRFTaggerModel,
    emissions: List[Floats2d],
    tags: List[Ints1d],
    *,
    allowed: AllowedTags = None,
) -> List[Tuple[Floats1d, Floats1d]]:
    """Scores from which the probability of any part of the path `tags` is read:
    that tokens i to j have these tags is `exp(prefix[i] + suffix[j])`.

    RETURNS (List[Tuple[Floats1d, Floats1d]]): For each text prefix and suffix, one
        number per token, on the CPU in float64.
    """
    flat, lengths = _flatten(model, emissions, allowed)
    path = model.ops.xp.asarray(numpy.concatenate([numpy.zeros(0, "int64"), *tags]))
    parts = _built(model).call("span_score_parts", flat, tags=path, lengths=lengths)
    return list(zip(*(split_rows(part, lengths.tolist()) for part in parts)))


def resize_output(model: CRFTaggerModel, new_nO: int) -> CRFTaggerModel:
    """Add tags. The scores of the old ones stay, but not their optimizer state, since
    moments of the old shapes do not fit. Without effect before the CRF is built: an `nO`
    given in the config is the user's.

    model (Model): The CRF tagger.
    new_nO (int): Number of tags, not fewer than now.
    RETURNS (Model): The same model.
    RAISES (ValueError): E136 without torch.
    """
    shim = _shim(model)
    if shim.is_built:
        require_torch("to add labels")
        from .torch_network import resize_crf

        shim.module = resize_crf(shim.module, new_nO)
        shim.renew_id()
        model.set_dim("nO", new_nO, force=True)
    return model


def take_tags(
    model: CRFTaggerModel, other: CRFTaggerModel, tags: Dict[int, int]
) -> None:
    """Take the scores of some tags from another CRF tagger, in place.

    model (Model): The CRF tagger.
    other (Model): The other one, with a tok2vec of the same width.
    tags (Dict[int, int]): For each tag its number in the other one.
    RAISES (ValueError): E004 if one of them has no weights, E136 without torch.
    """
    _built(model).module.take_tags(_built(other).module, tags)


def loss(
    model: CRFTaggerModel,
    emissions: List[Floats2d],
    gold: List[Ints1d],
    *,
    open_tags: Optional[Sequence[Optional[Any]]] = None,
    soft_targets: Optional[SoftTargets] = None,
) -> Tuple[float, List[Floats2d]]:
    """Negative log likelihood per annotated token, and its gradient. The gradients of
    the CRF's own scores are added to its parameters, for `model.finish_update`.

    The mean is over tokens, since a doc may be a sentence or a book: so neither the
    docs' lengths nor the batch size change how the gradient compares with a penalty.

    model (Model): The CRF tagger.
    emissions (List[Floats2d]): Its output, or some of the rows of it.
    gold (List[Ints1d]): For each text the number of each token's tag, -1 for a token
        without annotation, which may have any. Texts with none at all and no teacher
        count for nothing, nor does the likelihood where no legal path fits.
    open_tags (Optional[Sequence[Optional[Array1d]]]): For each text the tags that its
        tokens tagged O may also have, one boolean per tag; None for O alone. The
        likelihood is that of all paths that this allows.
    soft_targets (Optional[SoftTargets]): A teacher's probabilities. The divergence of
        the tags' marginals from them is mixed with the likelihood. None for no teacher.
    RETURNS (Tuple[float, List[Floats2d]]): The loss, and its gradient.
    """
    from .crf_loss import tag_loss

    targets = soft_targets.targets if soft_targets else [None] * len(gold)
    d_emissions = [model.ops.xp.zeros_like(rows) for rows in emissions]
    chosen = [
        i
        for i, (tags, target) in enumerate(zip(gold, targets))
        if len(tags) and (target is not None or bool((tags >= 0).any()))
    ]
    if not chosen:
        return 0.0, d_emissions
    flat, lengths = _flatten(model, [emissions[i] for i in chosen], None)
    if soft_targets is not None:
        soft_targets = soft_targets._replace(targets=[targets[i] for i in chosen])
    value, d_flat = tag_loss(
        _built(model).module,
        flat,
        lengths,
        numpy.concatenate([gold[i] for i in chosen]),
        open_tags=None if open_tags is None else [open_tags[i] for i in chosen],
        soft_targets=soft_targets,
    )
    for i, rows in zip(chosen, split_rows(d_flat, lengths.tolist())):
        d_emissions[i] = rows
    return value, d_emissions


def _flatten(
    model: CRFTaggerModel, emissions: List[Floats2d], allowed: AllowedTags
) -> Tuple[Any, numpy.ndarray]:
    """One array of all rows where tags that are not allowed are ruled out, and the
    texts' lengths.
    """
    sizes = [len(rows) for rows in emissions]
    xp, n_tags = model.ops.xp, _built(model).structure["n_tags"]
    flat = concatenate(model, emissions, n_tags)
    if allowed is not None and any(mask is not None for mask in allowed):
        keep = numpy.ones(flat.shape, dtype=bool)
        for rows, mask in zip(split_rows(keep, sizes), allowed):
            if mask is not None:
                rows[:] = mask
        flat = xp.where(xp.asarray(keep), flat, xp.float32(FORBIDDEN))
    return flat, numpy.array(sizes, dtype="int64")


def _shim(model: CRFTaggerModel) -> NetworkShim:
    return cast(NetworkShim, model.shims[0])


def _built(model: CRFTaggerModel) -> NetworkShim:
    shim = _shim(model)
    if shim.structure is None:
        raise ValueError(Errors.E004)
    return shim
