"""A language model trained as a torch tutorial would: the text is one array."""

from typing import Callable

import numpy
import torch
from _rows import Enough
from _workload import Workload
from thinc.api import fix_random_seed

from spacy_ldnet.nn.language_model import detach_state


def run_plain_loop(workload: Workload, tick: Callable[[int], None]) -> None:
    """Train until it is enough.

    workload (Workload): Config and text.
    tick (Callable[[int], None]): Called after each update with its number, from 1;
        it raises `Enough` to end the training.
    """
    fix_random_seed(0)
    settings = workload.sizes()
    batch_size, window = settings["batch_size"], settings["window"]
    rows = torch.from_numpy(numpy.load(workload.rows_path)).long()
    length = len(rows) // batch_size
    columns = rows[: length * batch_size].view(batch_size, length).t().contiguous()
    model = workload.build()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    state = None
    model.train()
    for step, begin in enumerate(range(0, length - window, window), start=1):
        words = columns[begin : begin + window]
        targets = columns[begin + 1 : begin + window + 1]
        scores, state = model(words, targets, state)
        state = detach_state(state)
        optimizer.zero_grad()
        (-scores.mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["grad_clip"])
        optimizer.step()
        try:
            tick(step)
        except Enough:
            return
