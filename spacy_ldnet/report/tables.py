"""The report's tables: results, layers, language models, labels and errors."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from ..evaluation.error_analysis import KINDS
from ..lm_directory import DIRECTIONS
from .run import Run, closings, layers_of

Sortable = Union[float, str, None]
#: Stands where one side has no entity.
NOTHING = "(none)"
#: Names of the kinds of errors.
KIND_TITLES = {
    "right": "right",
    "label": "wrong label",
    "boundaries": "wrong boundaries",
    "both": "both wrong",
    "missed": "missed",
    "invented": "invented",
}


@dataclass(frozen=True)
class Cell:
    """text (str): What is shown.
    value (Sortable): What it is sorted by; None is last.
    """

    text: str
    value: Sortable = None


@dataclass(frozen=True)
class Table:
    """title (str): Its caption.
    columns (List[str]): Headers; the first column heads the rows.
    rows (List[List[Cell]]): The cells.
    marked (str): The row that the table is about.
    """

    title: str
    columns: List[str]
    rows: List[List[Cell]]
    marked: str = ""

    @property
    def numeric(self) -> List[bool]:
        """RETURNS (List[bool]): Of each column, whether it is of numbers."""
        return [
            any(isinstance(cell.value, (int, float)) for cell in column)
            for column in zip(*self.rows)
        ]


ABSENT = Cell("–")


def word(text: str) -> Cell:
    """RETURNS (Cell): A text."""
    return Cell(text, text.lower())


def number(value: Optional[float], form: str = ",.0f") -> Cell:
    """RETURNS (Cell): A number, or a dash."""
    return ABSENT if value is None else Cell(format(value, form), value)


def spread(value: Optional[Dict[str, Any]]) -> Cell:
    """RETURNS (Cell): A mean with its deviation, if there are several seeds."""
    if value is None:
        return ABSENT
    deviation = f" ± {value['std']:.2f}" if value["n"] > 1 else ""
    return Cell(f"{value['mean']:.2f}{deviation}", value["mean"])


def times(ratio: Optional[float]) -> Cell:
    """RETURNS (Cell): A ratio, or a dash."""
    return ABSENT if ratio is None else Cell(f"{ratio:.2f} ×", ratio)


def ratio(row: Dict[str, Any], other: Dict[str, Any], key: str) -> Optional[float]:
    """RETURNS (Optional[float]): The ratio of two rows; None if one has no such value."""
    return row[key] / other[key] if row.get(key) and other.get(key) else None


def results_table(run: Run) -> Table:
    """RETURNS (Table): All rows of the results."""
    rows = []
    for name, row in run.results.items():
        layers = [row.get(f"layers_{side}") for side in ("fwd", "bwd")]
        total = None if None in layers else sum(layers)
        scores = [spread(row.get(f"ents_{key}")) for key in "fpr"]
        rows.append(
            [
                word(name),
                *scores,
                ABSENT if total is None else Cell("+".join(map(str, layers)), total),
                number(row.get("lm_macs_per_word")),
                number(row.get("macs_per_word")),
                number(row.get("words_per_second")),
                number(row.get("size_mb"), ",.1f"),
                word(run.title(name)),
            ]
        )
    scored = ["F1", "precision", "recall"]
    cost = ["layers", "LM MACs per word", "MACs per word", "words/s", "MB"]
    title = "Results on the test set: mean and deviation over seeds"
    return Table(title, ["row", *scored, *cost, "what"], rows, run.subject)


def against_table(run: Run) -> Table:
    """RETURNS (Table): The subject compared with each other row."""
    subject, rows = run.results[run.subject], []
    for name, row in run.results.items():
        if name == run.subject:
            continue
        gain = run.difference(name)
        interval = ABSENT
        if gain is not None:
            interval = Cell(
                f"{gain[0]:+.2f} ({gain[1]:+.2f} to {gain[2]:+.2f})", gain[0]
            )
        rows.append(
            [
                word(name),
                spread(row.get("ents_f")),
                interval,
                times(ratio(subject, row, "words_per_second")),
                times(ratio(subject, row, "macs_per_word")),
                times(ratio(subject, row, "size_mb")),
                word(run.title(name)),
            ]
        )
    columns = ["compared with", "its F1", "F1 gained (95% interval)"]
    title = f"{run.subject} compared with the others"
    return Table(title, [*columns, "speed", "MACs", "size", "what"], rows)


def closing_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): The step at which each layer closed, by seed."""
    if not run.gates:
        return None
    rows = []
    moments = {
        (seed, direction): closings(lines, direction)
        for seed, lines in run.gates.items()
        for direction in DIRECTIONS
    }
    for direction in DIRECTIONS:
        numbers = {n for seed in run.gates for n in layers_of(run, seed)[direction]}
        for layer in sorted(numbers):
            cells = []
            for seed in run.gates:
                known = moments[seed, direction]
                moment = known.get(layer)
                last = len(run.gates[seed]) and run.gates[seed][-1]["step"]
                if layer not in known:
                    cells.append(ABSENT)
                elif moment is None:
                    cells.append(Cell("open", last + 1))
                else:
                    cells.append(Cell(str(moment), moment.step))
            rows.append(
                [Cell(f"{direction} {layer}", f"{direction}{layer:04}"), *cells]
            )
    title = "The step at which each layer closed"
    return Table(title, ["layer", *(f"seed {seed}" for seed in run.gates)], rows)


def data_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): Counts of the parts of the corpus."""
    splits = run.corpus.get("splits", {})
    parts = {**splits, **run.corpus.get("lm", {})}
    keys = ("documents", "paragraphs", "sentences", "tokens")
    rows = [
        [
            word(name),
            *(number(part.get(key)) for key in keys),
            number(sum(part["entities"].values()) if "entities" in part else None),
        ]
        for name, part in parts.items()
    ]
    return Table("The data", ["part", *keys, "entities"], rows) if rows else None


def lm_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): The language models of each seed."""
    rows = []
    metas = [
        (f"seed {seed}, {name}", meta)
        for name, by_seed in run.lm_metas.items()
        for seed, meta in by_seed.items()
    ]
    for which, meta in metas:
        for direction in DIRECTIONS:
            value = meta.get("perplexity", {}).get(direction)
            seen = meta.get("words_seen", {}).get(direction)
            steps = meta.get("steps", {}).get(direction)
            cells = [number(value, ",.1f"), number(steps), number(seen)]
            rows.append([word(f"{direction}, {which}"), *cells])
    columns = ["language model", "held-out perplexity", "steps", "words seen"]
    return Table("The language models", columns, rows) if rows else None


def facts_table(title: str, facts: Sequence[Tuple[str, Any]]) -> Table:
    """RETURNS (Table): Names and values."""
    rows = [[word(name), word(str(value))] for name, value in facts if value != ""]
    return Table(title, ["what", "value"], rows)


def label_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): Scores of the subject for each label, and the F1 of
    the other rows.
    """
    labels = run.results[run.subject].get("per_label")
    if not labels:
        return None
    others = [name for name in run.scored if name != run.subject]
    gold = run.corpus.get("splits", {}).get("test", {}).get("entities", {})
    rows = []
    for label, scores in labels.items():
        theirs = [run.results[o].get("per_label", {}).get(label, {}) for o in others]
        rows.append(
            [
                word(label),
                number(gold.get(label)),
                *(spread(scores[f"ents_{key}"]) for key in "prf"),
                *(spread(row.get("ents_f")) for row in theirs),
            ]
        )
    columns = ["label", "in the test set", "precision", "recall", "F1"]
    title = f"Scores of {run.subject} by label, and the F1 of others"
    return Table(title, [*columns, *(f"F1 {name}" for name in others)], rows)


def kinds_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): Number of errors of each kind, by row, mean over seeds."""
    if not run.errors:
        return None
    rows = [
        [word(name), *(number(e["kinds"][k] / len(e["seeds"]), ",.1f") for k in KINDS)]
        for name, e in run.errors.items()
    ]
    title = "Entities by outcome: mean over seeds"
    return Table(title, ["row", *(KIND_TITLES[k] for k in KINDS)], rows, run.subject)


def confusion_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): The subject's confusions, the most frequent first."""
    cells = confusion_cells(run.errors.get(run.subject, {}))
    rows = [
        [
            word(cell["gold"]),
            word(cell["predicted"]),
            number(cell["mean"], ",.1f"),
            number(cell["share"], ".1%"),
        ]
        for cell in cells
        if cell["gold"] != cell["predicted"]
    ]
    title = f"Labels that {run.subject} confuses: mean over seeds"
    columns = ["gold", "predicted", "entities", "of the gold label"]
    return Table(title, columns, rows) if rows else None


def confusion_cells(errors: Dict[str, Any]) -> List[Dict[str, Any]]:
    """errors (Dict[str, Any]): See `evaluation.error_analysis.describe_errors`.
    RETURNS (List[Dict[str, Any]]): `gold`, `predicted`, the `mean` number per seed, and
        its `share` of the gold label (of those invented: of all invented).
    """
    totals: Dict[Optional[str], int] = {}
    for pair in errors.get("confusion", []):
        totals[pair["gold"]] = totals.get(pair["gold"], 0) + pair["count"]
    return [
        {
            "gold": pair["gold"] or NOTHING,
            "predicted": pair["predicted"] or NOTHING,
            "mean": round(pair["count"] / len(errors["seeds"]), 2),
            "share": round(pair["count"] / totals[pair["gold"]], 4),
            # The root, since most confusions are rare compared with right labels.
            "shade": round((pair["count"] / totals[pair["gold"]]) ** 0.5, 3),
        }
        for pair in errors.get("confusion", [])
    ]
