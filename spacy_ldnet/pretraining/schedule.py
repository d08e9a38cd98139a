"""How the learning rate changes in the course of a training."""

import math

#: The first rate and the last one, as shares of the peak.
FIRST = 0.04
LAST = 0.0001


def one_cycle(step: int, *, steps: int, peak: float, warmup: float) -> float:
    """Rise to the peak, then fall, both along a cosine (Smith 2018).

    step (int): The update, from 0.
    steps (int): Number of updates in all.
    peak (float): The highest rate.
    warmup (float): Share of the updates before the peak, in (0, 1).
    RETURNS (float): The rate of this update.
    """
    top = warmup * steps
    if step < top:
        return _between(FIRST * peak, peak, step / top)
    return _between(peak, LAST * peak, (step - top) / max(1.0, steps - top))


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * min(1.0, share))) / 2
