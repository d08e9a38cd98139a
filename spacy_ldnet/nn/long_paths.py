"""Viterbi's algorithm for long sequences: windows side by side, exact all the same.

One sequence is one step after the other, however long it is. Its windows can be worked on
together if each begins a little early: after some steps the scores of a chain no longer
depend on how it began, but for a constant, which changes no path. Whether that came true
is checked at every window's edge; if not, the sequence is worked on in one piece.
"""

from typing import Optional

import torch
from torch import Tensor

from .lattice import FORBIDDEN, Scores
from .paths import Advance, follow_back, take

#: Steps that a window has for itself, and those it shares with each neighbour.
OWN, SHARED = 256, 64
WINDOW = OWN + 2 * SHARED
#: Sequences from this length on are worth it.
LONG = 2 * WINDOW
#: Largest difference of scores that float rounding explains.
TOLERANCE = 1e-3


def best_long_path(
    emissions: Tensor,
    scores: Scores,
    group: int,
    run: Advance,
    columns: Optional[Tensor] = None,
) -> Optional[Tensor]:
    """The best path of one sequence.

    :param emissions: of its tokens, at least :data:`WINDOW`. *Shape:* (tokens, tags)
    :param scores: of the chain.
    :param group: windows to work on at a time.
    :param run: :func:`~.paths.advance`, or what comes to the same.
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
        path = follow_back(values.flatten(0, 1), counts, into, going_on)
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
