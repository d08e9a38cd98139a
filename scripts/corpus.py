"""One form for every corpus: the teacher's, a gold corpus by name, or your own."""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import typer
from _common import ScriptError, script_errors, write_bytes
from _corpora import GOLD
from _docs import ATTRS, find_parts, make_docs, read_part
from _gold import read_gold
from _lm_text import read_more_text, write_lm_text
from _meta import (
    SPLITS,
    Counts,
    count_sentences,
    print_counts,
    read_source,
    write_meta,
)
from _split import read_documents
from spacy.tokens import Doc, DocBin
from wasabi import msg

from spacy_ldnet.util import write_files

#: What the mark in the folder says of who wrote its files.
COMMAND = "scripts/corpus.py"

ANNOTATED = (*(f"{s}.spacy" for s in SPLITS), "lm_train.txt", "lm_dev.txt", "meta.json")


def pass_on(annotated: Path, out_dir: Path, lang: str) -> None:
    """Copy what the `annotate` step wrote.

    annotated (Path): Its folder.
    out_dir (Path): Where to.
    lang (str): Language that the trainings expect.
    RAISES (ScriptError): If a file is missing, or the teacher has another language, or
        files of these names are there that this script did not write.
    """
    missing = [name for name in ANNOTATED if not (annotated / name).is_file()]
    if missing:
        raise ScriptError(
            f"{annotated.as_posix()} lacks {', '.join(missing)}",
            "Run the annotate step first (scripts/annotate.py).",
        )
    meta = json.loads((annotated / "meta.json").read_text("utf-8"))
    if meta["lang"] != lang:
        raise ScriptError(
            f"The teacher's language is '{meta['lang']}', but the trainings' '{lang}'",
            f"Give --vars.lang {meta['lang']} (or --lang), or another teacher.",
        )

    def write(fresh: Path) -> None:
        for name in ANNOTATED:
            (fresh / name).write_bytes((annotated / name).read_bytes())

    with script_errors(f"The corpus cannot be written to '{out_dir}'"):
        write_files(out_dir, write, command=COMMAND)
    print_counts(meta["splits"])


def read_docs(name: str, assets: Path, lang: str, group: int) -> Dict[str, List[Doc]]:
    """Read train, dev and test of a gold corpus.

    name (str): A corpus known by name, or a folder of the user's own.
    assets (Path): Where the files of known corpora are.
    lang (str): Language of the corpus.
    group (int): Sentences a Doc where the source marks no documents; 0 for the
        corpus' own number, else 10.
    RETURNS (Dict[str, List[Doc]]): The Docs of each part.
    RAISES (ScriptError): If it cannot be read.
    """
    vocab = spacy.blank(lang).vocab
    if name in GOLD:
        group = group or GOLD[name].group
        files = read_gold(name, assets)
        return {part: list(make_docs(vocab, files[part], group)) for part in SPLITS}
    paths = find_parts(Path(name))
    return {part: read_part(vocab, path, group or 10) for part, path in paths.items()}


def write_part(docs: List[Doc], path: Path) -> Counts:
    """Write the Docs of one part.

    docs (List[Doc]): The Docs; entities and sentence starts are kept.
    path (Path): The file.
    RETURNS (Counts): What was written.
    """
    counts = Counts(documents=len(docs))
    doc_bin = DocBin(attrs=ATTRS)
    for doc in docs:
        doc_bin.add(doc)
        counts.add(doc, count_sentences(doc))
    write_bytes(path, doc_bin.to_bytes())
    return counts


def convert(
    name: str,
    out_dir: Path,
    *,
    assets: Path,
    text: Optional[Path],
    more_text: Optional[Path] = None,
    lang: str = "en",
    group: int = 0,
    seed: int = 0,
) -> None:
    """Write a gold corpus in the form of the annotated one.

    name (str): A corpus known by name, or a folder of the user's own.
    out_dir (Path): Gets `train/dev/test.spacy`, `lm_train/lm_dev.txt`, `meta.json`.
    assets (Path): Where the files of known corpora are.
    text (Optional[Path]): Raw text for the LMs; all of it is used.
    more_text (Optional[Path]): More of it, of which nothing is held out.
    lang (str): Language of the corpus.
    group (int): Sentences a Doc where the source marks no documents; 0 for its own.
    seed (int): Decides which documents the LMs hold out.
    RAISES (ScriptError): If corpus or text cannot be used, or files of these names are
        there that this script did not write.
    """
    if text is None:
        raise ScriptError(
            f"No raw text for the language models beside '{name}'",
            "Give a folder of .txt files with --text.",
        )
    documents, more = read_documents(text), read_more_text(more_text)
    parts = read_docs(name, assets, lang, group)
    texts = [text] if more_text is None else [text, more_text]
    known = GOLD[name].source if name in GOLD else read_source(Path(name))
    head: Dict[str, Any] = {
        "name": name if name in GOLD else Path(name).resolve().name,
        "kind": "gold",
        "lang": lang,
        "sources": [dict(known), *map(read_source, texts)],
        "teacher": None,
        "seed": seed,
    }

    def write(fresh: Path) -> None:
        counts = {
            part: write_part(docs, fresh / f"{part}.spacy")
            for part, docs in parts.items()
        }
        lm = write_lm_text(fresh, documents, seed, more=more)
        write_meta(fresh, head, counts, lm)

    with script_errors(f"The corpus cannot be written to '{out_dir}'"):
        write_files(out_dir, write, command=COMMAND)


def main(
    name: str = typer.Argument(
        ..., help="teacher, wnut17, wikigold, conll03, or a folder"
    ),
    out_dir: Path = typer.Argument(..., help="Folder for the parts"),
    annotated: Path = typer.Option(
        Path("corpus/annotated"), help="Output of the annotate step"
    ),
    assets: Path = typer.Option(
        Path("assets"), help="Folder with the project's assets"
    ),
    text: Optional[Path] = typer.Option(
        None, help="Raw text for the LMs beside gold data"
    ),
    more_text: str = typer.Option("", help="More text for the LMs beside gold data"),
    lang: str = typer.Option("en", help="Language of the data"),
    group: int = typer.Option(
        0, min=0, help="Sentences a Doc without documents (0: as usual)"
    ),
    seed: int = typer.Option(0, help="Decides which text the LMs hold out"),
) -> None:
    """Bring any corpus into one form: .spacy parts, text for the LMs, meta.json."""
    try:
        if name == "teacher":
            pass_on(annotated, out_dir, lang)
        else:
            convert(
                name,
                out_dir,
                assets=assets,
                text=text,
                more_text=Path(more_text) if more_text else None,
                lang=lang,
                group=group,
                seed=seed,
            )
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
