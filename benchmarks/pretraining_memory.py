"""Does memory grow with the text? Private memory of a pretraining, by phase.

The text of a folder is written several times over, tokenised and trained on for some
updates, in a process of its own; the sum of RssAnon over that process and its children
is sampled. Mapped pages of files, which the system may drop at any time, do not count.
The vocabulary is the same however often the text is repeated (min_freq grows with it).

    python benchmarks/pretraining_memory.py assets/brown
"""

import json
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List

import typer
from harness.machine import private_memory
from harness.runner import ROOT, Parts, benchmark

#: Seconds between two samples.
EVERY = 0.05
CONFIG = ROOT / "configs" / "lm.cfg"
#: A small language model: the corpus is measured, not the network.
MODEL = {"embed": 32, "hidden": 32, "depth": 2, "projection": 64}
PHASE_FILE = "phase.json"


@benchmark()
def main(
    texts: Path = typer.Argument(..., help="Folder of .txt files", exists=True),
    times: List[int] = typer.Option([1, 40], help="How often the text is repeated"),
    n_process: int = typer.Option(1, help="Processes that tokenise"),
    steps: int = typer.Option(300, help="Updates of each direction"),
) -> Parts:
    """Measure the memory of tokenising and training as the text grows."""
    rows = []
    for number in times:
        rows.append(measure(texts, number, n_process, steps))
        yield "runs", rows
    peaks = {
        phase: [row["peak_mb"][phase] for row in rows] for phase in rows[0]["peak_mb"]
    }
    yield (
        "largest_to_smallest",
        {phase: round(max(v) / min(v), 3) for phase, v in peaks.items()},
    )


def measure(texts: Path, times: int, n_process: int, steps: int) -> Dict[str, Any]:
    """texts (Path): Folder of .txt files.
    times (int): How often the text is repeated.
    n_process (int): Processes that tokenise.
    steps (int): Updates of each direction.
    RETURNS (Dict[str, Any]): Peaks by phase (MB), words and speed.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder)
        write_text(texts, path, times)
        job = {"folder": folder, "times": times, "n_process": n_process, "steps": steps}
        process = get_context("spawn").Process(target=run_child, args=(job,))
        process.start()
        peaks: Dict[str, float] = {}
        while process.is_alive():
            phase = read_phase(path).get("phase", "start")
            peaks[phase] = max(peaks.get(phase, 0.0), private_memory(process.pid or 0))
            time.sleep(EVERY)
        if process.exitcode:
            raise SystemExit(f"The training ended with {process.exitcode}")
        found = read_phase(path)
        size = sum(file.stat().st_size for file in (path / "train").iterdir())
    return {
        "times": times,
        "n_process": n_process,
        "text_mb": round(size / 1e6, 1),
        "words": found["words"],
        "vocabulary": found["vocabulary"],
        "tokenised_words_per_second": round(found["words_per_second"]),
        "peak_mb": {phase: round(peaks[phase], 1) for phase in ("tokenise", "train")},
    }


def write_text(texts: Path, path: Path, times: int) -> None:
    """Write the whole text into as many files as it is repeated, and one held-out file.

    texts (Path): Folder of .txt files.
    path (Path): Folder to write to.
    times (int): How often the text is repeated.
    """
    (path / "train").mkdir()
    sources = sorted(texts.glob("*.txt"))
    for number in range(times):
        with (path / "train" / f"{number:03}.txt").open("wb") as file:
            for source in sources:
                file.write(source.read_bytes().rstrip(b"\n") + b"\n")
    (path / "dev.txt").write_bytes(sources[0].read_bytes())


def run_child(job: Dict[str, Any]) -> None:
    """Tokenise and train, and tell in a file which of them it is.

    job (Dict[str, Any]): Folder, repetitions, processes and updates.
    """
    from spacy.util import load_config

    from spacy_ldnet.pretraining.events import CorpusReady, Event, TextProgress
    from spacy_ldnet.pretraining.run import pretrain
    from spacy_ldnet.util import write_json

    folder = Path(job["folder"])
    found: Dict[str, Any] = {"phase": "tokenise"}
    write_json(folder / PHASE_FILE, found)

    def report(event: Event) -> None:
        if isinstance(event, TextProgress):
            found["words_per_second"] = event.words / event.seconds
        elif isinstance(event, CorpusReady):
            found["phase"] = "train"
            found["words"] = event.corpus.train.words
            found["vocabulary"] = len(event.corpus.words)
            write_json(folder / PHASE_FILE, found)

    config = load_config(CONFIG, interpolate=False)
    paths = {"raw_text": str(folder / "train"), "dev_text": str(folder / "dev.txt")}
    config["paths"].update(paths)
    config["model"].update(MODEL)
    limits = {
        "min_freq": 2 * job["times"],
        "max_steps": job["steps"],
        "max_epochs": 100,
    }
    config["pretraining"].update({**limits, "n_process": job["n_process"]})
    pretrain(config, folder / "out", report=report)


def read_phase(path: Path) -> Dict[str, Any]:
    """path (Path): Folder of the run.
    RETURNS (Dict[str, Any]): What the run says of itself.
    """
    file = path / PHASE_FILE
    return json.loads(file.read_text("utf8")) if file.exists() else {}


if __name__ == "__main__":
    typer.run(main)
