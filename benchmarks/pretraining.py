"""Speed of pretraining: beside a plain torch loop, and of both directions together."""

import statistics
from pathlib import Path
from typing import Any, Dict, List, Optional

import typer
from _project import ROOT
from _speed_workers import PACKAGE, PLAIN, Task, run_tasks
from _workload import PAPER, Workload, macs_per_word, make_workload, with_direction
from wasabi import msg

from spacy_ldnet.lm_directory import DIRECTIONS
from spacy_ldnet.timing import describe_machine
from spacy_ldnet.workflow.scripting import ScriptError, write_json

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


def measure(
    workload: Workload,
    size: str,
    path: Path,
    *,
    threads: int,
    all_threads: int,
    **sizes: int,
) -> None:
    """Measure everything, show it and write it.

    workload (Workload): Config and text.
    size (str): What the sizes are called.
    path (Path): File for the results.
    threads (int): Threads beside the plain loop.
    all_threads (int): Threads for both directions.
    **sizes (int): `steps` and `warmup` of the tasks, and `rounds`.
    """
    macs = macs_per_word(workload)
    report: Dict[str, Any] = {
        "machine": describe_machine(threads),
        "size": size,
        "vocabulary_rows": workload.rows,
        "macs_per_word": {key: round(value) for key, value in macs.items()},
        "all_threads": all_threads,
    }
    for key, compare, number in (
        ("loops", compare_loops, threads),
        ("directions", compare_directions, all_threads),
    ):
        found = compare(workload, threads=number, **sizes)
        report[key] = summarise(found, sum(macs.values()))
        show(f"{size}, {key}: {number} thread(s)", report[key])
        write_json(path, report)
    machine = ", ".join(f"{name} {v}" for name, v in report["machine"].items())
    msg.good("Wrote the results", f"{path.as_posix()} ({machine})")


def show(title: str, summary: Dict[str, Dict[str, float]]) -> None:
    """title (str): What was measured.
    summary (Dict[str, Dict[str, float]]): Numbers by name.
    """
    msg.divider(title)
    header = ("", "words/s", "lowest", "highest", "MB", "GFLOP/s", "of torch.mm")
    cells = [
        (
            name,
            *(f"{row[key]:,.0f}" for key in ("words_per_second", "lowest", "highest")),
            f"{row['peak_mb']:,.0f}",
            f"{row['gflops']:.1f}",
            f"{row['share_of_mm']:.1%}",
        )
        for name, row in summary.items()
    ]
    msg.table(cells, header=header, max_col=60, divider=True, aligns=("l", *"rrrrrr"))


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
    results: Path = typer.Option(
        ROOT / "metrics" / "pretraining_speed.json", help="Gets the results"
    ),
) -> None:
    """Measure words per second of pretraining; the contestants take turns."""
    size = "paper" if paper else config.stem
    vocabulary = vocabulary or (250_000 if paper else 28_000)
    words = words or (2_000_000 if paper else 500_000)
    sizes = {
        "steps": steps or (4 if paper else 60),
        "warmup": warmup or (1 if paper else 10),
        "rounds": rounds,
    }
    try:
        text = {"vocabulary": vocabulary, "words": words, "seed": seed}
        overrides = PAPER if paper else {}
        workload = make_workload(config, overrides, out_dir / size, **text)
        _check(workload, words, sizes)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    path = results.with_stem(f"{results.stem}_{size}")
    measure(workload, size, path, threads=threads, all_threads=all_threads, **sizes)


def _check(workload: Workload, words: int, sizes: Dict[str, int]) -> None:
    batch = workload.sizes()
    needed = sizes["warmup"] + sizes["steps"] + 1
    needed *= batch["batch_size"] * batch["window"]
    if words < needed:
        raise ScriptError(
            f"The text has {words:,} words, but the updates read {needed:,}",
            "Raise --words, or lower --steps: no measurement may fall in between.",
        )


if __name__ == "__main__":
    typer.run(main)
