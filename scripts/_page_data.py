"""What the report shows, read from the logs and metrics of a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import srsly

from spacy_ldnet.workflow.rows import ROWS, find_trained, read_lm_metas
from spacy_ldnet.workflow.scripting import ScriptError

Lines = List[Dict[str, Any]]

#: What the rows of the results are; rows that are not named here are shown as well.
TITLES = {
    "no_lm": "the tagger without a language model",
    "ldnet": "the tagger on the full language models",
    "ldnet_pruned": "its layers pruned",
    "ldnet_finetuned": "pruned, then trained on",
    "ldnet_unfrozen": "pruned, then trained on with the layers left",
    "ldnet_rewound": "the layers left, below the tagger of before",
    "ldnet_retrained": "the layers left, pretrained on by themselves",
    "ldnet_taught": "retrained, and taught by the unpruned one",
    "cnn": "spaCy's CNN and ner",
    "trf": "a transformer through spacy-transformers",
    "trf_crf": "the same with our CRF",
    "teacher": "the pipeline that wrote the labels",
}


@dataclass
class Run:
    """One run of the workflow.

    subject (str): Row of the results that the run was made for.
    results (Dict[str, Any]): metrics/results.json.
    bootstrap (Dict[str, Any]): metrics/bootstrap.json.
    speed (Dict[str, Any]): metrics/speed.json.
    errors (Dict[str, Any]): metrics/errors.json.
    corpus (Dict[str, Any]): The corpus's meta.json; empty if there is none.
    gates (Dict[str, Lines]): Seed -> what the gate logger wrote.
    lms (Dict[str, Lines]): Seed -> evaluations of the pretraining, in order.
    lm_metas (Dict[str, Dict[str, Dict[str, Any]]]): Name of language models -> seed ->
        their meta.json.
    configs (List[Tuple[str, str]]): What was trained, and its config.
    """

    subject: str
    results: Dict[str, Any]
    bootstrap: Dict[str, Any]
    speed: Dict[str, Any]
    errors: Dict[str, Any] = field(default_factory=dict)
    corpus: Dict[str, Any] = field(default_factory=dict)
    gates: Dict[str, Lines] = field(default_factory=dict)
    lms: Dict[str, Lines] = field(default_factory=dict)
    lm_metas: Dict[str, Dict[str, Dict[str, Any]]] = field(default_factory=dict)
    configs: List[Tuple[str, str]] = field(default_factory=list)

    @property
    def scored(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The rows that have scores."""
        return {name: row for name, row in self.results.items() if "ents_f" in row}

    def title(self, row: str) -> str:
        """row (str): Name of a row.
        RETURNS (str): What it is, as far as that is known.
        """
        name = self.results[row].get("name", "")
        return ", ".join(part for part in (TITLES.get(row, ""), name) if part)

    def difference(self, other: str) -> Optional[Tuple[float, float, float]]:
        """other (str): A row to compare the subject with.
        RETURNS (Optional[Tuple[float, float, float]]): By how many points of F1 the
            subject is better, and the ends of the interval.
        """
        keys = ("difference", "low", "high")
        pair = self.bootstrap.get(f"{self.subject} - {other}")
        if pair is not None:
            return tuple(pair[key] for key in keys)  # type: ignore[return-value]
        pair = self.bootstrap.get(f"{other} - {self.subject}")
        if pair is not None:
            return -pair["difference"], -pair["high"], -pair["low"]
        return None


def read_run(
    metrics: Path, training: Path, corpus_meta: Optional[Path], packaged: str
) -> Run:
    """Read all there is of a run; what is missing is left out of the report.

    metrics (Path): Directory that `evaluate.py` wrote.
    training (Path): Directory with SEED/MODEL.
    corpus_meta (Optional[Path]): meta.json of the corpus.
    packaged (str): Directory below training/SEED of what is packaged.
    RETURNS (Run): The run.
    RAISES (ScriptError): If the evaluation's files are not there.
    """
    results = _read(metrics / "results.json", required=True)
    return Run(
        subject=_subject(results, packaged),
        results=results,
        bootstrap=_read(metrics / "bootstrap.json"),
        speed=_read(metrics / "speed.json", required=True),
        errors=_read(metrics / "errors.json"),
        corpus=_read(corpus_meta) if corpus_meta else {},
        gates=_logs(training, "gated", "gates.jsonl"),
        lms={
            seed: _evaluations(lines)
            for seed, lines in _logs(training, "lm", "log.jsonl").items()
        },
        lm_metas=read_lm_metas(training),
        configs=_configs(training, packaged),
    )


def _read(path: Path, *, required: bool = False) -> Dict[str, Any]:
    if path.is_file():
        return srsly.read_json(path)
    if required:
        raise ScriptError(
            f"There is no {path}", "Run `python -m spacy project run evaluate` first."
        )
    return {}


def _subject(results: Dict[str, Any], packaged: str) -> str:
    """The row of what is packaged, or the one that is nearest to it."""
    rows = {directory: row for row, directory in ROWS.items()}
    scored = [row for row, values in results.items() if "ents_f" in values]
    if not scored:
        raise ScriptError(
            "The results have no row with scores",
            "Train and evaluate a pipeline first.",
        )
    nearest = ("ldnet_retrained", "ldnet_pruned", "ldnet")
    wanted = (rows.get(packaged), packaged, *nearest)
    return next((row for row in wanted if row in scored), scored[0])


def _logs(training: Path, name: str, file: str) -> Dict[str, Lines]:
    """Logs of all seeds; a line that a stopped run left half is skipped."""
    paths = {d.name: d / name / file for d in training.iterdir() if d.name.isdigit()}
    return {
        seed: list(srsly.read_jsonl(paths[seed], skip=True))
        for seed in sorted(paths, key=int)
        if paths[seed].is_file()
    }


def _evaluations(lines: Lines) -> Lines:
    """The last evaluation of each direction and step: a run that went on after an
    interruption may have done some twice."""
    measured = [line for line in lines if line.get("perplexity") is not None]
    return list({(line["direction"], line["step"]): line for line in measured}.values())


def _configs(training: Path, packaged: str) -> List[Tuple[str, str]]:
    """The configs of the first seed as they were used, paths and all."""
    found = []
    for name in dict.fromkeys(("lm", "ldnet", "gated", packaged, "no_lm", "cnn")):
        for path in list(find_trained(training, name).values())[:1]:
            file = path / "config.cfg"
            if file.is_file():
                found.append((name, file.read_text(encoding="utf8")))
    return found
