"""Gold data with entities: `.spacy` files, folders of them, and columns."""

from pathlib import Path
from typing import List, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..errors import Errors
from ..labelled.columns import COMPRESSED, SUFFIXES
from ..labelled.conll_labels import conll_ents
from ..labelled.files import LabelReader
from ..labelled.label_sets import LABEL_SET, read_label_set
from ..labelled.readers import LabelSetCorpus
from ..timing import Words
from .cost import sample_words


def read_gold(path: Path, nlp: Language, *, gold_tokens: bool = False) -> List[Example]:
    """Read gold data for a pipeline.

    path (Path): A .spacy file, a folder of them, or a file of columns.
    nlp (Language): The pipeline; it tokenises the texts.
    gold_tokens (bool): Give the pipeline the tokens and sentences of the gold data.
        Columns are always read so, since nothing says where their blanks were.
    RETURNS (List[Example]): The examples, in the same order for every pipeline.
    RAISES (ValueError): E028 and E041 for columns that cannot be read, E129 if there are
        no documents, E170 for a damaged .spacy file, E182 for another form of file.
    """
    corpus = LabelSetCorpus(path, gold_preproc=gold_tokens)
    if path.is_dir() or path.suffix == ".spacy":
        docs = _read_docs(path, nlp)
    else:
        docs = _read_columns(path, nlp)
    make = corpus.make_examples_gold_preproc if gold_tokens else corpus.make_examples
    examples = list(make(nlp, docs))
    if not examples:
        raise ValueError(Errors.E129.format(path=path))
    return examples


def _read_docs(path: Path, nlp: Language) -> List[Doc]:
    if not path.exists():
        reason = "there is no such file or folder"
        raise ValueError(Errors.E182.format(path=path, reason=reason))
    corpus = LabelSetCorpus(path)
    try:
        return list(corpus.read_docbin(nlp.vocab, [*_files_of(path)]))
    except Exception as error:  # zlib, msgpack and spaCy each have their own
        reason = f"it is no .spacy file ({type(error).__name__}: {error})"
        raise ValueError(Errors.E170.format(path=path, reason=reason)) from error


def _files_of(path: Path) -> List[Path]:
    return sorted(path.rglob("*.spacy")) if path.is_dir() else [path]


def _read_columns(path: Path, nlp: Language) -> List[Doc]:
    named = path.with_suffix("") if path.suffix in COMPRESSED else path
    if named.suffix.lower() not in SUFFIXES:
        reason = f"its form is unknown by its suffix '{named.suffix}'"
        raise ValueError(Errors.E182.format(path=path, reason=reason))
    docs = []
    for text in LabelReader(nlp).read_columns(path):
        spans = [text.doc.char_span(*span) for span in text.spans]
        text.doc.set_ents([span for span in spans if span is not None])
        docs.append(text.doc)
    return docs


def read_texts(path: Path, nlp: Language, limit: int) -> List[Words]:
    """path (Path): See `read_gold`.
    nlp (Language): A pipeline of the language.
    limit (int): Stop once there are this many words.
    RETURNS (List[Words]): Words and spaces of the first documents.
    """
    docs = [example.reference for example in read_gold(path, nlp)]
    return sample_words(docs, limit)


def use_labels(
    example: Example, *, conll: bool, labels: Optional[Sequence[str]]
) -> Example:
    """Bring both sides of an example to the labels that are compared, in place.

    example (Example): An example with predictions.
    conll (bool): Map labels of OntoNotes to PER, LOC, ORG and MISC.
    labels (Optional[Sequence[str]]): The labels to score; None for all.
    RETURNS (Example): The same example.
    """
    reference = example.reference
    if conll:
        for doc in (example.predicted, reference):
            unknown = [doc[t.i : t.i + 1] for t in doc if t.ent_iob == 0]
            ents: List[Span] = conll_ents(doc)
            doc.set_ents(ents, missing=unknown, default="outside")
    if labels is not None:
        annotated = read_label_set(reference)
        wanted = set(labels) if annotated is None else annotated & set(labels)
        reference.user_data[LABEL_SET] = sorted(wanted)
    return example
