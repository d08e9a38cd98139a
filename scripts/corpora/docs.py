"""Gold sentences as spaCy Docs of running text, and `.spacy` files of one's own."""

import json
from pathlib import Path
from typing import Collection, Dict, Iterable, Iterator, List, Optional, Sequence

from spacy.tokens import Doc, DocBin
from spacy.training.iob_utils import biluo_tags_to_spans
from spacy.vocab import Vocab

from corpora.meta import SPLITS
from spacy_ldnet.errors import Errors
from spacy_ldnet.labelled.columns import (
    SUFFIXES,
    ColumnFile,
    Sentence,
    read_columns,
    read_sentences,
)
from spacy_ldnet.labelled.label_sets import LABEL_SET
from spacy_ldnet.workflow.detokenize import spaces_after
from spacy_ldnet.workflow.scripting import ScriptError, script_errors

ATTRS = ["ENT_IOB", "ENT_TYPE", "SENT_START"]
ENDINGS = (".spacy", *SUFFIXES)
LABELS_FILE = "labels.json"


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


def find_sets(folder: Path) -> Dict[str, Path]:
    """Find the corpora in a folder of the user's own.

    folder (Path): The folder.
    RETURNS (Dict[str, Path]): Its folders by name, if it has no labelled files itself;
        otherwise the folder alone.
    """
    inside = sorted(folder.glob("*"))
    folders = [p for p in inside if p.is_dir() and not p.name.startswith(".")]
    if folders and not any(path.suffix.lower() in ENDINGS for path in inside):
        return {path.name: path for path in folders}
    return {folder.resolve().name: folder}


def read_labels(folder: Path) -> Optional[List[str]]:
    """Read which labels a corpus annotates.

    folder (Path): Its folder.
    RETURNS (Optional[List[str]]): What its `labels.json` says; None without that file,
        since all labels are annotated then.
    RAISES (ScriptError): E146 if the file cannot be used.
    """
    path = folder / LABELS_FILE
    if not path.is_file():
        return None
    try:
        labels = json.loads(path.read_text("utf-8"))
        if isinstance(labels, list) and labels and all(map(_is_label, labels)):
            return labels
        reason = f"it holds {json.dumps(labels)}"
    except ValueError as err:
        reason = f"it is no JSON ({err})"
    raise ScriptError(Errors.E146.format(path=path.as_posix(), reason=reason))


def mark(docs: Iterable[Doc], labels: Sequence[str]) -> None:
    """Say in each Doc which labels are annotated there, unless it says so itself.

    docs (Iterable[Doc]): The Docs, which are changed.
    labels (Sequence[str]): The labels.
    """
    for doc in docs:
        doc.user_data.setdefault(LABEL_SET, list(labels))


def forget_others(docs: Iterable[Doc], labels: Collection[str]) -> None:
    """Take entities away that people did not annotate well. Their tokens become missing
    instead of O, so that nothing learns that they are none.

    docs (Iterable[Doc]): The Docs, which are changed.
    labels (Collection[str]): The labels of entities that stay.
    """
    for doc in docs:
        others = [ent for ent in doc.ents if ent.label_ not in labels]
        doc.set_ents([], missing=others, default="unmodified")


def find_parts(folder: Path) -> Dict[str, Path]:
    """Find train, dev and test in a folder of the user's own.

    folder (Path): The folder.
    RETURNS (Dict[str, Path]): One file a part.
    RAISES (ScriptError): E141 if it is one file only, E206 if there is no such folder,
        E207 if a part is missing or could be one of several files.
    """
    files = [folder] if folder.is_file() else sorted(folder.glob("*"))
    files = [path for path in files if path.suffix.lower() in ENDINGS]
    if len(files) == 1:
        message = Errors.E141.format(name=folder, path=files[0].as_posix())
        raise ScriptError(message)
    if not folder.is_dir():
        raise ScriptError(Errors.E206.format(name=folder))
    parts = {}
    for split in SPLITS:
        names = [f"{split}{suffix}" for suffix in ENDINGS]
        present = [folder / name for name in names if (folder / name).is_file()]
        if len(present) != 1:
            several = ", ".join(path.name for path in present)
            found = f"several files ({several})" if present else "no file"
            values = {"found": found, "part": split, "names": ", ".join(names)}
            raise ScriptError(Errors.E207.format(name=folder, **values))
        parts[split] = present[0]
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


def _is_label(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
