"""Viterbi decoding: the best path through the tags of every sequence.

A path scores ``start[y_1] + sum_t e_t[y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T]``.
The forward pass replaces each emission by the best score of all paths up to its tag. It
keeps no back pointers: along the one path that is traced back a pointer is an argmax over
tags, instead of one over pairs of tags.

All ways to decode find the same path. Which one is fastest depends on the batch:

- a few short sequences on a CPU: each one in numpy;
- many sequences: packed by time step, so that one operation serves all of them;
- a long sequence: cut into windows that overlap, which are decoded as a batch.
"""

import sys
import warnings
from functools import partial
from typing import Callable, List, NamedTuple, Optional, TypeVar

import numpy
import torch
from torch import Tensor

from .. import iobes
from ..iobes import FORBIDDEN
from ..packing import Array, pack
from ..runtime.crf import RESCALE, best_path
from .threads import n_workers, parallel_for

#: Sequences up to which each on its own is faster than all together.
MAX_NUMPY_SEQUENCES = 4
#: Sequences up to which a group is not split between threads: each part would take as
#: long as the whole.
MIN_SHARED_SEQUENCES = 32
#: Numbers that one step of a group may hold at once: on a CPU they stay in the cache.
STEP_SIZE_CPU = 2**18
STEP_SIZE_GPU = 2**25

#: Steps of a window that are its own, and those that it shares with each neighbour.
STRIDE, OVERLAP = 256, 64
WINDOW = STRIDE + 2 * OVERLAP
#: Sequences from this length on are cut into windows.
MIN_WINDOWED_LENGTH = 2 * WINDOW
#: Largest difference of scores that float rounding explains.
TOLERANCE = 1e-3


class Potentials(NamedTuple):
    """Scores of a chain without its emissions; :data:`FORBIDDEN` for what is not allowed.

    :param start: of the first tag. *Shape:* (tags,)
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    """

    start: Tensor
    transitions: Tensor
    end: Tensor

    def double(self) -> "Potentials":
        """The same in float64."""
        return Potentials(*(score.double() for score in self))


def viterbi_decode(
    emissions: Tensor, lengths: Tensor, potentials: Potentials, *, legal: bool
) -> Tensor:
    """Find the best path of every sequence, whatever the other sequences are.

    Without gradients.

    :param emissions: *Shape:* (tokens, tags)
    :param lengths: on the CPU. *Shape:* (batch,)
    :param potentials: of the chain.
    :param legal: whether all but the legal IOBES paths are forbidden.
    :returns: number of each token's tag. *Shape:* (tokens,)
    """
    few = emissions.device.type == "cpu" and len(lengths) <= MAX_NUMPY_SEQUENCES
    if few and bool((lengths < MIN_WINDOWED_LENGTH).all()):
        parts = emissions.split(lengths.tolist())
        found = [viterbi_numpy(part, potentials) for part in parts]
        return torch.cat([torch.zeros(0, dtype=torch.long), *found])
    scan = iobes_scan(potentials) if legal else plain_scan(potentials)
    places = _decode_groups(emissions, lengths.numpy(), scan)
    return places if scan.order is None else scan.order[places]


def viterbi_numpy(emissions: Tensor, potentials: Potentials) -> Tensor:
    """Find the best path of one sequence in numpy.

    :param emissions: on the CPU. *Shape:* (tokens, tags)
    :param potentials: of the chain.
    :returns: number of each token's tag. *Shape:* (tokens,)
    """
    arrays = (scores.numpy(force=True) for scores in (emissions, *potentials))
    return torch.from_numpy(best_path(*arrays))


def _decode_groups(emissions: Tensor, lengths: Array, scan: "Scan") -> Tensor:
    """Decode long sequences in windows, and the others in groups of similar length.

    :param lengths: *Shape:* (batch,)
    :returns: place in `scan.order` of each token's tag. *Shape:* (tokens,)
    """
    device = emissions.device
    tags = torch.zeros(len(emissions), dtype=torch.long, device=device)
    starts = numpy.cumsum(lengths) - lengths
    budget = STEP_SIZE_CPU if device.type == "cpu" else STEP_SIZE_GPU
    most = max(1, budget // scan.width**2)
    order = numpy.argsort(-lengths, kind="stable")
    n_long = int((lengths >= MIN_WINDOWED_LENGTH).sum())
    whole = []
    for i in order[:n_long].tolist():
        rows = slice(int(starts[i]), int(starts[i] + lengths[i]))
        path = viterbi_windowed(emissions[rows], scan, most)
        if path is None:
            whole.append(i)
        else:
            tags[rows] = path
    rest = numpy.array([*whole, *order[n_long:].tolist()], dtype="int64")

    def decode(group: Array) -> None:
        packing = pack(starts[group], lengths[group])
        rows = torch.from_numpy(packing.rows).to(device)
        tags[rows] = viterbi_packed(emissions, rows, packing.batch_sizes, scan)

    ends = numpy.cumsum(group_sizes(lengths[rest], most, n_workers(device)))
    parallel_for(numpy.split(rest, ends[:-1]), decode, device)
    return tags


def group_sizes(lengths: Array, most: int, n_workers: int) -> List[int]:
    """Cut sequences into groups, as few as possible.

    :param lengths: in falling order. *Shape:* (sequences,)
    :param most: sequences that a group may have.
    :param n_workers: groups that are decoded at the same time; with several, each gets
        about as many tokens as the others.
    :returns: the size of each group.
    """
    total = len(lengths)
    groups = -(-total // most)
    if n_workers == 1 or total <= MIN_SHARED_SEQUENCES:
        return [total * (i + 1) // groups - total * i // groups for i in range(groups)]
    groups = -(-groups // n_workers) * n_workers
    tokens = numpy.cumsum(lengths)
    shares = int(tokens[-1]) * numpy.arange(1, groups) // groups
    cuts = [0, *numpy.searchsorted(tokens, shares).tolist(), total]
    parts = [lengths[start:end] for start, end in zip(cuts, cuts[1:]) if end > start]
    return [size for part in parts for size in group_sizes(part, most, 1)]


# The two loops over time steps
#
# Each of them calls torch thousands of times for very little work. In TorchScript the calls
# cost less, and none of them takes Python's lock, so several threads can run one each.

Function = TypeVar("Function", bound=Callable)


def try_script(function: Function) -> Function:
    """Compile a function with TorchScript, if there is a working one.

    PyTorch deprecates TorchScript, and does not support it from Python 3.14 on. What is
    decorated has to be right and fast enough in Python, too.

    :param function: takes tensors, numbers and lists of them, all annotated; uses no
        global constants but in its defaults.
    """
    if sys.version_info >= (3, 14):
        return function
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.jit.script(function)
        except (AttributeError, OSError, RuntimeError):
            # No TorchScript, or an installation without sources, which it reads.
            return function


@try_script
def viterbi_scan_(
    best: Tensor,
    batch_sizes: List[int],
    transitions: Tensor,
    rescale: int = RESCALE,
) -> None:
    """Turn emissions into the best scores of paths to each tag, in place.

    Sequences lie next to each other in memory, so that a maximum over tags is one over
    rows of sequences: on a CPU that is more than twice as fast.

    :param best: emissions by time step, those of the first step with the scores of the
        start; longer sequences come first. *Shape:* (tags, packed rows)
    :param batch_sizes: number of sequences that reach each time step.
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    :param rescale: steps after which scores are brought back to about zero.
    """
    steps = best.split(batch_sizes, 1)
    pairs = transitions.unsqueeze(2)
    for t in range(1, len(batch_sizes)):
        now, before = steps[t], steps[t - 1].narrow(1, 0, batch_sizes[t])
        now.add_((before.unsqueeze(1) + pairs).amax(0))
        if t % rescale == 0:
            now.sub_(now.amax(0, keepdim=True))


@try_script
def viterbi_scan_iobes_(
    best: Tensor,
    batch_sizes: List[int],
    between: Tensor,
    within: Tensor,
    rescale: int = RESCALE,
) -> None:
    """Do the same as :func:`viterbi_scan_` over the legal transitions alone.

    :param best: the same, tags in the order of :class:`~spacy_ldnet.iobes.Blocks`.
        *Shape:* (tags, packed rows)
    :param batch_sizes: number of sequences that reach each time step.
    :param between: from tags after which no entity is open (rows) to tags that continue
        none (columns). *Shape:* (1 + 2 * labels, 1 + 2 * labels, 1)
    :param within: from inside and begin (first axis) to inside and end (second axis) of
        the same label. *Shape:* (2, 2, labels, 1)
    :param rescale: steps after which scores are brought back to about zero.
    """
    n_labels = within.shape[2]
    closed, fresh_end = 2 * n_labels, n_labels + between.shape[1]
    steps = best.split(batch_sizes, 1)
    for t in range(1, len(batch_sizes)):
        now, before = steps[t], steps[t - 1].narrow(1, 0, batch_sizes[t])
        now[n_labels:fresh_end] += (before[closed:].unsqueeze(1) + between).amax(0)
        opened = before[:closed].unflatten(0, [2, 1, n_labels])
        inside, end = (opened + within).amax(0).unbind()
        now[:n_labels] += inside
        now[fresh_end:] += end
        if t % rescale == 0:
            now.sub_(now.amax(0, keepdim=True))


@try_script
def backtrace(
    best: Tensor, batch_sizes: List[int], into: Tensor, end: Tensor
) -> Tensor:
    """Trace back the path that ends best.

    :param best: best scores of paths to each tag, by time step; changed in place.
        *Shape:* (packed rows, tags)
    :param batch_sizes: number of sequences that reach each time step.
    :param into: transitions, with a row for the later tag. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    :returns: place of each packed row's tag. *Shape:* (packed rows,)
    """
    tags = torch.empty(best.shape[0], dtype=torch.long, device=best.device)
    steps, parts = best.split(batch_sizes), tags.split(batch_sizes)
    following = tags[:0]
    for back in range(1, len(batch_sizes) + 1):
        now, part = steps[-back], parts[-back]
        continued = following.shape[0]
        now[:continued] += into.index_select(0, following)
        now[continued:] += end
        following = torch.argmax(now, dim=1, out=part)
    return tags


class Scan(NamedTuple):
    """The forward pass for some potentials.

    :param run: turns emissions into best scores, as :func:`viterbi_scan_` does.
    :param potentials: with the tags in the order of the scan.
    :param order: number of the tag at each place; None if places are numbers. Emissions
        are put into this order bit by bit: all at once would be a large copy.
        *Shape:* (tags,)
    :param width: number of tags that are paired with as many others in a step.
    """

    run: Callable[[Tensor, List[int]], None]
    potentials: Potentials
    order: Optional[Tensor]
    width: int

    def gather(self, emissions: Tensor, rows: Tensor) -> Tensor:
        """Copy some rows to columns, with the tags in the order of the scan.

        :param emissions: *Shape:* (tokens, tags)
        :param rows: *Shape:* (rows,)
        :returns: *Shape:* (tags, rows)
        """
        taken = emissions.index_select(0, rows).t().contiguous()
        return taken if self.order is None else taken.index_select(0, self.order)


def plain_scan(potentials: Potentials) -> Scan:
    """The forward pass where any tag may follow any other."""
    run = partial(viterbi_scan_, transitions=potentials.transitions)
    return Scan(run, potentials, None, len(potentials.start))


def iobes_scan(potentials: Potentials) -> Scan:
    """The forward pass where only the transitions that IOBES allows are possible."""
    blocks = iobes.transition_blocks(iobes.n_labels(len(potentials.start)))
    start, transitions, end = potentials
    order, rows, columns = (
        torch.from_numpy(array).to(start.device)
        for array in (blocks.order, blocks.rows, blocks.columns)
    )
    ordered = Potentials(start[order], transitions[order][:, order], end[order])
    between = ordered.transitions[blocks.closed, blocks.fresh].unsqueeze(2)
    run = partial(
        viterbi_scan_iobes_,
        between=between.contiguous(),
        within=ordered.transitions[rows, columns].unsqueeze(3),
    )
    return Scan(run, ordered, order, len(between))


def viterbi_packed(
    emissions: Tensor, rows: Tensor, batch_sizes: List[int], scan: Scan
) -> Tensor:
    """Find the best paths of packed sequences.

    :param emissions: *Shape:* (tokens, tags)
    :param rows: token of each packed row. *Shape:* (packed rows,)
    :param batch_sizes: number of sequences that reach each time step.
    :param scan: the forward pass.
    :returns: place of each packed row's tag. *Shape:* (packed rows,)
    """
    start, transitions, end = scan.potentials
    if not batch_sizes:
        return torch.zeros(0, dtype=torch.long, device=emissions.device)
    best = scan.gather(emissions, rows)
    best[:, : batch_sizes[0]] += start.unsqueeze(1)
    scan.run(best, batch_sizes)
    # The way back reads the tags of one row at a time.
    best = best.t().contiguous()
    return backtrace(best, batch_sizes, transitions.t().contiguous(), end)


# Long sequences, in windows
#
# One sequence is one step after the other, however long it is. Its windows can be decoded
# together if each one starts a little early: after some steps the scores no longer depend
# on where the window started, but for a constant, which changes no path. Whether this has
# come true is checked where windows meet; if not, the sequence is decoded in one piece.


def viterbi_windowed(emissions: Tensor, scan: Scan, most: int) -> Optional[Tensor]:
    """Find the best path of one sequence by its windows.

    :param emissions: at least :data:`WINDOW` tokens. *Shape:* (tokens, tags)
    :param scan: the forward pass.
    :param most: windows that are decoded at a time.
    :returns: place of each token's tag, *Shape:* (tokens,); None if the windows depend on
        tokens outside of them.
    """
    total, n_tags = emissions.shape
    device = emissions.device
    start, transitions, end = scan.potentials
    starts = torch.arange(0, total - WINDOW + STRIDE, STRIDE, device=device)
    # The last window ends with the sequence, and may share more with the one before.
    starts = starts.clamp(max=total - WINDOW).unique()
    n_windows = len(starts)
    # The last shared step before the next window counts.
    seams = starts.diff(append=starts[-1:]) + OVERLAP - 1
    into = transitions.t().contiguous()
    steps = torch.arange(WINDOW, device=device)
    tags = torch.empty(n_windows, WINDOW, dtype=torch.long, device=device)
    # Scores of each window at its seam with the next one, and with the one before.
    ahead, behind = (emissions.new_empty(n_windows, n_tags) for _ in range(2))
    for group in torch.arange(n_windows, device=device).split(most):
        rows = steps.unsqueeze(1) + starts[group]
        best = scan.gather(emissions, rows.flatten()).unflatten(1, rows.shape)
        if int(group[0]) == 0:
            best[:, 0, 0] += start
        batch_sizes = [len(group)] * WINDOW
        scan.run(best.flatten(1), batch_sizes)
        best = best.permute(1, 2, 0).contiguous()
        ahead[group] = best[seams[group], torch.arange(len(group), device=device)]
        behind[group] = best[OVERLAP - 1]
        # Only the last window ends where the sequence does.
        if int(group[-1]) == n_windows - 1:
            best[-1, -1] += end
        path = backtrace(best.flatten(0, 1), batch_sizes, into, torch.zeros_like(end))
        tags[group] = path.view_as(rows).t()
    apart = (_relative(ahead[:-1]) - _relative(behind[1:])).abs()
    earlier = tags[torch.arange(n_windows - 1, device=device), seams[:-1] + 1]
    if bool((apart > TOLERANCE).any()) or not torch.equal(earlier, tags[1:, OVERLAP]):
        return None
    whole = torch.empty(total, dtype=torch.long, device=device)
    whole[:WINDOW] = tags[0]
    for first, own in zip(starts[1:].tolist(), tags[1:]):
        whole[first + OVERLAP : first + WINDOW] = own[OVERLAP:]
    return whole


def _relative(scores: Tensor) -> Tensor:
    """Scores less the best one; those of forbidden tags become equal."""
    return (scores - scores.amax(dim=1, keepdim=True)).clamp(min=FORBIDDEN / 2)
