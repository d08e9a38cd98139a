"""Rows of the results: the pipelines that the trainings of every seed left.

A new row is a line here, and a step in project.yml that trains it.
"""

from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

import srsly
from wasabi import msg
from weasel.cli.main import PROJECT_LOCK
from weasel.util import get_checksum


class Row(NamedTuple):
    """A row of the results.

    folder (str): Its directory below training/SEED.
    title (str): Its description, in the report.
    """

    folder: str
    title: str


#: Rows by their names in metrics/results.json. Ours begin with "ldnet".
ROWS: Dict[str, Row] = {
    "no_lm": Row("no_lm", "the tagger without a language model"),
    "ldnet": Row("ldnet", "the tagger on the full language models"),
    "ldnet_pruned": Row("pruned", "its layers pruned"),
    "ldnet_finetuned": Row("finetune", "pruned, then fine-tuned"),
    "ldnet_unfrozen": Row(
        "unfreeze", "pruned, then fine-tuned with the remaining layers"
    ),
    "ldnet_rewound": Row(
        "rewound", "the remaining layers below the tagger as it was before gating"
    ),
    "ldnet_retrained": Row("retrained", "the remaining layers, pretraining continued"),
    "ldnet_taught": Row("taught", "retrained, and distilled from the unpruned one"),
    "cnn": Row("cnn", "spaCy's CNN and ner"),
    "trf": Row("trf", "a transformer through spacy-transformers"),
    "trf_crf": Row("trf_crf", "the same with our CRF"),
}
#: The row of the pipeline that labelled the text. The project does not train it.
TEACHER = "teacher"
#: Rows that a page is about if what is packaged has none, the first that exists.
SUBJECTS = ("ldnet_retrained", "ldnet_pruned", "ldnet")
#: Directories of language models below training/SEED, and what they are.
LANGUAGE_MODELS = {
    "lm": "as pretrained",
    "lm_retrained": "pruned, pretraining continued",
}


def row_of(folder: str) -> str:
    """folder (str): A directory below training/SEED.
    RETURNS (str): Name of its row, or the directory's own without one.
    """
    return {row.folder: name for name, row in ROWS.items()}.get(folder, folder)


def find_models(training: Path) -> Dict[str, Dict[str, Path]]:
    """Find the best pipeline of every row and seed.

    training (Path): Directory with SEED/FOLDER/model-best.
    RETURNS (Dict[str, Dict[str, Path]]): Row -> seed -> directory, of rows that exist.
    """
    found = {name: find_trained(training, row.folder) for name, row in ROWS.items()}
    return {row: paths for row, paths in found.items() if paths}


def compared_rows(rows: Iterable[str]) -> List[Tuple[str, str]]:
    """rows (Iterable[str]): Names of rows that exist.
    RETURNS (List[Tuple[str, str]]): Pairs to compare: each of ours, the last first, with
        every other row.
    """
    rows = list(rows)
    ours = [row for row in reversed(rows) if row.startswith("ldnet")]
    return [(one, two) for one in ours for two in rows if one != two]


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
        their meta.json. Names without any are not in it.
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
    """Warn of pipelines that were trained before the corpus changed: their scores would be
    averaged with those of the others.

    trained (Dict[str, List[Path]]): Name -> directories.
    corpus (Path): Folder of the corpus.
    lock_path (Path): The project's lock file, with hashes of what each step read and
        wrote. Without an entry there, the times of the files decide.
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
                    "Its result is averaged with the others: train it again "
                    f"(--vars.seed {path.parts[-3]}), or remove its folder.",
                )
