"""`ldnet decode`: text in, marked text or columns out, as LightNER's `decode`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Tuple

import spacy
import tqdm
from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.tokens import Doc, Span
from wasabi import msg

from ..errors import Errors, Warnings
from ..readers import DOCUMENT_MARK
from ._util import app


class Form(StrEnum):
    """What the input is, or the output."""

    text = "text"
    columns = "columns"


@app.command("decode")
def decode_cli(
    # fmt: off
    pipeline: str = Arg(
        ..., help="Installed pipeline or its directory; any that sets entities"
    ),
    input_path: Path = Arg(
        ...,
        help="UTF-8 text, or columns whose first is the token",
        exists=True,
        dir_okay=False,
    ),
    output_path: Path = Arg(..., help="Where the result goes"),
    input_form: Form = Opt(
        Form.text,
        "--from",
        help="text: each line by itself; columns: tokens, with a blank line after each sentence",
    ),
    output_form: Form = Opt(
        Form.text,
        "--to",
        help="text: <PER> Ada </PER> lived; columns: a token and its IOBES tag on each line",
    ),
    spans_key: Optional[str] = Opt(
        None,
        "--spans-key",
        help="Take the spans of this group, instead of the entities",
    ),
    # fmt: on
) -> None:
    """Mark what a pipeline finds in a file, for people or for other programs.

    For everything else there is `spacy apply`, which keeps whole docs.
    """
    try:
        number, spans = decode(
            pipeline,
            input_path,
            output_path,
            input_form=input_form,
            output_form=output_form,
            spans_key=spans_key,
        )
    except ValueError as error:
        msg.fail(f"Cannot decode '{input_path}'", str(error), exits=1)
    msg.good(f"Marked {spans:,} spans in {number:,} texts", str(output_path))
    if not spans:
        where = "doc.ents" if spans_key is None else f"doc.spans['{spans_key}']"
        msg.warn(Warnings.W057.format(name=pipeline, where=where))


def decode(
    pipeline: str,
    input_path: Path,
    output_path: Path,
    *,
    input_form: str = Form.text,
    output_form: str = Form.text,
    spans_key: Optional[str] = None,
) -> Tuple[int, int]:
    """Write a file with the spans that a pipeline finds.

    pipeline (str): Name or directory of a pipeline.
    input_path (Path): The file to read.
    output_path (Path): The file to write; it is there as a whole or not at all.
    input_form (str): `text` or `columns`.
    output_form (str): `text` or `columns`.
    spans_key (Optional[str]): A span group; None for `doc.ents`.
    RETURNS (Tuple[int, int]): Number of texts, and of spans in them.
    RAISES (ValueError): E041 if the file is not UTF-8.
    """
    nlp = spacy.load(pipeline)
    docs = _read(nlp, input_path, input_form)
    write = _as_columns if output_form == Form.columns else _as_text
    output_path.parent.mkdir(parents=True, exist_ok=True)
    beside = output_path.with_name(output_path.name + ".part")
    number = marked = 0
    try:
        with beside.open("w", encoding="utf8") as file:
            for doc in nlp.pipe(tqdm.tqdm(docs, "Decoding", unit="text")):
                spans = doc.ents if spans_key is None else doc.spans.get(spans_key, [])
                file.write(write(doc, sorted(spans, key=_position)))
                number += 1
                marked += len(spans)
        os.replace(beside, output_path)
    finally:
        beside.unlink(missing_ok=True)
    return number, marked


def _read(nlp: Language, path: Path, form: str) -> Iterator[Doc]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            if form == Form.text:
                yield from (nlp.make_doc(line.rstrip("\r\n")) for line in file)
            else:
                for words in read_sentences(file):
                    starts = (i == 0 for i in range(len(words)))
                    yield Doc(nlp.vocab, words=words, sent_starts=list(starts))
    except UnicodeDecodeError as error:
        raise ValueError(Errors.E041.format(place=path, reason=error)) from error


def read_sentences(lines: Iterable[str]) -> Iterator[List[str]]:
    """lines (Iterable[str]): A token first in each, a blank line after each sentence.
    YIELDS (List[str]): The tokens of each sentence.
    """
    words: List[str] = []
    for line in lines:
        cells = line.split()
        if cells and cells[0] != DOCUMENT_MARK:
            words.append(cells[0])
        elif words:
            yield words
            words = []
    if words:
        yield words


def _position(span: Span) -> int:
    return span.start


def _as_text(doc: Doc, spans: List[Span]) -> str:
    """One line, tokens parted by spaces; whitespace tokens are left out."""
    pieces = {token.i: [token.text] for token in doc if not token.is_space}
    for span in spans:
        inside = [token.i for token in span if token.i in pieces]
        if inside:
            pieces[inside[0]].insert(0, f"<{span.label_}>")
            pieces[inside[-1]].append(f"</{span.label_}>")
    return " ".join(part for parts in pieces.values() for part in parts) + "\n"


def _as_columns(doc: Doc, spans: List[Span]) -> str:
    """A line a token, and a blank line."""
    tags = {token.i: "O" for token in doc if not token.is_space}
    for span in spans:
        inside = [token.i for token in span if token.i in tags]
        for place in inside:
            tags[place] = f"I-{span.label_}"
        if inside:
            tags[inside[0]] = f"B-{span.label_}"
            tags[inside[-1]] = f"{'E' if len(inside) > 1 else 'S'}-{span.label_}"
    lines = [f"{doc[place].text} {tag}\n" for place, tag in tags.items()]
    return "".join(lines) + "\n"
