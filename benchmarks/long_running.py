"""A process that reads ever new words: its speed and memory; and two threads or two
processes on one pipeline.

    python benchmarks/long_running.py --pipeline training/0/pruned/model-best

Every fourth word was never seen before. Run it while nothing else runs, also where torch is
not installed.
"""

import itertools
import string
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, Iterator, List

import spacy
import typer
from harness.machine import resident_mb
from harness.runner import Parts, benchmark, rounds
from spacy.language import Language
from spacy.tokens import Doc
from wasabi import msg

from spacy_ldnet.models.shim import NetworkShim
from spacy_ldnet.timing import clear_caches, interleave

#: Words of a text, texts that are read together, and how often a word is new.
LENGTH, BATCH, NEW = 25, 200, 4
#: Measurements of speed and memory on the way.
STOPS = 10
PARTS = "zone,no zone,shared"


@benchmark()
def main(
    pipeline: Path = typer.Option(
        Path("training/0/pruned/model-best"), help="Ours, trained"
    ),
    text: Path = typer.Option(Path("corpus/lm_train.txt"), help="Text, tokenised"),
    words: int = typer.Option(10_000_000, min=1000, help="Words of each growth"),
    shared_words: int = typer.Option(100_000, min=100, help="Words of part shared"),
    parts: str = typer.Option(PARTS, help="Parts to run, with commas"),
    rounds: int = rounds(),
    threads: int = typer.Option(1, help="PyTorch threads, where it is installed"),
) -> Parts:
    """Measure growth, threads and processes."""
    unknown = set(parts.split(",")) - set(PARTS.split(","))
    if unknown:
        msg.fail(f"Unknown parts: {', '.join(sorted(unknown))}", PARTS, exits=1)
    set_threads(threads)
    known = text.read_text("utf8").split()
    nlp = spacy.load(pipeline)
    for part in parts.split(","):
        if part == "shared":
            yield part, measure_shared(nlp, known, shared_words, rounds)
        else:
            yield part, grow(nlp, new_texts(known), words, zone=part == "zone")


def set_threads(number: int) -> None:
    """number (int): Threads of torch, if it is installed."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(number)


def new_texts(known: List[str]) -> Iterator[str]:
    """known (List[str]): Words of a text.
    YIELDS (str): Texts of these words again and again, where some are replaced by new ones.
    """
    letters = itertools.count(1)
    words = itertools.cycle(known)
    while True:
        text = list(itertools.islice(words, LENGTH))
        for i in range(0, LENGTH, NEW):
            text[i] = spell(next(letters))
        yield " ".join(text)


def spell(number: int) -> str:
    """RETURNS (str): A number of its own as a word of letters."""
    word = ""
    while number:
        number, place = divmod(number, 26)
        word += string.ascii_lowercase[place]
    return word.capitalize() + "q"


def grow(
    nlp: Language, texts: Iterator[str], words: int, *, zone: bool
) -> List[Dict[str, Any]]:
    """nlp (Language): The pipeline.
    texts (Iterator[str]): Texts, without end.
    words (int): Number of words to read.
    zone (bool): Whether each batch is read inside of a memory zone.
    RETURNS (List[Dict[str, Any]]): At each stop the words read, words per second since
        the stop before, memory (MB), words that our caches hold, and strings of spaCy.
    """
    rows, done = [], 0
    for stop in range(1, STOPS + 1):
        begin, before = time.perf_counter(), done
        while done < words * stop // STOPS:
            with nlp.memory_zone() if zone else nullcontext():
                for doc in nlp.pipe(itertools.islice(texts, BATCH)):
                    done += len(doc)
        rows.append(
            {
                "words": done,
                "words_per_second": (done - before) / (time.perf_counter() - begin),
                "resident_mb": resident_mb(),
                "cached": cached(nlp),
                "strings": len(nlp.vocab.strings),
            }
        )
    return rows


def cached(nlp: Language) -> int:
    """RETURNS (int): Words that the caches of our networks hold."""
    nodes = [m for _, pipe in nlp.pipeline for m in pipe.model.walk()]
    shims = [s for node in nodes for s in node.shims if isinstance(s, NetworkShim)]
    names = ("embeddings", "char_vectors")
    return sum(len(getattr(shim, name, ())) for shim in shims for name in names)


def measure_shared(
    nlp: Language, known: List[str], words: int, rounds: int
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): How many times as fast two threads, and two processes, are
    as one, start included; and whether two threads find the same.
    """
    texts = list(itertools.islice(new_texts(known), max(2, words // LENGTH)))
    halves = [texts[::2], texts[1::2]]

    def read(some: List[str]) -> List[Doc]:
        return list(nlp.pipe(some, batch_size=BATCH))

    def in_threads() -> List[List[Doc]]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(read, halves))

    def timed(call: Any) -> float:
        clear_caches(nlp)
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    def in_processes() -> List[Doc]:
        return list(nlp.pipe(texts, n_process=2, batch_size=BATCH))

    runs = {
        "one": lambda: timed(lambda: read(texts)),
        "threads": lambda: timed(in_threads),
        "processes": lambda: timed(in_processes),
    }
    seconds = interleave(runs, rounds=rounds)
    expected = [entities(doc) for half in halves for doc in read(half)]
    found = [entities(doc) for docs in in_threads() for doc in docs]
    return {
        "two_threads": seconds["one"] / seconds["threads"],
        "two_processes": seconds["one"] / seconds["processes"],
        "entities": sum(map(len, expected)),
        "same": found == expected,
    }


def entities(doc: Doc) -> List[Any]:
    """RETURNS (List[Any]): The entities that were found."""
    return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


if __name__ == "__main__":
    typer.run(main)
