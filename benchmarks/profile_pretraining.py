"""Where the time of pretraining goes, operation by operation."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import typer
from harness.lm_speed import run_package
from harness.lm_texts import Enough, Workload, make_text, with_direction
from harness.runner import ROOT, Parts, benchmark
from torch.profiler import ProfilerActivity, profile, schedule


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


@benchmark()
def main(
    config: Path = typer.Option(ROOT / "configs" / "lm.cfg", help="Config to profile"),
    paper: bool = typer.Option(False, "--paper", help="Take the paper's sizes"),
    vocabulary: Optional[int] = typer.Option(None, help="Number of different words"),
    words: Optional[int] = typer.Option(None, help="Number of words of the text"),
    steps: Optional[int] = typer.Option(None, min=1, help="Updates to profile"),
    limit: int = typer.Option(20, min=1, help="Operations to show"),
    seed: int = typer.Option(0, help="Seed of the text"),
    out_dir: Path = typer.Option(
        ROOT / "training" / "speed", help="Folder for the text"
    ),
) -> Parts:
    """Profile pretraining with PyTorch's profiler, which itself takes some time."""
    workload = make_text(
        config, out_dir, paper=paper, vocabulary=vocabulary, words=words, seed=seed
    )
    forward = with_direction(workload, "forward")
    rows = profile_updates(forward, steps or (2 if paper else 20))
    yield "size", workload.name
    names = ("calls", "ms", "share")
    yield "operations", {r["name"]: {n: r[n] for n in names} for r in rows[:limit]}


if __name__ == "__main__":
    typer.run(main)
