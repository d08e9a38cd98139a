"""Held-out perplexity of LD-Net's language models, of baselines and of variants.

    python benchmarks/language_models.py assets/brown

All of them predict the same symbols of the same text, which is split by document. Each variant
is trained by the command that users run; a finished one is not trained again.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import srsly
import torch
import typer
from harness.kneser_ney import KENLM, find_programs, measure_kneser_ney
from harness.lm_texts import Texts, prepare_texts
from harness.runner import ROOT, Parts, benchmark
from spacy.util import load_config
from wasabi import msg

from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.pretraining.run import resolve_model
from spacy_ldnet.workflow.scripting import ScriptError, run, write_json

KNESER_NEY = "kneser_ney"
Overrides = Dict[str, Any]

DEFAULT = "default"
STACKED = "stacked"
#: Share by which a baseline's number of parameters may differ.
TOLERANCE = 0.01
#: In a stacked LSTM, layer_dropout is the ordinary dropout between layers.
_STACK: Overrides = {
    "model.connectivity": "stacked",
    "model.depth": 2,
    "model.layer_dropout": 0.2,
}
#: A wider softmax, and dropout as it suits a stack: it overfits less than a dense one.
_WIDE: Overrides = {"model.projection": 256, "model.dropout": 0.2}
_MORE: Overrides = {"model.embed_dropout": 0.4, "model.output_dropout": 0.3}

VARIANTS: Dict[str, Overrides] = {
    DEFAULT: {},
    # Baselines: their hidden size is chosen so that they have the default's number
    # of parameters; what is learned in as many updates is then the network's doing.
    STACKED: dict(_STACK),
    "stacked_wide": {**_STACK, **_WIDE, "model.embed_dropout": 0.1},
    "more_dropout": {**_MORE, "model.dropout": 0.2},
    "less_dropout": {"model.embed_dropout": 0.1, "model.output_dropout": 0.1},
    "layer_dropout_0": {"model.layer_dropout": 0.0},
    "layer_dropout_0.1": {"model.layer_dropout": 0.1},
    "layer_dropout_0.5": {"model.layer_dropout": 0.5},
    # Narrower layers and a wider softmax, the default of earlier versions.
    "narrow": {**_WIDE, "model.hidden": 64, "model.layer_dropout": 0.5},
    # Tied: the softmax reads with the embeddings, so the widths are the same.
    "tied": {
        "model.tied": True,
        "model.embed": 128,
        "model.projection": 128,
        "model.hidden": 72,
    },
    "word_dropout_0.1": {"model.word_dropout": 0.1},
    "longer": {"pretraining.max_epochs": 10},
    "longer_more_dropout": {"pretraining.max_epochs": 10, **_MORE},
    # Other clusters of the softmax, which cost less.
    "cutoffs_3": {"model.cutoffs": [500, 2000, 8000]},
    "depth_3": {"model.depth": 3},
    "depth_10": {"model.depth": 10},
}


@benchmark()
def main(
    text: Path = typer.Argument(
        ROOT / "assets" / "brown", help="Folder of .txt files, one document each"
    ),
    out_dir: Path = typer.Option(
        ROOT / "training" / "benchmark", help="Folder for texts and models"
    ),
    config: Path = typer.Option(
        ROOT / "configs" / "lm.cfg", help="Config of the default"
    ),
    models: str = typer.Option(
        ",".join([KNESER_NEY, *VARIANTS]), help="Which to train, commas between them"
    ),
    directions: str = typer.Option("forward", help="forward, backward or both"),
    share: float = typer.Option(0.05, min=0.0, max=0.5, help="Share to hold out"),
    order: int = typer.Option(5, min=2, max=6, help="Words in the longest n-gram"),
    seed: int = typer.Option(0, help="Seed of the split and of the trainings"),
    kenlm: Path = typer.Option(KENLM, help="Folder of KenLM's lmplz and query"),
) -> Parts:
    """Compare language models by held-out perplexity on the same text."""
    names = models.split(",")
    unknown = sorted(set(names) - {KNESER_NEY, *VARIANTS})
    if unknown:
        known = ", ".join([KNESER_NEY, *VARIANTS])
        msg.fail(f"Unknown models: {', '.join(unknown)}", f"Known: {known}", exits=1)
    wanted = ["forward", "backward"] if directions == "both" else [directions]
    texts = prepare_texts(text, out_dir, config, share=share, seed=seed)
    yield "text", {**texts.counts, "predicted": len(texts.dev)}
    yield "seed", seed
    rows: Dict[str, Any] = {}
    for name in names:
        work = out_dir / name
        if name == KNESER_NEY:
            rows[name] = _kneser_ney(texts, work, wanted, order, kenlm)
        else:
            changed = resolve_variant(name, config, texts.rows)
            rows[name] = train_variant(
                changed, texts, work, config, seed=seed, directions=wanted
            )
        yield "rows", rows


def resolve_variant(name: str, config_path: Path, rows: int) -> Overrides:
    """What to override for a variant, with the sizes of the baselines filled in.

    name (str): Name of the variant.
    config_path (Path): The config.
    rows (int): Size of the vocabulary, symbols included.
    RETURNS (Overrides): The overrides.
    """
    overrides = VARIANTS[name]
    if not name.startswith(STACKED):
        return overrides
    wanted = count_parameters(config_path, {}, rows)
    hidden = match_hidden(config_path, overrides, rows, wanted)
    return {**overrides, "model.hidden": hidden}


def count_parameters(config_path: Path, overrides: Overrides, rows: int) -> int:
    """config_path (Path): The config.
    overrides (Overrides): What to change in it.
    rows (int): Size of the vocabulary, symbols included.
    RETURNS (int): Weights of one direction; shared ones count once.
    """
    config = load_config(config_path, overrides=overrides, interpolate=True)
    # Nothing is allocated there: only the shapes are wanted.
    with torch.device("meta"):
        model = LanguageModel(resolve_model(config), rows=rows, direction="forward")
    return sum(weights.numel() for weights in model.parameters())


def match_hidden(
    config_path: Path, overrides: Overrides, rows: int, wanted: int
) -> int:
    """The hidden size with which a model comes closest to a number of parameters.

    config_path (Path): The config.
    overrides (Overrides): What to change in it.
    rows (int): Size of the vocabulary, symbols included.
    wanted (int): The number of parameters.
    RETURNS (int): The hidden size.
    RAISES (ValueError): If no size comes close enough.
    """

    def distance(hidden: int) -> int:
        sizes = {**overrides, "model.hidden": hidden}
        return count_parameters(config_path, sizes, rows) - wanted

    low, high = 1, 2
    while distance(high) < 0:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if distance(middle) < 0 else (low, middle)
    best = min((low, high), key=lambda hidden: abs(distance(hidden)))
    if abs(distance(best)) > TOLERANCE * wanted:
        raise ValueError(
            f"No hidden size gives {wanted:,} parameters to within {TOLERANCE:.0%}; "
            f"the closest, {best}, is off by {distance(best):,}"
        )
    return best


def _kneser_ney(
    texts: Texts, work: Path, directions: List[str], order: int, kenlm: Path
) -> Dict[str, Any]:
    programs = find_programs(kenlm)
    measured = {
        direction: measure_kneser_ney(
            texts.train,
            texts.dev,
            work,
            direction=direction,
            order=order,
            programs=programs,
        )
        for direction in directions
    }
    ngrams = measured[directions[0]]["ngrams"]
    return {
        "overrides": {"order": order},
        "parameters": sum(ngrams),
        "ngrams": ngrams,
        "perplexity": {name: row["perplexity"] for name, row in measured.items()},
        "steps": {},
    }


RESULT = "result.json"


def train_variant(
    overrides: Dict[str, Any],
    texts: Texts,
    out_dir: Path,
    config_path: Path,
    *,
    seed: int,
    directions: List[str],
) -> Dict[str, Any]:
    """Train a variant, unless the folder holds its result already.

    overrides (Dict[str, Any]): What to change in the config.
    texts (Texts): The text.
    out_dir (Path): Folder for the language models and the result.
    config_path (Path): The config.
    seed (int): Seed of the training.
    directions (List[str]): "forward", "backward" or both.
    RETURNS (Dict[str, Any]): Overrides, parameters, updates, and perplexity and words
        per second by direction.
    RAISES (ScriptError): If the training fails.
    """
    settings = {
        **overrides,
        **texts.overrides,
        "system.seed": seed,
        "pretraining.directions": directions,
    }
    config = config_path.read_text("utf8")
    asked = {"settings": settings, "config": config, "text": texts.counts}
    found = _read_result(out_dir / RESULT, asked)
    if found is not None:
        return found
    # A folder of the same text is used again instead of being made anew.
    shutil.copytree(texts.corpus.parent, out_dir, dirs_exist_ok=True)
    begin = time.perf_counter()
    _run_pretrain(config_path, out_dir, settings)
    seconds = time.perf_counter() - begin
    result = {
        "overrides": overrides,
        "parameters": count_parameters(config_path, overrides, texts.rows),
        "seconds": round(seconds, 1),
        **_read_log(out_dir / "log.jsonl"),
    }
    write_json(out_dir / RESULT, {"asked": asked, "result": result})
    return result


def _run_pretrain(config_path: Path, out_dir: Path, settings: Dict[str, Any]) -> None:
    command = [sys.executable, "-m", "spacy", "ldnet", "pretrain"]
    # What was begun with the same settings goes on, anything else begins anew.
    command += [str(config_path), str(out_dir), "--resume", "--overwrite"]
    for name, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value)
        command += [f"--{name}", text]
    if subprocess.run(command, check=False).returncode:
        title = f"The training in {out_dir.as_posix()} failed"
        raise ScriptError(title, f"The command was: {' '.join(command)}")


def _read_result(path: Path, asked: Dict[str, Any]) -> Any:
    """The result of an earlier run, if it was asked the same."""
    if not path.is_file():
        return None
    found = json.loads(path.read_text("utf8"))
    return found["result"] if found["asked"] == asked else None


def _read_log(path: Path) -> Dict[str, Any]:
    """The last and the best measurement of each direction."""
    result: Dict[str, Any] = {
        name: {}
        for name in ("perplexity", "last_perplexity", "steps", "words_per_second")
    }
    for line in srsly.read_jsonl(path):
        direction = line["direction"]
        if line["best"]:
            result["perplexity"][direction] = line["perplexity"]
        result["last_perplexity"][direction] = line["perplexity"]
        result["steps"][direction] = line["step"]
        result["words_per_second"][direction] = round(line["words_per_second"], 1)
    return result


if __name__ == "__main__":
    run(main)
