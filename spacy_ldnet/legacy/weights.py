"""Copy the authors' tensors into networks of ours; every shape is checked."""

from typing import Dict, Iterable, List, Optional, Sequence

import torch
from torch import Tensor, nn

from ..errors import Errors
from ..lm_directory import FIRST_WORD_ROW
from .checkpoint import Checkpoint, Map

RNN_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
#: What the maps call the symbols, in the order of our rows: unknown, end of sentence.
UNKNOWN, END, WORD_END = "<unk>", "\n", "<\n>"


class Filler:
    """Fills networks, and remembers which tensors it has used.

    checkpoint (Checkpoint): Where the tensors are from.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.used: set = set()

    def take(self, name: str) -> Tensor:
        """RETURNS (Tensor): The tensor of this name, which counts as used.
        RAISES (ValueError): E072 if it is missing.
        """
        self.used.add(name)
        return self.checkpoint.get(name)

    def fill(
        self, ours: Tensor, name: str, rows: Optional[Sequence[int]] = None
    ) -> None:
        """ours (Tensor): Weights to fill.
        name (str): Name of theirs.
        rows (Optional[Sequence[int]]): Their row for each of ours; None for the same.
        RAISES (ValueError): E072 if it is missing or has another shape.
        """
        theirs = self.take(name)
        if rows is not None:
            theirs = theirs[torch.tensor(rows, dtype=torch.long)]
        if theirs.shape != ours.shape:
            raise self.checkpoint.misfit(
                name,
                expected=f"of shape {tuple(ours.shape)}",
                found=f"of shape {tuple(theirs.shape)}",
            )
        with torch.no_grad():
            ours.copy_(theirs)

    def fill_rnn(self, rnn: nn.Module, prefix: str, suffix: str = "_l0") -> None:
        """rnn (Module): One layer of torch's, one direction.
        prefix (str): What their names begin with.
        suffix (str): What they end with.
        """
        ours = dict(rnn.named_parameters())
        for name in RNN_WEIGHTS:
            self.fill(ours[f"{name}_l0"], f"{prefix}{name}{suffix}")

    def fill_linear(self, linear: nn.Linear, prefix: str) -> None:
        """linear (Linear): A linear layer.
        prefix (str): What the names of its weights and biases begin with.
        """
        for name, weights in linear.named_parameters():
            self.fill(weights, f"{prefix}{name}")

    def fill_table(
        self, table: nn.Embedding, name: str, rows: List[int], map_name: str
    ) -> None:
        """table (Embedding): A table of ours.
        name (str): Name of theirs.
        rows (List[int]): Their row for each of ours.
        map_name (str): The map that the rows are from.
        RAISES (ValueError): E072 if theirs is missing, too short or of another width.
        """
        self.check_rows(name, len(self.take(name)), max(rows), map_name)
        self.fill(table.weight, name, rows)

    def check_rows(self, name: str, found: int, highest: int, map_name: str) -> None:
        """RAISES (ValueError): E072 if a table has fewer rows than a map says."""
        if highest >= found:
            raise self.checkpoint.misfit(
                name,
                expected=f"of at least {highest + 1} rows, as '{map_name}' says",
                found=f"of {found}",
            )

    def check_all_used(self) -> None:
        """RAISES (ValueError): E075 if there are tensors that nothing was filled with."""
        left = sorted(set(self.checkpoint.tensors) - self.used)
        if left:
            names = ", ".join(left[:5])
            message = Errors.E075.format(path=self.checkpoint.path, names=names)
            raise ValueError(message)


def symbol_row(checkpoint: Checkpoint, name: str, symbol: str) -> int:
    """RETURNS (int): Row of a symbol in one of the maps.
    RAISES (ValueError): E076 if it is not there, E074 if the map is not.
    """
    found = checkpoint.map(name)
    if symbol not in found:
        message = Errors.E076.format(
            path=checkpoint.path, name=name, symbol=symbol.encode("unicode_escape")
        )
        raise ValueError(message)
    return found[symbol]


def ordered_words(maps: Iterable[Map], symbols: Sequence[str]) -> List[str]:
    """The words of one or more maps: those of the first by their rows, then what the
    others have besides.

    maps (Iterable[Map]): Rows by word.
    symbols (Sequence[str]): Keys that are no words.
    RETURNS (List[str]): Each word once.
    """
    words: Dict[str, None] = {}
    for one in maps:
        words.update(dict.fromkeys(sorted(one, key=one.__getitem__)))
    return [word for word in words if word not in symbols]


def rows_of(words: Sequence[str], found: Map, unknown: int, end: int) -> List[int]:
    """words (Sequence[str]): Our words, from FIRST_WORD_ROW on.
    found (Map): Their rows.
    unknown (int): Their row of unknown words, also of those that they do not have.
    end (int): Their row of a sentence's end.
    RETURNS (List[int]): Their row for each of our rows, the symbols' first.
    """
    rows = [unknown, end]
    assert len(rows) == FIRST_WORD_ROW
    return rows + [found.get(word, unknown) for word in words]
