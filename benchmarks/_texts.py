"""The text of the comparison: split by document, tokenised once for all models."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict

import numpy
from _rows import index_corpus, text_rows

from spacy_ldnet.lm_directory import FIRST_WORD_ROW
from spacy_ldnet.workflow.documents import hold_out, read_documents
from spacy_ldnet.workflow.scripting import write_text


@dataclass(frozen=True)
class Texts:
    """A training and a held-out text.

    overrides (Dict[str, Any]): What tells a config where they are.
    corpus (Path): Folder of both as rows of the vocabulary.
    train (numpy.ndarray): Rows of the training text.
    dev (numpy.ndarray): Rows of the held-out text.
    rows (int): Size of the vocabulary, symbols included.
    counts (Dict[str, Any]): Documents, words and unknown words, for the report.
    """

    overrides: Dict[str, Any]
    corpus: Path
    train: "numpy.ndarray[Any, Any]"
    dev: "numpy.ndarray[Any, Any]"
    rows: int
    counts: Dict[str, Any]


def prepare_texts(
    text: Path, out_dir: Path, config_path: Path, *, share: float, seed: int
) -> Texts:
    """Split a corpus by document and tokenise both parts.

    text (Path): A folder of .txt files, one document each.
    out_dir (Path): Gets `train.txt`, `dev.txt` and the folder `corpus`.
    config_path (Path): Config of the language models: tokenizer and vocabulary.
    share (float): Share of the text to hold out, in characters.
    seed (int): Decides which documents are held out.
    RETURNS (Texts): Both parts.
    RAISES (ScriptError): If the text cannot be read.
    """
    documents = read_documents(text)
    size = share * sum(document.size for document in documents)
    parts = dict(zip(("train", "dev"), hold_out(documents, size, seed, "lm_benchmark")))
    paths = {name: out_dir / f"{name}.txt" for name in parts}
    for name, part in parts.items():
        lines = [line for document in part for line in document.paragraphs]
        write_text(paths[name], "\n".join(lines) + "\n")
    overrides = {
        "paths.raw_text": str(paths["train"]),
        "paths.dev_text": str(paths["dev"]),
    }
    corpus = index_corpus(config_path, out_dir, overrides)
    rows = {name: text_rows(corpus, name) for name in parts}
    counts: Dict[str, Any] = {"vocabulary_rows": len(corpus.words) + FIRST_WORD_ROW}
    for name in parts:
        counted = asdict(getattr(corpus, name))
        counts[name] = {"documents": len(parts[name]), **counted}
    return Texts(
        overrides=overrides,
        corpus=corpus.path,
        train=rows["train"],
        dev=rows["dev"],
        rows=counts["vocabulary_rows"],
        counts=counts,
    )
