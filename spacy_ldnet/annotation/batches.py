"""Batches by words, and documents that fail kept apart from those that do not."""

from typing import Callable, Container, Iterable, Iterator, List, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.batchers import minibatch_by_words

from .rows import At, Row

#: Batches of a chunk, after which spaCy may forget its strings.
BATCHES = 8
#: Characters of a word, about: to cut chunks before anything is tokenised.
WORD_SIZE = 6
#: The most rows of a chunk, however short they are.
CHUNK_ROWS = 8192

#: A row with its annotated doc, or with why it has none.
Outcome = Tuple[Row, Union[Doc, str]]
#: Takes the first row that is worked on next, and whether it is the only one.
Begin = Callable[[Row, bool], None]


def cut_chunks(rows: Iterable[Row], batch_words: int) -> Iterator[List[Row]]:
    """rows (Iterable[Row]): Rows.
    batch_words (int): Words of a batch.
    YIELDS (List[Row]): Rows of some batches.
    """
    chunk: List[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row.text)
        if size >= BATCHES * batch_words * WORD_SIZE or len(chunk) >= CHUNK_ROWS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def make_docs(nlp: Language, rows: List[Row]) -> Iterator[Outcome]:
    """RETURNS (Iterator[Outcome]): The tokenised rows, in order."""
    for row in rows:
        if row.reason is not None:
            yield row, row.reason
            continue
        try:
            yield row, nlp.make_doc(row.text)
        except Exception as error:
            yield row, describe_error(error)


def cut_batches(
    outcomes: Iterable[Outcome], batch_words: int
) -> Iterator[List[Outcome]]:
    """outcomes (Iterable[Outcome]): Tokenised rows.
    batch_words (int): Words of a batch; a longer document is one by itself.
    YIELDS (List[Outcome]): Batches.
    """
    yield from minibatch_by_words(outcomes, batch_words, get_length=_count)


def annotate_batch(
    nlp: Language,
    batch: List[Outcome],
    *,
    begin: Begin,
    alone: bool,
    skip: Container[At],
) -> Iterator[Outcome]:
    """Run the pipeline. If that fails, run it on each document by itself.

    nlp (Language): The pipeline.
    batch (List[Outcome]): Tokenised rows.
    begin (Begin): Called before anything is worked on.
    alone (bool): Work on each document by itself.
    skip (Container[At]): Rows that are not to be worked on, for they end the process.
    YIELDS (Outcome): The rows with annotated docs, in order.
    """
    docs = [doc for _, doc in batch if isinstance(doc, Doc)]
    done: List[Doc] = []
    if docs and not alone:
        begin(batch[0][0], False)
        try:
            done = list(nlp.pipe(docs, batch_size=len(docs)))
        except Exception:
            alone = True
        # A pipeline may have been told to drop documents that fail.
        alone = alone or len(done) < len(docs)
    annotated = iter(done)
    for row, doc in batch:
        if not isinstance(doc, Doc):
            yield row, doc
        elif alone:
            yield row, _annotate_alone(nlp, row, begin, skip)
        else:
            yield row, next(annotated)


def _annotate_alone(
    nlp: Language, row: Row, begin: Begin, skip: Container[At]
) -> Union[Doc, str]:
    if row.at in skip:
        return "the process that worked on it ended at once"
    begin(row, True)
    try:
        return nlp(row.text)
    except Exception as error:
        return describe_error(error)


def describe_error(error: Exception) -> str:
    """RETURNS (str): What an exception says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _count(outcome: Outcome) -> int:
    return len(outcome[1]) if isinstance(outcome[1], Doc) else 0
