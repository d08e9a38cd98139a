"""Viterbi decoding: the best sequence of tags."""

import sys
import warnings
from typing import Callable, List, Optional, TypeVar

import numpy
import torch
from torch import Tensor

from .. import iobes
from .lattice import FORBIDDEN, Packing, Potentials, first_rows, pack
from .threads import parallel_for, workers

# Loops over time steps, run by torch without Python.
#
# Such a loop calls torch thousands of times for very little each. Run by TorchScript the calls
# cost less, and none of them takes Python's lock: several threads can each run one.


Function = TypeVar("Function", bound=Callable)


def try_script(function: Function) -> Function:
    """The same function in TorchScript where there is one, as Python elsewhere.

    PyTorch deprecates TorchScript, and from Python 3.14 on does not support it. What is
    decorated has to be right as Python, then, and fast enough.

    :param function: of tensors, numbers and lists of them, all annotated; it knows no
        constants but its defaults.
    """
    if sys.version_info >= (3, 14):
        return function
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.jit.script(function)
        except (AttributeError, OSError, RuntimeError):
            # A torch without it, or an installation without sources, which it reads.
            return function


# Viterbi's algorithm for packed batches: one step for all sequences.
#
# Only the best scores are kept, no back pointers: along the one path that is followed back a
# pointer is an argmax over tags, instead of one over pairs of tags.


#: Potentials are brought back to about zero every so many steps (float precision).
RESCALE = 32
#: Sequences that are not shared between threads: each would take as long as one for all.
FEW_TO_SHARE = 32
#: Of emissions, sequences that reach each step, and transitions: see :func:`viterbi_scan_`.
Advance = Callable[[Tensor, List[int], Tensor], None]


def group_sizes(lengths: Tensor, most: int, workers: int) -> List[int]:
    """How to group sequences, as few groups as possible.

    :param lengths: in falling order. *Shape:* (sequences,)
    :param most: sequences a group may have.
    :param workers: how many groups are worked on at a time. Of several each is to have
        as many tokens to work on as the others.
    :returns: the size of each group.
    """
    total = len(lengths)
    groups = -(-total // most)
    if workers == 1 or total <= FEW_TO_SHARE:
        return [total * (i + 1) // groups - total * i // groups for i in range(groups)]
    groups = -(-groups // workers) * workers
    tokens = lengths.cumsum(0)
    shares = int(tokens[-1]) * torch.arange(1, groups) // groups
    cuts = [0, *torch.searchsorted(tokens, shares).tolist(), total]
    parts = [lengths[start:end] for start, end in zip(cuts, cuts[1:]) if end > start]
    return [size for part in parts for size in group_sizes(part, most, 1)]


def viterbi_packed(
    emissions: Tensor,
    packing: Packing,
    scores: Potentials,
    run: Advance,
    columns: Optional[Tensor] = None,
) -> Tensor:
    """The best path of each sequence, without gradients.

    :param emissions: flat. *Shape:* (tokens, tags)
    :param run: :func:`viterbi_scan_`, or what comes to the same.
    :param columns: the tags in the order of `scores`, if that is another one.
    :returns: place in `scores` of each packed row's tag. *Shape:* (tokens,)
    """
    if not packing.counts:
        return torch.zeros(0, dtype=torch.long, device=emissions.device)
    best = take(emissions, packing.rows, columns)
    best[:, : packing.counts[0]] += scores.start.unsqueeze(1)
    run(best, packing.counts, scores.transitions)
    # What is read along one path each is read by rows.
    rows = best.t().contiguous()
    into = scores.transitions.t().contiguous()
    return backtrace(rows, packing.counts, into, scores.end)


def take(emissions: Tensor, rows: Tensor, columns: Optional[Tensor]) -> Tensor:
    """Copy some rows to columns, with the tags in another order if that is given.

    :param emissions: *Shape:* (tokens, tags)
    :param rows: *Shape:* (rows,)
    :param columns: *Shape:* (tags,)
    :returns: *Shape:* (tags, rows)
    """
    taken = emissions.index_select(0, rows).t().contiguous()
    return taken if columns is None else taken.index_select(0, columns)


@try_script
def viterbi_scan_(
    best: Tensor, counts: List[int], transitions: Tensor, rescale: int = RESCALE
) -> None:
    """Turn emissions into the best score of a path to each tag, in place.

    Sequences lie next to each other in memory, so that a maximum over tags is one over
    rows of them: on a CPU that is more than twice as fast.

    :param best: the emissions, step by step, those of the first with the scores of the
        start; sequences that end are behind the others. *Shape:* (tags, packed rows)
    :param counts: number of sequences that reach each time step.
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    :param rescale: steps after which scores are brought back to about zero.
    """
    steps = best.split(counts, 1)
    pairs = transitions.unsqueeze(2)
    for t in range(1, len(counts)):
        now, before = steps[t], steps[t - 1].narrow(1, 0, counts[t])
        now.add_((before.unsqueeze(1) + pairs).amax(0))
        if t % rescale == 0:
            now.sub_(now.amax(0, keepdim=True))


@try_script
def backtrace(best: Tensor, counts: List[int], into: Tensor, end: Tensor) -> Tensor:
    """The one path that ends best, from the best scores of paths to each tag.

    :param best: step by step, changed in place. *Shape:* (packed rows, tags)
    :param counts: number of sequences that reach each time step.
    :param into: scores of transitions, rows the tag that follows. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    :returns: number of each packed row's tag. *Shape:* (packed rows,)
    """
    tags = torch.empty(best.shape[0], dtype=torch.long, device=best.device)
    steps, parts = best.split(counts), tags.split(counts)
    following = tags[:0]
    for back in range(1, len(counts) + 1):
        now, part = steps[-back], parts[-back]
        going_on = following.shape[0]
        now[:going_on] += into.index_select(0, following)
        now[going_on:] += end
        following = torch.argmax(now, dim=1, out=part)
    return tags


#: Sequences at a time up to which each on its own is faster than all together.
FEW = 4


def viterbi_numpy(emissions: Tensor, scores: Potentials) -> Tensor:
    """The best path of one sequence, step by step as :func:`~.paths.viterbi_packed`.

    :param emissions: of its tokens, on the CPU. *Shape:* (tokens, tags)
    :param scores: of the chain.
    :returns: number of each token's tag. *Shape:* (tokens,)
    """
    if not len(emissions):
        return torch.zeros(0, dtype=torch.long)
    start, transitions, end = (score.numpy(force=True) for score in scores)
    steps = emissions.numpy(force=True).copy()
    steps[0] += start
    pairs = numpy.empty_like(transitions)
    best = numpy.empty_like(start)
    for t in range(1, len(steps)):
        numpy.add(steps[t - 1][:, None], transitions, out=pairs)
        steps[t] += numpy.maximum.reduce(pairs, axis=0, out=best)
        if t % RESCALE == 0:
            steps[t] -= steps[t].max()
    into = transitions.T
    tags = numpy.empty(len(steps), dtype="int64")
    tags[-1] = tag = (steps[-1] + end).argmax()
    for t in range(len(steps) - 2, -1, -1):
        tags[t] = tag = (steps[t] + into[tag]).argmax()
    return torch.from_numpy(tags)


# Viterbi's algorithm for long sequences: windows side by side, exact all the same.
#
# One sequence is one step after the other, however long it is. Its windows can be worked on
# together if each begins a little early: after some steps the scores of a chain no longer
# depend on how it began, but for a constant, which changes no path. Whether that came true
# is checked at every window's edge; if not, the sequence is worked on in one piece.


#: Steps that a window has for itself, and those it shares with each neighbour.
OWN, SHARED = 256, 64
WINDOW = OWN + 2 * SHARED
#: Sequences from this length on are worth it.
LONG = 2 * WINDOW
#: Largest difference of scores that float rounding explains.
TOLERANCE = 1e-3


def viterbi_windowed(
    emissions: Tensor,
    scores: Potentials,
    group: int,
    run: Advance,
    columns: Optional[Tensor] = None,
) -> Optional[Tensor]:
    """The best path of one sequence.

    :param emissions: of its tokens, at least :data:`WINDOW`. *Shape:* (tokens, tags)
    :param scores: of the chain.
    :param group: windows to work on at a time.
    :param run: :func:`~.paths.viterbi_scan_`, or what comes to the same.
    :param columns: the tags in the order of `scores`, if that is another one.
    :returns: place in `scores` of each token's tag, *Shape:* (tokens,); None if the windows did
        not come to depend on their own tokens alone.
    """
    total = len(emissions)
    starts = torch.arange(0, total - WINDOW + OWN, OWN, device=emissions.device)
    # The last window ends with the sequence, and may share more with the one before.
    starts = starts.clamp(max=total - WINDOW).unique()
    steps = torch.arange(WINDOW, device=emissions.device)
    into = scores.transitions.t().contiguous()
    # A window's last step is the sequence's end in the last window alone.
    going_on = torch.zeros_like(scores.end)
    tags = torch.empty(len(starts), WINDOW, dtype=torch.long, device=emissions.device)
    edges = _Edges(starts, emissions.shape[1], emissions)
    for part in torch.arange(len(starts), device=emissions.device).split(group):
        rows = steps.unsqueeze(1) + starts[part]
        best = take(emissions, rows.flatten(), columns).unflatten(1, rows.shape)
        if int(part[0]) == 0:
            best[:, 0, 0] += scores.start
        counts = [len(part)] * WINDOW
        run(best.flatten(1), counts, scores.transitions)
        values = best.permute(1, 2, 0).contiguous()
        edges.keep(values, part)
        if int(part[-1]) == len(starts) - 1:
            values[-1, -1] += scores.end
        path = backtrace(values.flatten(0, 1), counts, into, going_on)
        tags[part] = path.view_as(rows).t()
    if not edges.agree(tags):
        return None
    return _join(tags, starts, total)


class _Edges:
    """The scores of neighbouring windows where the later one begins to count."""

    def __init__(self, starts: Tensor, n_tags: int, like: Tensor):
        self.starts = starts
        self.early = like.new_empty(len(starts), n_tags)
        self.late = like.new_empty(len(starts), n_tags)

    def keep(self, values: Tensor, part: Tensor) -> None:
        """Of each window its own last shared step, and its neighbour's.

        :param values: best scores of paths to each tag. *Shape:* (steps, windows, tags)
        :param part: numbers of the windows. *Shape:* (windows,)
        """
        self.late[part] = values[SHARED - 1]
        following = self.starts[(part + 1).clamp(max=len(self.starts) - 1)]
        place = following + SHARED - 1 - self.starts[part]
        place = place.clamp(max=WINDOW - 1)
        self.early[part] = values[place, torch.arange(len(part))]

    def agree(self, tags: Tensor) -> bool:
        """Whether scores agree up to a constant, and the paths meet."""
        early, late = map(_relative, (self.early[:-1], self.late[1:]))
        if not bool(((early - late).abs() <= TOLERANCE).all()):
            return False
        place = self.starts[1:] + SHARED - self.starts[:-1]
        rows = torch.arange(len(place), device=tags.device)
        return bool((tags[rows, place] == tags[1:, SHARED]).all())


def _relative(values: Tensor) -> Tensor:
    """Scores less the best one. What is forbidden is so alike, whatever was added."""
    return (values - values.amax(dim=1, keepdim=True)).clamp(min=FORBIDDEN / 2)


def _join(tags: Tensor, starts: Tensor, total: int) -> Tensor:
    """Of each window what it has for itself; the first and the last also their ends."""
    path = torch.empty(total, dtype=torch.long, device=tags.device)
    path[:WINDOW] = tags[0]
    for start, own in zip(starts[1:].tolist(), tags[1:]):
        path[start + SHARED : start + WINDOW] = own[SHARED:]
    return path


# Viterbi's algorithm over the legal transitions of IOBES tags alone.
#
# An entity goes on with its own label, and everything else is between entities: of the
# (1 + 4 labels)^2 pairs of neighbours only (1 + 2 labels)^2 + 4 labels are legal, about a
# quarter. The tags are put in the order inside, begin, outside, single, end, so that those
# an entity may end with and those one may start with are slices.


def legal_order(n_tags: int, device: torch.device) -> Tensor:
    """The number of each tag, in the order that :func:`viterbi_scan_iobes_` wants.

    :param n_tags: 1 + 4 * labels.
    :returns: *Shape:* (tags,)
    """
    first = torch.arange(1, n_tags, 4, device=device)
    outside = torch.zeros(1, dtype=torch.long, device=device)
    inside, begin, single, end = (
        first + place for place in (iobes.INSIDE, iobes.BEGIN, iobes.SINGLE, iobes.END)
    )
    return torch.cat([inside, begin, outside, single, end])


def within_entities(transitions: Tensor, n_labels: int) -> Tensor:
    """Scores of a label's inside and begin (first axis) before its inside and end
    (second). *Shape:* (2, 2, labels, 1)
    """
    inside = transitions[:n_labels]
    begin = transitions[n_labels : 2 * n_labels]
    to_end = 3 * n_labels + 1
    rows = [
        inside.diagonal(),
        inside.diagonal(to_end),
        begin.diagonal(),
        begin.diagonal(to_end),
    ]
    return torch.stack(rows).unflatten(0, [2, 2]).unsqueeze(3)


@try_script
def viterbi_scan_iobes_(
    best: Tensor, counts: List[int], transitions: Tensor, rescale: int = RESCALE
) -> None:
    """What :func:`~.paths.viterbi_scan_` does, where some legal path is possible.

    :param best: tags in that order. *Shape:* (tags, packed rows)
    :param counts: number of sequences that reach each time step.
    :param transitions: both ways in that order, of the row's tag before the column's.
        *Shape:* (tags, tags)
    :param rescale: steps after which scores are brought back to about zero.
    """
    n_labels = transitions.shape[0] // 4
    # Tags that start something, after tags that end something.
    starting, ending = 3 * n_labels + 1, 2 * n_labels
    between = transitions[ending:, n_labels:starting].unsqueeze(2).contiguous()
    within = within_entities(transitions, n_labels)
    steps = best.split(counts, 1)
    for t in range(1, len(counts)):
        now, before = steps[t], steps[t - 1].narrow(1, 0, counts[t])
        ended = before[ending:].unsqueeze(1)
        now[n_labels:starting] += (ended + between).amax(0)
        opened = before[:ending].unflatten(0, [2, 1, n_labels])
        inside, end = (opened + within).amax(0).unbind()
        now[:n_labels] += inside
        now[starting:] += end
        if t % rescale == 0:
            now.sub_(now.amax(0, keepdim=True))


#: Numbers that one step may hold at once: on a CPU it stays in the cache.
STEP_SIZE_CPU = 2**18
STEP_SIZE_GPU = 2**25


def viterbi_decode(
    emissions: Tensor, lengths: Tensor, scores: Potentials, *, legal: bool
) -> Tensor:
    """The best path of every sequence, the same in any company; no gradients.

    :param emissions: *Shape:* (tokens, tags)
    :param lengths: on the CPU. *Shape:* (batch,)
    :param scores: of the chain.
    :param legal: whether only legal IOBES paths are possible.
    :returns: number of each token's tag. *Shape:* (tokens,)
    """
    if emissions.device.type == "cpu" and len(lengths) <= FEW:
        if bool((lengths < LONG).all()):
            parts = emissions.split(lengths.tolist())
            found = [viterbi_numpy(part, scores) for part in parts]
            return torch.cat([torch.zeros(0, dtype=torch.long), *found])
    n_tags = emissions.shape[1]
    if not legal:
        return _find_many(emissions, lengths, scores, viterbi_scan_, n_tags)
    order = legal_order(n_tags, emissions.device)
    transitions = scores.transitions[order][:, order]
    scores = Potentials(scores.start[order], transitions, scores.end[order])
    paired = (n_tags + 1) // 2
    places = _find_many(emissions, lengths, scores, viterbi_scan_iobes_, paired, order)
    return order[places]


def _find_many(
    emissions: Tensor,
    lengths: Tensor,
    scores: Potentials,
    run: Advance,
    paired: int,
    columns: Optional[Tensor] = None,
) -> Tensor:
    """The best path of every sequence, long ones in windows and others together.

    :param paired: tags that a step pairs with each other.
    :param columns: the tags in the order of `scores`, if that is another one. All
        emissions put into it at once would be as large again as they are.
    :returns: places in `scores`. *Shape:* (tokens,)
    """
    device = emissions.device
    tags = torch.zeros(len(emissions), dtype=torch.long, device=device)
    firsts = first_rows(lengths)
    budget = STEP_SIZE_CPU if device.type == "cpu" else STEP_SIZE_GPU
    at_once = max(1, budget // paired**2)
    order = torch.argsort(lengths, descending=True, stable=True)
    n_long = int((lengths >= LONG).sum())
    alone = []
    for i in order[:n_long].tolist():
        rows = slice(int(firsts[i]), int(firsts[i] + lengths[i]))
        path = viterbi_windowed(emissions[rows], scores, at_once, run, columns)
        if path is None:
            alone.append(i)
        else:
            tags[rows] = path
    rest = torch.cat([torch.tensor(alone, dtype=torch.long), order[n_long:]])

    def find(group: Tensor) -> None:
        packing = pack(lengths[group], firsts=firsts[group], device=device)
        tags[packing.rows] = viterbi_packed(emissions, packing, scores, run, columns)

    sizes = group_sizes(lengths[rest], at_once, workers(device))
    parallel_for(rest.split(sizes), find, device)
    return tags
