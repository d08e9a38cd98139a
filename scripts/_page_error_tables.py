"""The report's tables of labels and errors."""

from typing import Optional

from _page_confusion import confusion_cells
from _page_data import Run
from _page_tables import Table, number, spread, word

from spacy_ldnet.evaluation.error_analysis import KINDS


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


#: What the kinds of errors are called.
KIND_TITLES = {
    "right": "right",
    "label": "wrong label",
    "boundaries": "wrong boundaries",
    "both": "both wrong",
    "missed": "missed",
    "invented": "invented",
}


def kinds_table(run: Run) -> Optional[Table]:
    """RETURNS (Optional[Table]): Kinds of errors of each row, a mean over seeds."""
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
    title = f"What {run.subject} takes for what: mean over seeds"
    columns = ["gold", "predicted", "entities", "of the gold label"]
    return Table(title, columns, rows) if rows else None
