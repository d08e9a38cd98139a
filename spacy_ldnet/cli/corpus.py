"""`ldnet corpus`: train, dev and test from the labels of any annotation tool."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ._util import app

if TYPE_CHECKING:
    from ..labelled.corpus import Report
    from ..labelled.files import Skipped


class Alignment(StrEnum):
    """The treatment of spans that do not match token boundaries."""

    strict = "strict"
    contract = "contract"
    expand = "expand"


@app.command("corpus")
def corpus_cli(
    # fmt: off
    labels: List[Path] = Arg(
        ...,
        help="Label files: Prodigy (.jsonl), doccano (.jsonl), Label Studio (.json), "
        "entities with offsets (.jsonl), columns (.iob, .conll, .txt, .tsv) or .spacy",
    ),
    output: Path = Arg(
        ..., help="Folder for train.spacy, dev.spacy, test.spacy and report.json"
    ),
    lang: str = Opt("en", "--lang", "-l", help="Language, for the tokenizer"),
    dev_share: float = Opt(
        0.1, "--dev-share", min=0, max=0.4, help="Share of the sentences for dev"
    ),
    test_share: float = Opt(
        0.1,
        "--test-share",
        min=0,
        max=0.4,
        help="Share of the sentences for test; below 50 sentences there is no test part",
    ),
    seed: int = Opt(0, "--seed", help="Random seed that selects the held-out texts"),
    spans_key: Optional[str] = Opt(
        None,
        "--spans-key",
        help="Keep all spans in this span group, for spancat. By default spans become "
        "entities, and only the longest of overlapping spans is kept",
    ),
    alignment: Alignment = Opt(
        Alignment.strict,
        "--alignment",
        help="Spans that do not match token boundaries. strict: drop them, and count "
        "their tokens as not annotated; contract: shrink them; expand: extend them",
    ),
    n_sents: int = Opt(
        0,
        "--n-sents",
        min=0,
        help="Sentences per text, for columns without document marks. 0: ten, or fewer "
        "if there would be less than 20 texts",
    ),
    text_key: str = Opt("text", "--text-key", help="Key of the text in JSON"),
    document_key: Optional[str] = Opt(
        None,
        "--document-key",
        help="JSON key of a text's document, also in its meta or data. By default "
        "document, document_id or doc_id. A document stays in one part",
    ),
    strict: bool = Opt(
        False, "--strict", help="Stop at an unusable line instead of skipping it"
    ),
    overwrite: bool = Opt(
        False, "--overwrite", help="Replace an earlier corpus of this command"
    ),
    # fmt: on
) -> None:
    """Make a corpus for `spacy train` from your own labels.

    The texts of all files are split into train, dev and test, by document if documents
    are known. A file named dev or test, such as dev.jsonl, becomes that part.
    """
    # Imported here because spaCy imports this module in all of its commands.
    from ..labelled.corpus import make_corpus

    try:
        report = make_corpus(
            labels,
            output,
            lang=lang,
            dev_share=dev_share,
            test_share=test_share,
            seed=seed,
            spans_key=spans_key,
            alignment=alignment.value,
            n_sents=n_sents,
            text_key=text_key,
            document_key=document_key,
            strict=strict,
            overwrite=overwrite,
        )
    except ValueError as error:
        msg.fail("No corpus was written", str(error), exits=1)
    print_report(report)
    msg.good("Saved the corpus", str(output))


def print_report(report: "Report") -> None:
    """Print what a corpus has, and what was skipped.

    report (Report): The report of `make_corpus`.
    """
    msg.divider("Files")
    rows = [
        (file.name, ", ".join(file.forms), f"{file.texts:,}", file.part)
        for file in report.files
    ]
    aligns = ("l", "l", "r", "l")
    header = ("file", "form", "texts", "part")
    msg.table(rows, header=header, aligns=aligns, max_col=100)
    if report.skipped:
        msg.divider("Skipped")
        _print_skipped(report.skipped)
    msg.divider("Corpus")
    _print_parts(report)
    if report.split_by:
        msg.info(f"Split by {report.split_by}")
    if report.overlapping:
        msg.info(
            f"{report.overlapping:,} spans were dropped because longer ones overlap "
            "them. --spans-key keeps them"
        )
    if report.trimmed:
        msg.info(
            f"{report.trimmed:,} spans were trimmed because they had spaces at their ends"
        )
    for warning in report.warnings:
        msg.warn(warning)


def _print_skipped(skipped: List["Skipped"]) -> None:
    """Print how many texts were skipped for each reason, and some of their places."""
    from ..labelled.records import Kind
    from ..util import SHOWN

    kinds: Dict[Kind, List[Skipped]] = {}
    for one in skipped:
        kinds.setdefault(one.kind, []).append(one)
    for kind in sorted(kinds, key=list(Kind).index):
        found = kinds[kind]
        title = f"{len(found):,} {kind.value}"
        more = f"and {len(found) - SHOWN:,} more, see report.json"
        if kind in (Kind.fault, Kind.conflict):
            msg.warn(title)
            for one in found[:SHOWN]:
                msg.text(f"  {one.place}: {one.reason}")
            if len(found) > SHOWN:
                msg.text(f"  {more}")
        else:
            places = [str(one.place) for one in found[:SHOWN]]
            rest = [more] if len(found) > SHOWN else []
            msg.info(title, "; ".join(places + rest))


def _print_parts(report: "Report") -> None:
    parts = report.parts
    rows = [
        (name, *(f"{getattr(counts, name):,}" for counts in parts.values()))
        for name in ("documents", "texts", "sentences", "tokens")
    ]
    unlabelled = (f"{counts.unlabelled:,}" for counts in parts.values())
    rows.append(("texts without spans", *unlabelled))
    rows.append(("spans", *(f"{sum(c.spans.values()):,}" for c in parts.values())))
    for label in sorted({label for counts in parts.values() for label in counts.spans}):
        rows.append(
            (f"  {label}", *(f"{c.spans.get(label, 0):,}" for c in parts.values()))
        )
    aligns = ("l", *("r" for _ in parts))
    msg.table(rows, header=("", *parts), divider=True, aligns=aligns)
