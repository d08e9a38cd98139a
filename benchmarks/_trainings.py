"""One language model of the comparison, trained by the command users run."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import srsly
from _texts import Texts
from _variants import count_parameters

from spacy_ldnet.workflow.scripting import ScriptError, write_json

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
