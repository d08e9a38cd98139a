"""Time and memory of one long document, up to a million words.

    python benchmarks/long_documents.py training/0/pruned/model-best

Each length runs in a process of its own; memory is the process' peak less what it held
with the pipeline loaded and warm.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Dict, List

import spacy
import torch
import typer
from harness.machine import peak_mb
from harness.runner import Parts, benchmark
from spacy.tokens import Doc

from spacy_ldnet.pruning import encoders_in
from spacy_ldnet.timing import time_pipeline, zipf_texts


def measure(pipeline: Path, length: int, threads: int) -> Dict[str, Any]:
    """pipeline (Path): The pipeline.
    length (int): Words of the document.
    threads (int): PyTorch threads.
    RETURNS (Dict[str, Any]): Words per second and memory (MB).
    """
    torch.set_num_threads(threads)
    nlp = spacy.load(pipeline)
    words = encoders_in(nlp)[0].shims[0].words  # type: ignore[attr-defined]
    # Warm with many short documents, which is what it is compared with.
    short = zipf_texts(words, 20_000)
    for _ in range(2):
        of_short = 20_000 / time_pipeline(nlp, short)
    text: List[str] = [word for w, _ in zipf_texts(words, length) for word in w]
    doc = Doc(nlp.vocab, words=text[:length])
    before = peak_mb()
    start = time.perf_counter()
    nlp(doc)
    speed = length / (time.perf_counter() - start)
    return {
        "words": length,
        "words_per_second": round(speed),
        "of_short_documents": round(speed / of_short, 2),
        "memory_mb": round(peak_mb() - before),
    }


@benchmark()
def main(
    pipeline: Path = typer.Argument(..., help="A pipeline of ours", exists=True),
    lengths: str = typer.Option(
        "1000,10000,100000,200000,1000000", help="Words, with commas"
    ),
    threads: int = typer.Option(1, min=1, help="PyTorch threads"),
) -> Parts:
    """Measure documents of several lengths."""
    rows = []
    for length in map(int, lengths.split(",")):
        with ProcessPoolExecutor(1, get_context("spawn")) as executor:
            rows.append(executor.submit(measure, pipeline, length, threads).result())
        yield "rows", rows


if __name__ == "__main__":
    typer.run(main)
