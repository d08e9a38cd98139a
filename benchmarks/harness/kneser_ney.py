"""Interpolated modified Kneser-Ney models by KenLM, on the rows our own models read."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy

from harness.runner import ROOT
from spacy_ldnet.lm_directory import EOS_ROW
from spacy_ldnet.workflow.scripting import ScriptError

PROGRAMS = ("lmplz", "query")
KENLM = ROOT / "training" / "kenlm"
MEMORY = "1G"


def find_programs(folder: Path) -> Dict[str, str]:
    """folder (Path): Where `build_kenlm.py` put the programs.
    RETURNS (Dict[str, str]): Path of each program, there or installed.
    RAISES (ScriptError): If one is missing.
    """
    found = {}
    for name in PROGRAMS:
        path = shutil.which(name, path=str(folder)) or shutil.which(name)
        if path is None:
            raise ScriptError(
                f"KenLM's program '{name}' is missing",
                "Run benchmarks/build_kenlm.py first, or leave the model out.",
            )
        found[name] = path
    return found


def measure_kneser_ney(
    train: "numpy.ndarray[Any, Any]",
    dev: "numpy.ndarray[Any, Any]",
    work: Path,
    *,
    direction: str,
    order: int,
    programs: Dict[str, str],
) -> Dict[str, Any]:
    """Estimate a model and measure the held-out text.

    What is predicted is exactly what our own models predict: every word, all unknown
    words being one class, and one symbol a text.

    train (numpy.ndarray): Rows of the training text; each text begins with `EOS_ROW`.
    dev (numpy.ndarray): Rows of the held-out text.
    work (Path): Folder for its files.
    direction (str): "forward" or "backward", which reads the texts reversed.
    order (int): Words in the longest n-gram.
    programs (Dict[str, str]): KenLM's programs.
    RETURNS (Dict[str, Any]): `perplexity`, `tokens` predicted and `ngrams` by order.
    RAISES (ScriptError): If a program fails or counts other tokens than we do.
    """
    work.mkdir(parents=True, exist_ok=True)
    text, held_out = work / f"train.{direction}.txt", work / f"dev.{direction}.txt"
    write_rows(train, text, direction)
    write_rows(dev, held_out, direction)
    arpa = work / f"{direction}.{order}.arpa"
    limits = ["-S", MEMORY, "-T", str(work / "sort")]
    estimate = [programs["lmplz"], "-o", str(order), "--arpa", str(arpa), *limits]
    _run(estimate, text)
    counted = _read_summary(
        _run([programs["query"], "-v", "summary", str(arpa)], held_out)
    )
    if counted["OOVs"] or counted["Tokens"] != len(dev):
        raise ScriptError(
            f"KenLM counted {counted['Tokens']:.0f} tokens, {counted['OOVs']:.0f} of "
            f"them unknown; expected {len(dev)} and none",
            "Every row of the held-out text has to occur in the training text.",
        )
    return {
        "perplexity": counted["Perplexity including OOVs"],
        "tokens": len(dev),
        "ngrams": _read_counts(arpa),
    }


def write_rows(rows: "numpy.ndarray[Any, Any]", path: Path, direction: str) -> None:
    """Write rows as text that KenLM reads: a text on each line, a number a word.

    Numbers, as KenLM takes no `<unk>` in its training text: so the row of unknown
    words is a word as any other. The end of a line is the symbol between texts.

    rows (numpy.ndarray): The rows; each text begins with `EOS_ROW`.
    path (Path): The file.
    direction (str): "backward" to reverse each text.
    """
    step = -1 if direction == "backward" else 1
    starts = numpy.flatnonzero(rows == EOS_ROW)
    with path.open("w", encoding="utf8") as file:
        for text in numpy.split(rows, starts)[1:]:
            file.write(" ".join(map(str, text[1:][::step])) + "\n")


def _run(command: List[str], text: Path) -> str:
    with text.open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, check=False)
    if done.returncode:
        raise ScriptError(
            f"{Path(command[0]).name} failed", done.stderr.decode("utf8")[-2000:]
        )
    return done.stdout.decode("utf8")


def _read_summary(output: str) -> Dict[str, float]:
    pairs: List[Tuple[str, str]] = []
    for line in output.splitlines():
        name, colon, value = line.partition(":\t")
        if colon:
            pairs.append((name, value))
    return {name: float(value) for name, value in pairs}


def _read_counts(arpa: Path) -> List[int]:
    """The numbers of n-grams in the head of an ARPA file."""
    counts = []
    with arpa.open(encoding="utf8") as file:
        for line in file:
            if line.startswith("\\1-grams"):
                break
            if line.startswith("ngram "):
                counts.append(int(line.partition("=")[2]))
    return counts
