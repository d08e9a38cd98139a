"""Gold sentences as spaCy Docs of running text, and `.spacy` files of one's own."""

from pathlib import Path
from typing import Dict, Iterator, List, Sequence

from _common import ScriptError, script_errors
from _detokenize import spaces_after
from _meta import SPLITS
from spacy.tokens import Doc, DocBin
from spacy.training.iob_utils import biluo_tags_to_spans
from spacy.vocab import Vocab

from spacy_ldnet.columns import (
    SUFFIXES,
    ColumnFile,
    Sentence,
    read_columns,
    read_sentences,
)
from spacy_ldnet.errors import Errors

ATTRS = ["ENT_IOB", "ENT_TYPE", "SENT_START"]


def make_doc(vocab: Vocab, sentences: Sequence[Sentence]) -> Doc:
    """Make a Doc of running text that keeps gold tokens and sentences.

    vocab (Vocab): The vocabulary.
    sentences (Sequence[Sentence]): Sentences with BILUO tags, at least one.
    RETURNS (Doc): Tokens, sentence starts and entities as given; spaces restored.
    """
    words: List[str] = []
    spaces: List[bool] = []
    starts: List[bool] = []
    tags: List[str] = []
    for sentence in sentences:
        words.extend(sentence.tokens)
        spaces.extend([*spaces_after(sentence.tokens)[:-1], True])
        starts.extend([True] + [False] * (len(sentence.tokens) - 1))
        tags.extend(sentence.tags)
    spaces[-1] = False
    doc = Doc(vocab, words=words, spaces=spaces, sent_starts=starts)
    doc.set_ents(biluo_tags_to_spans(doc, tags))
    return doc


def make_docs(
    vocab: Vocab, file: ColumnFile, group: int, whole: bool = True
) -> Iterator[Doc]:
    """Make Docs of documents, or of groups of sentences.

    vocab (Vocab): The vocabulary.
    file (ColumnFile): A file, read and checked.
    group (int): Sentences a Doc, where the file marks no documents.
    whole (bool): Whether a document that it marks is one Doc, however long; else it is
        cut into groups, too.
    YIELDS (Doc): The Docs, in order.
    """
    for document in file.documents:
        step = len(document) if file.has_documents and whole else group
        for start in range(0, len(document), step):
            yield make_doc(vocab, document[start : start + step])


def find_parts(folder: Path) -> Dict[str, Path]:
    """Find train, dev and test in a folder of the user's own.

    folder (Path): The folder.
    RETURNS (Dict[str, Path]): One file a part.
    RAISES (ScriptError): If a part is missing, or could be one of several files; E141
        if it is one file only.
    """
    endings = (".spacy", *SUFFIXES)
    files = [folder] if folder.is_file() else sorted(folder.glob("*"))
    files = [path for path in files if path.suffix.lower() in endings]
    if len(files) == 1:
        message = Errors.E141.format(name=folder, path=files[0].as_posix())
        raise ScriptError(message)
    if not folder.is_dir():
        raise ScriptError(
            f"No corpus '{folder}'",
            "Give open, teacher, wnut17, wikigold, conll03, or a folder with train, dev "
            "and test in .spacy or in columns.",
        )
    parts = {}
    for split in SPLITS:
        names = [f"{split}{suffix}" for suffix in endings]
        found = [folder / name for name in names if (folder / name).is_file()]
        if len(found) != 1:
            several = ", ".join(path.name for path in found)
            raise ScriptError(
                f"{folder}: {'several files' if found else 'no file'} for {split}"
                + (f" ({several})" if found else ""),
                f"Exactly one is wanted, with one of these names: {', '.join(names)}.",
            )
        parts[split] = found[0]
    return parts


def read_part(vocab: Vocab, path: Path, group: int) -> List[Doc]:
    """Read one part of a folder of the user's own.

    vocab (Vocab): The vocabulary.
    path (Path): A `.spacy` file or columns.
    group (int): Sentences a Doc, for columns; 0 for whole documents, or 10 where none
        are marked.
    RETURNS (List[Doc]): Its Docs.
    RAISES (ScriptError): If it cannot be read; E142 if it has no entities at all.
    """
    if path.suffix == ".spacy":
        try:
            docs = list(DocBin().from_disk(path).get_docs(vocab))
        except Exception as err:  # zlib, msgpack and spaCy each have their own
            raise ScriptError(
                f"{path} is no .spacy file: {err}",
                "It must be written by DocBin.to_disk or `spacy convert`.",
            ) from err
    else:
        with script_errors(f"{path} cannot be read"):
            if not any(read_sentences(path, tagged=False)):
                message = Errors.E142.format(part=path.stem, path=path, what="tokens")
                raise ScriptError(message)
            file = read_columns(path)
            docs = list(make_docs(vocab, file, group or 10, whole=not group))
    if not any(doc.ents for doc in docs):
        what = "entities" if any(map(len, docs)) else "tokens"
        message = Errors.E142.format(part=path.stem, path=path, what=what)
        raise ScriptError(message)
    return docs
