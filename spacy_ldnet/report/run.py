"""Everything that a report shows of a run: results, logs, language models, configs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import srsly

from ..errors import Errors
from ..lm_directory import DIRECTIONS

Lines = List[Dict[str, Any]]


@dataclass
class Run:
    """One run.

    subject (str): The row that the report is about.
    results (Dict[str, Any]): Row -> see `evaluation.summary.summarise`.
    bootstrap (Dict[str, Any]): See `evaluation.summary.compare_rows`.
    speed (Dict[str, Any]): See `evaluation.cost.measure_speed`.
    errors (Dict[str, Any]): Row -> see `evaluation.error_analysis.describe_errors`.
    corpus (Dict[str, Any]): The corpus's meta.json; empty if there is none.
    gates (Dict[str, Lines]): Seed -> lines of the gate logger.
    lms (Dict[str, Lines]): Seed -> evaluations of the pretraining, in order.
    lm_metas (Dict[str, Dict[str, Dict[str, Any]]]): What the language models are ->
        seed -> their meta.json.
    configs (List[Tuple[str, str]]): What was trained, and its config.
    titles (Dict[str, str]): Row -> what it is.
    whole (str): The row with all layers, which pruning began with.
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
    titles: Dict[str, str] = field(default_factory=dict)
    whole: str = ""

    @property
    def scored(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The rows that have scores."""
        return {name: row for name, row in self.results.items() if "ents_f" in row}

    def title(self, row: str) -> str:
        """row (str): Name of a row.
        RETURNS (str): What it is; empty if that is not known.
        """
        name = self.results[row].get("name", "")
        return ", ".join(part for part in (self.titles.get(row, ""), name) if part)

    def difference(self, other: str) -> Optional[Tuple[float, float, float]]:
        """other (str): A row to compare the subject with.
        RETURNS (Optional[Tuple[float, float, float]]): Points of F1 that the subject
            gains on it, and the ends of the interval.
        """
        keys = ("difference", "low", "high")
        pair = self.bootstrap.get(f"{self.subject} - {other}")
        if pair is not None:
            return tuple(pair[key] for key in keys)  # type: ignore[return-value]
        pair = self.bootstrap.get(f"{other} - {self.subject}")
        if pair is not None:
            return -pair["difference"], -pair["high"], -pair["low"]
        return None


def read_logs(paths: Mapping[str, Path]) -> Dict[str, Lines]:
    """paths (Mapping[str, Path]): Seed -> a log of JSON lines; it may be missing.
    RETURNS (Dict[str, Lines]): The logs that are there, by seed. A line that a stopped
        run left incomplete is skipped.
    """
    return {
        seed: list(srsly.read_jsonl(paths[seed], skip=True))
        for seed in sorted(paths, key=int)
        if paths[seed].is_file()
    }


def evaluations_of(lines: Lines) -> Lines:
    """lines (Lines): The log of a pretraining.
    RETURNS (Lines): The last evaluation of each direction and step: a run that resumed
        may have done some twice.
    """
    measured = [line for line in lines if line.get("perplexity") is not None]
    return list({(line["direction"], line["step"]): line for line in measured}.values())


def choose_subject(results: Mapping[str, Any], wanted: Sequence[str], name: str) -> str:
    """results (Mapping[str, Any]): Rows of results.
    wanted (Sequence[str]): Rows that the report may be about, the best choice first.
    name (str): Where the results were read, for the error.
    RETURNS (str): The first of them that has scores, else the first row that has some.
    RAISES (ValueError): E185 if no row has scores.
    """
    scored = [row for row, values in results.items() if "ents_f" in values]
    if not scored:
        reason = "its results have no row with scores"
        raise ValueError(Errors.E185.format(path=name, reason=reason))
    return next((row for row in wanted if row in scored), scored[0])


def read_comparison(
    path: Path,
    *,
    subject: Optional[str] = None,
    gold: Optional[str] = None,
    gate_logs: Sequence[Path] = (),
    lms: Sequence[Path] = (),
    corpus_meta: Optional[Path] = None,
) -> Run:
    """Read what `ldnet compare` wrote, and the logs of the trainings.

    path (Path): Its JSON file.
    subject (Optional[str]): The row that the report is about; None for the first one.
    gold (Optional[str]): The set of gold data; None for the first one.
    gate_logs (Sequence[Path]): What the gate logger wrote, a log of each seed.
    lms (Sequence[Path]): Output directories of `ldnet pretrain`, one of each seed.
    corpus_meta (Optional[Path]): meta.json of the corpus.
    RETURNS (Run): The run.
    RAISES (ValueError): E185 if the file cannot be read, or has no such row or set.
    """
    found = _read_json(path)
    sets, rows = found["sets"], found["pipelines"]
    for what, name, known in (("set", gold, sets), ("row", subject, rows)):
        if name is not None and name not in known:
            reason = f"it has no {what} '{name}', but {', '.join(known)}"
            raise ValueError(Errors.E185.format(path=path, reason=reason))
    part = sets[gold or next(iter(sets))]
    configs = {row: Path(source) / "config.cfg" for row, source in rows.items()}
    metas = [directory / "model-best" / "meta.json" for directory in lms]
    by_seed = {
        str(seed): srsly.read_json(meta)
        for seed, meta in enumerate(metas)
        if meta.is_file()
    }
    logs = {str(seed): lm / "log.jsonl" for seed, lm in enumerate(lms)}
    return Run(
        subject=choose_subject(part["results"], [subject or ""], str(path)),
        results=part["results"],
        bootstrap=part["bootstrap"],
        speed=found["speed"],
        errors=part["errors"],
        corpus=srsly.read_json(corpus_meta) if corpus_meta else {},  # type: ignore[arg-type]
        gates=read_logs({str(i): log for i, log in enumerate(gate_logs)}),
        lms={seed: evaluations_of(lines) for seed, lines in read_logs(logs).items()},
        lm_metas={"as pretrained": by_seed} if by_seed else {},
        configs=read_configs(configs),
        titles=dict(rows),
    )


def _read_json(path: Path) -> Dict[str, Any]:
    try:
        found = srsly.read_json(path)
    except (OSError, ValueError) as error:
        reason = f"it cannot be read ({error})"
        raise ValueError(Errors.E185.format(path=path, reason=reason)) from error
    if not isinstance(found, dict) or not {"sets", "pipelines", "speed"} <= set(found):
        reason = "it holds no comparison of pipelines"
        raise ValueError(Errors.E185.format(path=path, reason=reason))
    return found


def read_configs(paths: Mapping[str, Path]) -> List[Tuple[str, str]]:
    """paths (Mapping[str, Path]): What was trained -> its config.cfg.
    RETURNS (List[Tuple[str, str]]): The configs that are there, as they are.
    """
    return [
        (name, path.read_text(encoding="utf8"))
        for name, path in paths.items()
        if path.is_file()
    ]


@dataclass(frozen=True)
class Closing:
    """The time at which a layer closed.

    after (int): Last step at which it is known to have been open.
    step (int): First step at which it is known to be closed; `after + 1` if the log has
        the closings of every update.
    """

    after: int
    step: int

    def __str__(self) -> str:
        if self.step == self.after + 1:
            return f"{self.step:,}"
        return f"{self.after:,}–{self.step:,}"


def numbers_of(line: Dict[str, Any], direction: str) -> List[int]:
    """line (Dict[str, Any]): A line of the gate log.
    direction (str): `forward` or `backward`.
    RETURNS (List[int]): The layers' numbers in the unpruned network.
    """
    default = list(range(len(line["gates"][direction])))
    return line.get("numbers", {}).get(direction, default)


def closings(lines: Lines, direction: str) -> Dict[int, Optional[Closing]]:
    """lines (Lines): The gate log.
    direction (str): `forward` or `backward`.
    RETURNS (Dict[int, Optional[Closing]]): Layer's number -> when it closed for good;
        None if it is open at the end.
    """
    found: Dict[int, Optional[Closing]] = {}
    if not lines:
        return found
    last = lines[-1]
    for i, number in enumerate(numbers_of(last, direction)):
        gates = [line["gates"][direction][i] for line in lines]
        exact = last.get("closed", {}).get(direction)
        if gates[-1] > 0:
            found[number] = None
        elif exact is not None:
            found[number] = Closing(exact[i] - 1, exact[i])
        else:
            opened = [n for n, gate in enumerate(gates) if gate > 0]
            before = lines[opened[-1]]["step"] if opened else -1
            closed = lines[opened[-1] + 1 if opened else 0]["step"]
            found[number] = Closing(before, closed)
    return found


def settled_at(lines: Lines) -> int:
    """lines (Lines): The gate log.
    RETURNS (int): Step of the line from which on no gate changes any more.
    """
    for earlier, later in reversed(list(zip(lines, lines[1:]))):
        if earlier["gates"] != later["gates"]:
            return later["step"]
    return lines[-1]["step"] if lines else 0


def layers_of(run: Run, seed: str) -> Dict[str, List[int]]:
    """run (Run): The run.
    seed (str): A seed.
    RETURNS (Dict[str, List[int]]): Of each direction, the numbers of all layers there
        were, as far as results or log know them.
    """
    known: Dict[str, set] = {direction: set() for direction in DIRECTIONS}
    for row in run.results.values():
        for direction, numbers in row.get("kept", {}).get(seed, {}).items():
            known[direction].update(numbers)
    for line in run.gates.get(seed, [])[:1]:
        for direction in DIRECTIONS:
            known[direction].update(numbers_of(line, direction))
    return {direction: sorted(numbers) for direction, numbers in known.items()}
