"""Counts of a split, the table on the console, and `meta.json`."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping
from typing import Counter as CounterType

from spacy.tokens import Doc
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError, write_json

SPLITS = ("train", "dev", "test")


@dataclass
class Counts:
    """What a part holds.

    documents (int): Documents of the source.
    paragraphs (int): spaCy Docs.
    sentences (int): Gold sentences, or those of spaCy's `sentencizer`.
    tokens (int): Tokens, white space included.
    entities (Counter): Entities by label.
    """

    documents: int = 0
    paragraphs: int = 0
    sentences: int = 0
    tokens: int = 0
    entities: CounterType[str] = field(default_factory=Counter)

    def add(self, doc: Doc, sentences: int) -> None:
        """Count one Doc.

        doc (Doc): The Doc.
        sentences (int): How many sentences it holds.
        """
        self.paragraphs += 1
        self.sentences += sentences
        self.tokens += len(doc)
        self.entities.update(ent.label_ for ent in doc.ents)


def read_source(text: Path) -> Dict[str, str]:
    """Say where a raw text is from.

    text (Path): A folder or file; a `source.json` in the folder is believed.
    RETURNS (Dict[str, str]): `name`, `url`, `author` and `license`, as in the
        `sources` of a spaCy pipeline; never a path.
    RAISES (ScriptError): If `source.json` is no JSON object.
    """
    path = text / "source.json"
    if not path.is_file():
        name = text.resolve().name
        return {"name": name, "url": "", "author": "", "license": "not stated"}
    try:
        value = json.loads(path.read_text("utf-8"))
        return {key: str(value[key]) for key in ("name", "url", "author", "license")}
    except (ValueError, KeyError, TypeError) as err:
        raise ScriptError(
            f"{path} cannot be used: {err!r}",
            "It must be a JSON object with name, url, author and license.",
        ) from err


def write_meta(
    out_dir: Path, head: Mapping[str, Any], splits: Mapping[str, Counts], lm: Any
) -> None:
    """Write `meta.json` and print what each part holds.

    out_dir (Path): Where it goes.
    head (Mapping[str, Any]): What comes first: kind, sources, teacher, seed.
    splits (Mapping[str, Counts]): The counts of train, dev and test.
    lm (Any): The counts of the LMs' text.
    """
    counted = {
        name: {**vars(counts), "entities": dict(sorted(counts.entities.items()))}
        for name, counts in splits.items()
    }
    write_json(out_dir / "meta.json", {**head, "splits": counted, "lm": lm})
    print_counts(counted)


def print_counts(splits: Mapping[str, Mapping[str, Any]]) -> None:
    """Print documents, sentences, tokens and entities a label.

    splits (Mapping[str, Mapping[str, Any]]): The `splits` of `meta.json`.
    """
    labels = sorted(
        {label for counts in splits.values() for label in counts["entities"]}
    )
    numbers = ("documents", "paragraphs", "sentences", "tokens")
    rows: List[List[str]] = [
        [key, *(f"{counts[key]:,}" for counts in splits.values())] for key in numbers
    ]
    totals = [sum(counts["entities"].values()) for counts in splits.values()]
    rows.append(["entities", *(f"{total:,}" for total in totals)])
    for label in labels:
        cells = (f"{counts['entities'].get(label, 0):,}" for counts in splits.values())
        rows.append([f"  {label}", *cells])
    aligns = ("l", *("r" for _ in splits))
    msg.table(rows, header=("", *splits), divider=True, aligns=aligns)
    for name, counts in splits.items():
        if not sum(counts["entities"].values()):
            msg.warn(
                f"There are no entities in {name}",
                "Nothing can be learned or measured there: check the labels' column, or "
                "the teacher.",
            )
    known = {*splits["train"]["entities"]} if "train" in splits else {*labels}
    if set(labels) - known:
        msg.warn(
            f"train has no {', '.join(sorted(set(labels) - known))}",
            "Entities of labels that only dev or test have are never found.",
        )
