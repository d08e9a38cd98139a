"""The report's tables."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from _page_data import Run
from _page_gates import closings, layers_of

from spacy_ldnet.lm_directory import DIRECTIONS

Sortable = Union[float, str, None]

#: What language models are called, by their directory.
LM_TITLES = {"lm": "as pretrained", "lm_retrained": "pruned and pretrained on"}


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
    marked (str): The row to show as the one it is about.
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
    """RETURNS (Cell): How many times as much."""
    return ABSENT if ratio is None else Cell(f"{ratio:.2f} ×", ratio)


def ratio(row: Dict[str, Any], other: Dict[str, Any], key: str) -> Optional[float]:
    """RETURNS (Optional[float]): How many times as much a row has of something."""
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
    cost = ["layers", "LM MACs a word", "MACs a word", "words/s", "MB"]
    title = "Results on the test set: mean and deviation over seeds"
    return Table(title, ["row", *scored, *cost, "what"], rows, run.subject)


def against_table(run: Run) -> Table:
    """RETURNS (Table): The subject beside each other row."""
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
    columns = ["against", "its F1", "F1 gained (95% interval)"]
    title = f"{run.subject} beside the others"
    return Table(title, [*columns, "speed", "MACs", "size", "what"], rows)


def closing_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): When each layer closed, for each seed."""
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
    """RETURNS (Optional[Table]): What the parts of the corpus hold."""
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
        (f"seed {seed}, {LM_TITLES[name]}", meta)
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
