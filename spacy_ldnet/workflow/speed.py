"""Words per second of pipelines, and what a spaCy CNN costs per word."""

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Union

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus
from thinc.shims.shim import Shim
from tqdm import tqdm

from ..models.shim import ModuleShim
from ..timing import Words, count_words, describe_machine, interleave, time_pipeline


def entity_pipes(nlp: Language) -> List[str]:
    """The components needed for `doc.ents`: those that write it and the shared
    encoders they listen to.

    nlp (Language): The pipeline.
    RETURNS (List[str]): Their names, in order.
    """
    writers = [
        name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns
    ]
    if not writers:
        return list(nlp.pipe_names)
    needed = set(writers)
    for name, pipe in nlp.pipeline:
        listeners = getattr(pipe, "listening_components", [])
        if needed.intersection(listeners):
            needed.add(name)
    return [name for name in nlp.pipe_names if name in needed]


def macs_of_weights(nlp: Language) -> int:
    """Multiply-accumulates per word of a CNN `tok2vec` with a transition-based
    head: every weight matrix is used once a word (hash embeddings and static
    vectors are only looked up). Of a transformer that is its head alone.

    nlp (Language): The pipeline; only its entity components are counted.
    RETURNS (int): Multiply-accumulates per word.
    """
    total = 0
    nodes = set()
    for name in entity_pipes(nlp):
        for node in nlp.get_pipe(name).model.walk():  # type: ignore[attr-defined]
            if node.id not in nodes and node.has_param("W"):
                total += node.get_param("W").size
            if node.id not in nodes:
                networks = (shim.module for shim in node.shims if _is_ours(shim))
                total += sum(network.macs for network in networks)
            nodes.add(node.id)
    return int(total)


def _is_ours(shim: Shim) -> bool:
    return isinstance(shim, ModuleShim) and hasattr(shim.module, "macs")


def sample_words(docs: Sequence[Doc], limit: int) -> List[Words]:
    """Take the tokens of the first documents.

    docs (Sequence[Doc]): Documents.
    limit (int): Stop once there are this many words.
    RETURNS (List[Words]): Words and spaces of each document.
    """
    taken: List[Words] = []
    total = 0
    for doc in docs:
        if total >= limit:
            break
        taken.append(([t.text for t in doc], [bool(t.whitespace_) for t in doc]))
        total += len(doc)
    return taken


def read_texts(nlp: Language, path: Path, limit: int) -> List[Words]:
    """nlp (Language): Reads the documents; any pipeline of their language.
    path (Path): Documents (.spacy).
    limit (int): Stop once there are this many words.
    RETURNS (List[Words]): Words and spaces of the first documents.
    """
    docs = [example.reference for example in Corpus(path)(nlp)]
    return sample_words(docs, limit)


def time_pipelines(
    pipelines: Dict[str, Language],
    texts: List[Words],
    *,
    rounds: int = 5,
    threads: int = 1,
) -> Dict[str, float]:
    """Measure words per second, on tokens made beforehand. The pipelines take
    turns, so that a busy moment of the machine does not hit one alone.

    pipelines (Dict[str, Language]): Name to pipeline.
    texts (List[Words]): The documents to run on.
    rounds (int): How often each pipeline runs; the median counts.
    threads (int): PyTorch's threads (thinc's own matrix products use one).
    RETURNS (Dict[str, float]): Words per second of each pipeline.
    """
    with tqdm(
        total=(rounds + 1) * len(pipelines), desc="Measuring speed", leave=False
    ) as bar:

        def run(nlp: Language) -> float:
            with nlp.select_pipes(enable=entity_pipes(nlp)):
                seconds = time_pipeline(nlp, texts)
            bar.update()
            return seconds

        runs = {name: partial(run, nlp) for name, nlp in pipelines.items()}
        with use_threads(threads):
            seconds = interleave(runs, rounds=rounds)
    n_words = count_words(texts)
    return {name: round(n_words / taken, 1) for name, taken in seconds.items()}


@contextmanager
def use_threads(number: int) -> Iterator[None]:
    """number (int): PyTorch's threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measure_speed(
    models: Dict[str, Path],
    extra: Dict[str, str],
    test_path: Path,
    n_words: int,
    rounds: int,
    threads: int,
) -> Dict[str, Any]:
    """Words per second of one pipeline a row, side by side.

    models (Dict[str, Path]): Row -> pipeline.
    extra (Dict[str, str]): Other pipelines, e.g. the teacher.
    test_path (Path): Documents to run on.
    n_words (int): How many words of them.
    rounds (int): Rounds; the median counts.
    threads (int): PyTorch's threads.
    RETURNS (Dict[str, Any]): words_per_second and what it was measured on.
    """
    sources: Dict[str, Union[str, Path]] = {**models, **extra}
    pipelines = {row: spacy.load(path) for row, path in sources.items()}
    nlp = next(iter(pipelines.values()))
    texts = read_texts(nlp, test_path, n_words)
    speeds = time_pipelines(pipelines, texts, rounds=rounds, threads=threads)
    return {
        "words_per_second": speeds,
        "components": {row: entity_pipes(nlp) for row, nlp in pipelines.items()},
        "words": count_words(texts),
        "rounds": rounds,
        "machine": describe_machine(threads),
    }
