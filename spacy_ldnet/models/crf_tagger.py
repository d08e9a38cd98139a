"""`CRFTagger`: a CRF over a `tok2vec` layer."""

from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple, cast

import torch
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, Ops, torch2xp, xp2torch
from thinc.types import Floats1d, Floats2d, Ints1d
from torch import Tensor

from ..errors import Errors
from ..iobes import OUTSIDE
from ..nn.crf import LinearChainCRF, tempered_divergence
from ..nn.lattice import FORBIDDEN
from ..nn.precision import with_own_defaults
from .doc_arrays import split_rows
from .encoder import check_rows, no_gradient, read_vectors
from .shim import ModuleShim

CRFTaggerModel = Model[List[Doc], List[Floats2d]]
#: For each token, which tags it may have; None for any.
Allowed = Optional[List[Any]]


def shim_of(model: CRFTaggerModel) -> ModuleShim:
    return cast(ModuleShim, model.shims[0])


def crf_of(model: CRFTaggerModel) -> LinearChainCRF:
    module = shim_of(model).module
    if module is None:
        raise ValueError(Errors.E004)
    return cast(LinearChainCRF, module)


def flatten(
    model: CRFTaggerModel, emissions: List[Floats2d], allowed: Allowed
) -> Tuple[Tensor, Tensor]:
    """One tensor of all rows where tags that are not allowed are ruled out, and the
    texts' lengths.
    """
    lengths = torch.tensor([len(rows) for rows in emissions], dtype=torch.long)
    flat = xp2torch(concatenate(model.ops, emissions, crf_of(model).n_tags))
    if allowed is not None and any(mask is not None for mask in allowed):
        keep = torch.ones(flat.shape, dtype=torch.bool)
        for rows, mask in zip(keep.split(lengths.tolist()), allowed):
            if mask is not None:
                rows.copy_(torch.as_tensor(mask))
        flat = flat.masked_fill(~keep.to(flat.device), FORBIDDEN)
    return flat, lengths


def concatenate(ops: Ops, arrays: Sequence[Floats2d], width: int) -> Floats2d:
    """Unlike `ops.flatten`, always two-dimensional."""
    filled = [array for array in arrays if len(array)]
    if len(filled) == 1:
        # Of one long document a copy would be large.
        return filled[0]
    return ops.xp.concatenate(filled) if filled else ops.alloc2f(0, width)


class SoftTargets(NamedTuple):
    """What a teacher says about some texts, and how much that counts.

    targets (List[Optional[Floats2d]]): For each text the teacher's probabilities of
        each token's (row) tags (columns), all zero for a token without; None for a
        text that has no teacher.
    weight (float): Share of the divergence in the loss of a text with a teacher, the
        likelihood having the rest; from 0 to 1.
    temperature (float): Of the divergence, above 0.
    """

    targets: List[Any]
    weight: float
    temperature: float


@with_own_defaults
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
    open_tags (Optional[Sequence[Optional[Array1d]]]): For each text whether its tokens
        that are O may have a tag (one boolean a tag) as well; None for O alone. The
        likelihood is that of all paths that this allows.
    soft_targets (Optional[SoftTargets]): What is mixed with the likelihood, if anything: the
        divergence of the tags' marginals from a teacher's.
    RETURNS (Tuple[float, List[Floats2d]]): The loss, and its gradient.
    """
    targets = soft_targets.targets if soft_targets else [None] * len(gold)
    d_emissions = [model.ops.xp.zeros_like(rows) for rows in emissions]
    chosen = [
        i
        for i, (tags, target) in enumerate(zip(gold, targets))
        if len(tags) and (target is not None or bool((tags >= 0).any()))
    ]
    if not chosen:
        return 0.0, d_emissions
    flat, lengths = flatten(model, [emissions[i] for i in chosen], None)
    tags = torch.cat([torch.as_tensor(gold[i], dtype=torch.long) for i in chosen])
    tags = tags.to(flat.device).unsqueeze(1)
    every_tag = torch.arange(flat.shape[1], device=flat.device)
    counted = (tags >= 0).squeeze(1)
    allowed = (tags == every_tag) | (tags < 0)
    if open_tags is not None:
        wider = _open_rows([open_tags[i] for i in chosen], lengths, flat)
        allowed |= (tags == OUTSIDE) & wider
    flat = flat.detach().requires_grad_()
    with torch.enable_grad():
        fit = crf_of(model).log_likelihood(flat, lengths, allowed)
        # Not "> FORBIDDEN / 2" alone: a NaN has to be seen by the component.
        fit = torch.where(fit < FORBIDDEN / 2, torch.zeros_like(fit), fit)
        total = -fit.sum()
        if soft_targets is not None and any(targets[i] is not None for i in chosen):
            part = soft_targets._replace(targets=[targets[i] for i in chosen])
            change, taught = _teach(crf_of(model), part, flat, lengths, fit)
            total, counted = total + change, counted | taught
        # There may be none: soft labels for tokens that are not those of the doc.
        mean = total / counted.sum().clamp(min=1)
        mean.backward()
    gradient = cast(Tensor, flat.grad)
    for i, rows in zip(chosen, split_rows(torch2xp(gradient), lengths.tolist())):
        d_emissions[i] = rows
    return float(mean.detach()), d_emissions


def _open_rows(
    open_tags: Sequence[Optional[Any]], lengths: Tensor, flat: Tensor
) -> Tensor:
    """The open tags of each token's text. *Shape:* (tokens, tags)"""
    rows = torch.zeros((len(open_tags), flat.shape[1]), dtype=torch.bool)
    for i, some in enumerate(open_tags):
        if some is not None:
            rows[i] = torch.as_tensor(some)
    return rows.repeat_interleave(lengths, dim=0).to(flat.device)


def _teach(
    crf: LinearChainCRF,
    soft_targets: SoftTargets,
    flat: Tensor,
    lengths: Tensor,
    fit: Tensor,
) -> Tuple[Tensor, Tensor]:
    """What the teacher changes in the summed loss, and which tokens it speaks of.

    fit (Tensor): The log likelihood of each text.
    """
    taught = torch.tensor([target is not None for target in soft_targets.targets])
    given = [torch.as_tensor(t) for t in soft_targets.targets if t is not None]
    targets = torch.cat(given).to(flat.device)
    rows = taught.repeat_interleave(lengths).to(flat.device)
    log_marginals = crf.log_marginals(flat[rows], lengths[taught])
    apart = tempered_divergence(log_marginals, targets, soft_targets.temperature)
    change = soft_targets.weight * (apart.sum() + fit[taught.to(fit.device)].sum())
    return change, rows.masked_scatter(rows, targets.any(dim=1))


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
    predict_with_head = model.layers[0].attrs.get("predict_with_head")
    if predict_with_head is not None and not is_train:
        emissions = predict_with_head(model.layers[0], docs, crf.hidden2tag)
        return emissions, no_gradient
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
    that tokens i to j have these tags is `exp(prefix[i] + suffix[j])`.

    RETURNS (List[Tuple[Floats1d, Floats1d]]): For each text prefix and suffix, one number
        a token, on the CPU in float64.
    """
    flat, lengths = flatten(model, emissions, allowed)
    path = torch.cat(
        [torch.empty(0, dtype=torch.long), *(torch.as_tensor(t) for t in tags)]
    )
    prefix, suffix = crf_of(model).span_score_parts(flat, lengths, path.to(flat.device))
    sizes = lengths.tolist()
    pairs = zip(
        split_rows(prefix.cpu().numpy(), sizes), split_rows(suffix.cpu().numpy(), sizes)
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
