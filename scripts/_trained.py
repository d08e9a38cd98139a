"""What the trainings of every seed left: pipelines and language models."""

from pathlib import Path
from typing import Any, Dict

import srsly

#: Row of the results -> directory below training/SEED.
ROWS: Dict[str, str] = {
    "no_lm": "no_lm",
    "ldnet": "ldnet",
    "ldnet_pruned": "pruned",
    "ldnet_finetuned": "finetune",
    "ldnet_unfrozen": "unfreeze",
    "ldnet_rewound": "rewound",
    "ldnet_retrained": "retrained",
    "ldnet_taught": "taught",
    "cnn": "cnn",
    "trf": "trf",
    "trf_crf": "trf_crf",
}
#: Directories of language models below training/SEED: as pretrained, and pruned.
LANGUAGE_MODELS = ("lm", "lm_retrained")


def find_models(training: Path) -> Dict[str, Dict[str, Path]]:
    """Find the best pipeline of every row and seed.

    training (Path): Directory with SEED/MODEL/model-best.
    RETURNS (Dict[str, Dict[str, Path]]): Row -> seed -> directory. Rows of which
        nothing is there are left out.
    """
    found = {row: find_trained(training, name) for row, name in ROWS.items()}
    return {row: paths for row, paths in found.items() if paths}


def find_trained(training: Path, name: str) -> Dict[str, Path]:
    """training (Path): Directory with SEED/NAME/model-best.
    name (str): What was trained: a row's directory, or `lm`.
    RETURNS (Dict[str, Path]): Seed -> directory, by seed; those that are there.
    """
    seeds = sorted((d.name for d in training.iterdir() if d.name.isdigit()), key=int)
    paths = {seed: training / seed / name / "model-best" for seed in seeds}
    return {seed: p for seed, p in paths.items() if (p / "meta.json").exists()}


def read_lm_metas(training: Path) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """training (Path): Directory with SEED/NAME/model-best.
    RETURNS (Dict[str, Dict[str, Dict[str, Any]]]): Name of language models -> seed ->
        their meta.json. Those of which nothing is there are left out.
    """
    found = {name: find_trained(training, name) for name in LANGUAGE_MODELS}
    return {
        name: {seed: srsly.read_json(p / "meta.json") for seed, p in paths.items()}
        for name, paths in found.items()
        if paths
    }
