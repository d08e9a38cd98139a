"""`ldnet decode`: a text file, marked or in columns, with the spans of a pipeline."""

from enum import StrEnum
from pathlib import Path
from typing import Iterator, List, Optional, Tuple, Union

import tqdm
from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.tokens import Doc, Span
from wasabi import msg

from ..errors import Errors, Warnings
from ..labelled.columns import read_sentences, write_sentence
from ..util import atomic_write
from ._util import app


class Form(StrEnum):
    """The form of the input or the output."""

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
        help="File in UTF-8: text, or columns with the token in the first",
        exists=True,
        dir_okay=False,
    ),
    output_path: Path = Arg(..., help="File to write"),
    input_form: Form = Opt(
        Form.text,
        "--from",
        help="text: one text per line; columns: one token per line, and a blank line after each sentence",
    ),
    output_form: Form = Opt(
        Form.text,
        "--to",
        help="text: <PER> Ada </PER> lived; columns: a token, a tab and its IOBES tag per line",
    ),
    spans_key: Optional[str] = Opt(
        None,
        "--spans-key",
        help="Use the spans of this group instead of the entities",
    ),
    # fmt: on
) -> None:
    """Mark the spans that a pipeline finds in a text file.

    The output is for reading, or for programs that read columns. `spacy apply` saves
    whole docs instead.
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
    if not number:
        msg.warn(f"There are no texts in '{input_path}'", str(output_path))
        return
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
    """Mark the spans that a pipeline finds in a text file.

    pipeline (str): Name or directory of a pipeline.
    input_path (Path): The file to read.
    output_path (Path): The file to write. It is written atomically.
    input_form (str): `text` or `columns`.
    output_form (str): `text` or `columns`.
    spans_key (Optional[str]): A span group; None for `doc.ents`.
    RETURNS (Tuple[int, int]): Number of texts, and of spans in them.
    RAISES (ValueError): If the pipeline cannot be loaded, the input cannot be read, or
        the output cannot be written.
    """
    # Imported here because spaCy imports this module in all of its commands.
    from ..describe import load_pipeline

    check_file(output_path, input_path)
    nlp = load_pipeline(pipeline)
    docs = _read(nlp, input_path, input_form)
    number = marked = 0
    with atomic_write(output_path) as part, part.open("w", encoding="utf8") as file:
        for doc in nlp.pipe(tqdm.tqdm(docs, "Decoding", unit="text")):
            number += 1
            spans = doc.ents if spans_key is None else doc.spans.get(spans_key, [])
            spans = sorted(spans, key=_position)
            marked += len(spans)
            if output_form == Form.text:
                file.write(_as_text(doc, spans))
                continue
            # Columns keep all tokens that were read, including blank ones.
            kept = [t.i for t in doc if input_form == Form.columns or not t.is_space]
            try:
                file.write(_as_columns(doc, spans, kept))
            except ValueError as error:
                values = {"number": number, "reason": error}
                raise ValueError(Errors.E126.format(**values)) from error
    return number, marked


def check_file(output: Path, read: Path) -> None:
    """Check that a file can be the output.

    output (Path): The file to write.
    read (Path): The file to read.
    RAISES (ValueError): E122 if they are the same, or the output is a folder.
    """
    if output.exists() and output.samefile(read):
        reason = "the command reads it"
    elif output.is_dir():
        reason = "it is a folder, but the output is a file"
    else:
        return
    raise ValueError(Errors.E122.format(path=output, reason=reason))


def _read(nlp: Language, path: Path, form: str) -> Iterator[Doc]:
    if form == Form.columns:
        for sentence in read_sentences(path, tagged=False):
            words = sentence.tokens
            starts: List[Union[bool, int, None]] = [i == 0 for i in range(len(words))]
            yield Doc(nlp.vocab, words=words, sent_starts=starts)
        return
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from (nlp.make_doc(line.rstrip("\r\n")) for line in file)
    except UnicodeDecodeError as error:
        raise ValueError(Errors.E041.format(place=path, reason=error)) from error


def _position(span: Span) -> int:
    return span.start


def _as_text(doc: Doc, spans: List[Span]) -> str:
    """A line with a space between tokens, without whitespace tokens."""
    pieces = {token.i: [token.text] for token in doc if not token.is_space}
    for span in spans:
        inside = [token.i for token in span if token.i in pieces]
        if inside:
            pieces[inside[0]].insert(0, f"<{span.label_}>")
            pieces[inside[-1]].append(f"</{span.label_}>")
    return " ".join(part for parts in pieces.values() for part in parts) + "\n"


def _as_columns(doc: Doc, spans: List[Span], kept: List[int]) -> str:
    """The lines of some tokens with IOBES tags, and a blank line."""
    tags = {place: "O" for place in kept}
    for span in spans:
        inside = [token.i for token in span if token.i in tags]
        for place in inside:
            tags[place] = f"I-{span.label_}"
        if inside:
            tags[inside[0]] = f"B-{span.label_}"
            tags[inside[-1]] = f"{'E' if len(inside) > 1 else 'S'}-{span.label_}"
    return write_sentence([doc[place].text for place in kept], list(tags.values()))
