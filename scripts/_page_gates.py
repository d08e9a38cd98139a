"""When each layer of the language models closed, from what the gate logger wrote."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from _page_data import Lines, Run

from spacy_ldnet.lm_directory import DIRECTIONS


@dataclass(frozen=True)
class Closing:
    """When a layer closed.

    after (int): Last step at which it is known to have been open.
    step (int): First step at which it is known to be closed; `after + 1` where the
        log has every update's closings.
    """

    after: int
    step: int

    def __str__(self) -> str:
        if self.step == self.after + 1:
            return f"{self.step:,}"
        return f"{self.after:,}–{self.step:,}"


def numbers_of(line: Dict[str, Any], direction: str) -> List[int]:
    """line (Dict[str, Any]): A line of the gate log.
    direction (str): `forward` or `backward`.
    RETURNS (List[int]): The layers' numbers in the unpruned network.
    """
    default = list(range(len(line["gates"][direction])))
    return line.get("numbers", {}).get(direction, default)


def closings(lines: Lines, direction: str) -> Dict[int, Optional[Closing]]:
    """lines (Lines): The gate log.
    direction (str): `forward` or `backward`.
    RETURNS (Dict[int, Optional[Closing]]): Layer's number -> when it closed for good;
        None if it is open at the end.
    """
    found: Dict[int, Optional[Closing]] = {}
    if not lines:
        return found
    last = lines[-1]
    for i, number in enumerate(numbers_of(last, direction)):
        gates = [line["gates"][direction][i] for line in lines]
        exact = last.get("closed", {}).get(direction)
        if gates[-1] > 0:
            found[number] = None
        elif exact is not None:
            found[number] = Closing(exact[i] - 1, exact[i])
        else:
            opened = [n for n, gate in enumerate(gates) if gate > 0]
            before = lines[opened[-1]]["step"] if opened else -1
            closed = lines[opened[-1] + 1 if opened else 0]["step"]
            found[number] = Closing(before, closed)
    return found


def settled_at(lines: Lines) -> int:
    """lines (Lines): The gate log.
    RETURNS (int): Step of the line from which on no gate changes any more.
    """
    for earlier, later in reversed(list(zip(lines, lines[1:]))):
        if earlier["gates"] != later["gates"]:
            return later["step"]
    return lines[-1]["step"] if lines else 0


def layers_of(run: Run, seed: str) -> Dict[str, List[int]]:
    """run (Run): The run.
    seed (str): A seed.
    RETURNS (Dict[str, List[int]]): Of each direction, the numbers of all layers there
        were, as far as results or log know them.
    """
    known: Dict[str, set] = {direction: set() for direction in DIRECTIONS}
    for row in run.results.values():
        for direction, numbers in row.get("kept", {}).get(seed, {}).items():
            known[direction].update(numbers)
    for line in run.gates.get(seed, [])[:1]:
        for direction in DIRECTIONS:
            known[direction].update(numbers_of(line, direction))
    return {direction: sorted(numbers) for direction, numbers in known.items()}
