"""Speed of pretraining: beside a plain torch loop, and of both directions together."""

import statistics
from pathlib import Path
from typing import Dict, List, Optional

import typer
from harness.lm_speed import PACKAGE, PLAIN, Task, run_tasks
from harness.lm_texts import Workload, macs_per_word, make_text, with_direction
from harness.runner import ROOT, Parts, benchmark

from spacy_ldnet.lm_directory import DIRECTIONS
from spacy_ldnet.workflow.scripting import ScriptError, run

#: A multiplication and an addition; forward once, backward twice.
FLOPS_PER_MAC = 2 * 3
SIDE_BY_SIDE = "side by side"
IN_TURN = "one after the other"
#: With the settings of malloc that the package gives the processes it starts.
KEPT = "memory kept"
IN_TURN_KEPT = f"{IN_TURN}, {KEPT}"

Rows = Dict[str, List[Dict[str, float]]]


def compare_loops(workload: Workload, *, rounds: int, **sizes: int) -> Rows:
    """Measure the package and the plain loop in turns, one direction.

    workload (Workload): Config and text.
    rounds (int): How often each is measured.
    **sizes (int): `steps`, `warmup` and `threads` of the tasks.
    RETURNS (Rows): Measurements of each.
    """
    forward = with_direction(workload, DIRECTIONS[0])
    ours, plain = (Task(kind, forward, **sizes) for kind in (PACKAGE, PLAIN))
    contestants = {
        PACKAGE: (ours, True),
        PLAIN: (plain, False),
        f"{PLAIN}, {KEPT}": (plain, True),
    }
    found: Rows = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (task, keep) in contestants.items():
            found[name] += run_tasks([task], keep_blocks=keep)
    return found


def compare_directions(workload: Workload, *, rounds: int, **sizes: int) -> Rows:
    """Measure both directions side by side and one after the other, in turns.

    workload (Workload): Config and text.
    rounds (int): How often each is measured.
    **sizes (int): `steps`, `warmup` and `threads` of the tasks.
    RETURNS (Rows): Measurements of each; words per second of both directions
        together, memory of all processes together.
    """
    threads = sizes.pop("threads")
    found: Rows = {SIDE_BY_SIDE: [], IN_TURN: [], IN_TURN_KEPT: []}
    each = [with_direction(workload, direction) for direction in DIRECTIONS]
    for _ in range(rounds):
        one = max(1, threads // len(each))
        both = run_tasks([Task(PACKAGE, w, threads=one, **sizes) for w in each])
        found[SIDE_BY_SIDE].append({key: sum(r[key] for r in both) for key in both[0]})
        for name, keep in ((IN_TURN, False), (IN_TURN_KEPT, True)):
            task = Task(PACKAGE, each[0], threads=threads, **sizes)
            found[name] += run_tasks([task], keep_blocks=keep)
    return found


def summarise(rows: Rows, macs: float) -> Dict[str, Dict[str, float]]:
    """rows (Rows): Measurements by name.
    macs (float): Multiply-accumulates a word.
    RETURNS (Dict[str, Dict[str, float]]): Medians, lowest and highest speed, and the
        share of the speed of a large matrix product.
    """
    summary = {}
    for name, found in rows.items():
        speeds = [row["words_per_second"] for row in found]
        speed = statistics.median(speeds)
        peak = statistics.median(row["mm_flops"] for row in found)
        summary[name] = {
            "words_per_second": round(speed, 1),
            "lowest": round(min(speeds), 1),
            "highest": round(max(speeds), 1),
            "peak_mb": round(statistics.median(row["peak_mb"] for row in found)),
            "gflops": round(FLOPS_PER_MAC * macs * speed / 1e9, 2),
            "mm_gflops": round(peak / 1e9, 2),
            "share_of_mm": round(FLOPS_PER_MAC * macs * speed / peak, 4),
        }
    return summary


@benchmark()
def main(
    config: Path = typer.Option(ROOT / "configs" / "lm.cfg", help="Config to measure"),
    paper: bool = typer.Option(False, "--paper", help="Take the paper's sizes"),
    vocabulary: Optional[int] = typer.Option(None, help="Number of different words"),
    words: Optional[int] = typer.Option(None, help="Number of words of the text"),
    steps: Optional[int] = typer.Option(None, min=1, help="Updates to measure"),
    warmup: Optional[int] = typer.Option(None, min=1, help="Updates before these"),
    rounds: int = typer.Option(5, min=1, help="How often; the median counts"),
    threads: int = typer.Option(1, min=1, help="Threads beside the plain loop"),
    all_threads: int = typer.Option(2, min=1, help="Threads for both directions"),
    seed: int = typer.Option(0, help="Seed of the text"),
    out_dir: Path = typer.Option(
        ROOT / "training" / "speed", help="Folder for the text"
    ),
) -> Parts:
    """Measure words per second of pretraining; the contestants take turns."""
    sizes = {
        "steps": steps or (4 if paper else 60),
        "warmup": warmup or (1 if paper else 10),
        "rounds": rounds,
    }
    text = {"vocabulary": vocabulary, "words": words, "seed": seed}
    workload = make_text(config, out_dir, paper=paper, **text)
    check_length(workload, sizes)
    macs = macs_per_word(workload)
    yield "size", workload.name
    yield "vocabulary_rows", workload.rows
    yield "all_threads", all_threads
    yield "macs_per_word", {key: round(value) for key, value in macs.items()}
    loops = compare_loops(workload, threads=threads, **sizes)
    yield "loops", summarise(loops, sum(macs.values()))
    directions = compare_directions(workload, threads=all_threads, **sizes)
    yield "directions", summarise(directions, sum(macs.values()))


def check_length(workload: Workload, sizes: Dict[str, int]) -> None:
    """workload (Workload): Config and text.
    sizes (Dict[str, int]): `steps` and `warmup`.
    RAISES (ScriptError): If the text is too short for one pass over it.
    """
    batch = workload.sizes()
    needed = sizes["warmup"] + sizes["steps"] + 1
    needed *= batch["batch_size"] * batch["window"]
    if workload.words < needed:
        raise ScriptError(
            f"The text has {workload.words:,} words, but the updates read {needed:,}",
            "Raise --words, or lower --steps: no evaluation may fall in between.",
        )


if __name__ == "__main__":
    run(main)
