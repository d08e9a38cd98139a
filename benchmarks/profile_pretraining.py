"""Where the time of pretraining goes, operation by operation."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
import typer
from _project import ROOT
from _rows import Enough
from _speed_workers import run_package
from _workload import PAPER, Workload, make_workload, with_direction
from torch.profiler import ProfilerActivity, profile, schedule
from wasabi import msg

from spacy_ldnet.timing import describe_machine
from spacy_ldnet.workflow.scripting import write_json


def profile_updates(workload: Workload, steps: int) -> List[Dict[str, Any]]:
    """Profile some updates of the package's own training.

    workload (Workload): Config and text, of one direction.
    steps (int): Number of updates; three go before.
    RETURNS (List[Dict[str, Any]]): Operations by falling time of their own: `name`,
        `calls` and `ms` an update, and `share` of the time of all.
    """
    plan = schedule(wait=2, warmup=1, active=steps, repeat=1)
    with profile(activities=[ProfilerActivity.CPU], schedule=plan) as profiler:

        def tick(step: int) -> None:
            profiler.step()
            if step == steps + 3:
                raise Enough

        run_package(workload, tick)
    events = [
        event
        for event in profiler.key_averages()
        if not event.key.startswith("ProfilerStep")
    ]
    total = sum(event.self_cpu_time_total for event in events)
    rows = [
        {
            "name": event.key,
            "calls": event.count / steps,
            "ms": round(event.self_cpu_time_total / 1000 / steps, 3),
            "share": round(event.self_cpu_time_total / total, 4),
        }
        for event in events
    ]
    return sorted(rows, key=lambda row: row["ms"], reverse=True)


def main(
    config: Path = typer.Option(ROOT / "configs" / "lm.cfg", help="Config to profile"),
    paper: bool = typer.Option(False, "--paper", help="Take the paper's sizes"),
    vocabulary: Optional[int] = typer.Option(None, help="Number of different words"),
    words: Optional[int] = typer.Option(None, help="Number of words of the text"),
    steps: Optional[int] = typer.Option(None, min=1, help="Updates to profile"),
    threads: int = typer.Option(1, min=1, help="Threads of torch"),
    limit: int = typer.Option(20, min=1, help="Operations to show"),
    seed: int = typer.Option(0, help="Seed of the text"),
    out_dir: Path = typer.Option(
        ROOT / "training" / "speed", help="Folder for the text"
    ),
    results: Path = typer.Option(
        ROOT / "metrics" / "pretraining_profile.json", help="Gets the results"
    ),
) -> None:
    """Profile pretraining with torch's profiler, which itself takes some time."""
    size = "paper" if paper else config.stem
    torch.set_num_threads(threads)
    workload = make_workload(
        config,
        PAPER if paper else {},
        out_dir / size,
        vocabulary=vocabulary or (250_000 if paper else 28_000),
        words=words or (2_000_000 if paper else 500_000),
        seed=seed,
    )
    rows = profile_updates(
        with_direction(workload, "forward"), steps or (2 if paper else 20)
    )
    cells = [
        (
            row["name"][:50],
            f"{row['calls']:g}",
            f"{row['ms']:.2f}",
            f"{row['share']:.1%}",
        )
        for row in rows[:limit]
    ]
    header = ("operation", "calls", "ms an update", "share")
    msg.table(cells, header=header, divider=True, aligns=tuple("lrrr"), max_col=60)
    path = results.with_stem(f"{results.stem}_{size}")
    write_json(path, {"machine": describe_machine(threads), "operations": rows})
    msg.good("Wrote the results", path.as_posix())


if __name__ == "__main__":
    typer.run(main)
