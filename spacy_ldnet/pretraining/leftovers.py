"""What shards tell of text that was left out, put together for whole files."""

from collections import Counter
from dataclasses import replace
from typing import Any, Dict, List, Set, Tuple

from .problems import Problem
from .shards import PieceRecord, Shard
from .units import Unit

Made = Tuple[Unit, Shard]


def usable_shards(made: List[Made]) -> List[Shard]:
    """made (List[Tuple[Unit, Shard]]): Shards of a text, in order.
    RETURNS (List[Shard]): Those that have words, and are not of a file of which
        another range cannot be used.
    """
    bad = _bad_files(made)
    # Only a file in several ranges has shards of its own; of units of several files
    # the bad ones have been left out already.
    return [
        shard
        for _, shard in made
        if shard.sequences and not {piece.name for piece in shard.pieces} <= bad
    ]


def collect_problems(section: str, made: List[Made]) -> List[Problem]:
    """section (str): Config section of the text.
    made (List[Tuple[Unit, Shard]]): Its first shards, or all, in order.
    RETURNS (List[Problem]): What was left out: one for each file and reason.
    """
    bad = _bad_files(made)
    sizes: Dict[str, int] = Counter()
    for _, shard in made:
        for piece in shard.pieces:
            sizes[piece.name] += piece.end - piece.start
    lines: Dict[str, int] = Counter()
    found: Dict[Tuple[str, str], Problem] = {}
    for unit, shard in made:
        for piece in shard.pieces:
            for entry in piece.problems:
                problem = _make(section, unit, piece, entry, lines[piece.name])
                if not problem.lines:
                    problem = replace(problem, size=sizes[piece.name])
                elif piece.name in bad:
                    continue
                at = (piece.name, problem.reason if problem.lines else "")
                found[at] = _join(found[at], problem) if at in found else problem
            lines[piece.name] += piece.lines
    return list(found.values())


def _bad_files(made: List[Made]) -> Set[str]:
    pieces = [piece for _, shard in made for piece in shard.pieces]
    return {piece.name for piece in pieces if piece.hash is None}


def _make(
    section: str, unit: Unit, piece: PieceRecord, entry: List[Any], before: int
) -> Problem:
    """The problem of a piece, with the line's number in the file."""
    line, reason, lines, size = entry
    number = None if line is None else before + line
    return Problem(section, str(unit.base / piece.name), number, reason, lines, size)


def _join(first: Problem, other: Problem) -> Problem:
    if not first.lines:
        return first
    lines, size = first.lines + other.lines, first.size + other.size
    return replace(first, lines=lines, size=size)
