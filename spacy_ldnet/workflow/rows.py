"""What the trainings of every seed left: pipelines and language models."""

from pathlib import Path
from typing import Any, Dict, List

import srsly
from wasabi import msg
from weasel.cli.main import PROJECT_LOCK
from weasel.util import get_checksum

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


def warn_of_other_data(
    trained: Dict[str, List[Path]], corpus: Path, lock_path: Path = Path(PROJECT_LOCK)
) -> None:
    """Say which results are of other data than the corpus that is there: seeds that were
    trained before it was changed would be averaged with those after.

    trained (Dict[str, List[Path]]): What was trained: name -> directories.
    corpus (Path): The corpus' folder.
    lock_path (Path): The project's lock file, which knows the contents that a step read
        and wrote. Where it says nothing the times of the files do.
    """
    lock = srsly.read_yaml(lock_path) if lock_path.is_file() else {}
    steps = {
        Path(made["path"]): (made["md5"], step["deps"])
        for step in lock.values()
        for made in step["outs"]
    }
    read = [corpus / name for name in ("train.spacy", "lm_train.txt")]
    for name, paths in trained.items():
        for path in paths:
            meta = path / "meta.json"
            made, deps = steps.get(meta, (None, []))
            if made is not None and made == get_checksum(meta):
                changed = [
                    dep["path"]
                    for dep in deps
                    if corpus in Path(dep["path"]).parents
                    and Path(dep["path"]).exists()
                    and dep["md5"] != get_checksum(dep["path"])
                ]
            else:
                own = read[1:] if name in LANGUAGE_MODELS else read[:1]
                time = meta.stat().st_mtime
                changed = [
                    str(p) for p in own if p.exists() and p.stat().st_mtime > time
                ]
            if changed:
                msg.warn(
                    f"{name} ({path}) was trained before {', '.join(changed)} changed",
                    "Its result is averaged with the others all the same: train it again "
                    f"(--vars.seed {path.parts[-3]}), or remove its folder.",
                )
