"""Corpus readers for files of columns, and for `.spacy` files with label sets."""

from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.training.iob_utils import biluo_tags_to_spans

from ..errors import Errors
from ..util import check_range
from .columns import make_doc, read_columns
from .label_sets import LABEL_SET, keep_label_set


def create_column_corpus_v1(
    *, path: Optional[Path], spans_key: str = "chunks", n_sents: int = 1
) -> Callable[[Language], Iterator[Example]]:
    """Read a file of tokens and tags in columns, such as those of CoNLL-2000. The token
    is in the first column, its tag in the last, and a blank line ends a sentence. The
    spans become a span group, which `crf_chunker` learns.

    path (Optional[Path]): The file, in UTF-8.
    spans_key (str): Name of the span group.
    n_sents (int): Sentences per doc, at least 1. If the file has -DOCSTART- lines, its
        documents become the docs instead.
    RETURNS (Callable[[Language], Iterator[Example]]): The reader.
    RAISES (ValueError): E013 for a value out of range; see
        `spacy_ldnet.labelled.columns.read_columns` for those of the reader.
    """
    check_range("n_sents", n_sents, n_sents >= 1, "it must be at least 1")

    def read(nlp: Language) -> Iterator[Example]:
        if path is None:
            reason = "no file is given"
            raise ValueError(Errors.E028.format(place="path = null", reason=reason))
        file = read_columns(Path(path))
        for document in file.documents:
            step = len(document) if file.has_documents else n_sents
            for begin in range(0, len(document), step):
                gold, tags = make_doc(nlp.vocab, document[begin : begin + step])
                gold.spans[spans_key] = biluo_tags_to_spans(gold, tags)
                words = [token.text for token in gold]
                yield Example(Doc(nlp.vocab, words=words), gold)

    return read


class LabelSetCorpus(Corpus):
    """A corpus of `.spacy` files whose examples keep the label sets of their docs.

    spaCy's own corpus loses `doc.user_data` when it cuts docs into sentences, and spaCy's
    augmenters lose it, too.

    path (Path): A file or a folder.
    labels (Optional[Sequence[str]]): The label set of docs that have none.
    settings (Any): The settings of `spacy.training.Corpus`.
    """

    def __init__(
        self, path: Path, *, labels: Optional[Sequence[str]] = None, **settings: Any
    ) -> None:
        super().__init__(path, **settings)
        self.labels = labels
        augment = self.augmenter

        def keep(nlp: Language, example: Example) -> Iterator[Example]:
            for found in augment(nlp, example):
                yield keep_label_set(found, example.reference)

        self.augmenter = keep

    def make_examples(
        self, nlp: Language, reference_docs: Iterable[Doc]
    ) -> Iterator[Example]:
        """Make examples from whole docs, or from the sentences of long docs."""
        for doc in self._with_label_sets(reference_docs):
            for example in super().make_examples(nlp, [doc]):
                yield keep_label_set(example, doc)

    def make_examples_gold_preproc(
        self, nlp: Language, reference_docs: Iterable[Doc]
    ) -> Iterator[Example]:
        """Make examples from sentences, with gold tokens."""
        for doc in self._with_label_sets(reference_docs):
            for example in super().make_examples_gold_preproc(nlp, [doc]):
                yield keep_label_set(example, doc)

    def _with_label_sets(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        for doc in docs:
            if self.labels is not None:
                doc.user_data.setdefault(LABEL_SET, list(self.labels))
            yield doc


def create_label_set_corpus_v1(
    *,
    path: Optional[Path],
    labels: Optional[List[str]] = None,
    gold_preproc: bool = False,
    max_length: int = 0,
    limit: int = 0,
    augmenter: Optional[Callable[[Language, Example], Iterator[Example]]] = None,
) -> Callable[[Language], Iterator[Example]]:
    """Read `.spacy` files like `spacy.Corpus.v1`, and keep the label set of each doc
    (`doc.user_data["ldnet_labels"]`) in all examples that are made from it. spaCy's
    reader keeps it only in whole docs that are not augmented.

    path (Optional[Path]): The file, or a folder of files.
    labels (Optional[List[str]]): The labels that are annotated in docs without a label
        set. Null for all labels.
    gold_preproc (bool): Give the pipeline gold sentences and gold tokens.
    max_length (int): Cut docs with this number of tokens or more into sentences. 0 for
        never.
    limit (int): Number of docs to read. 0 for all.
    augmenter (Optional[Callable[[Language, Example], Iterator[Example]]]): Changes some
        of the examples. Null for none.
    RETURNS (Callable[[Language], Iterator[Example]]): The reader.
    RAISES (ValueError): E013 for a value below 0, E203 without a path.
    """
    if path is None:
        raise ValueError(Errors.E203)
    for name, value in (("max_length", max_length), ("limit", limit)):
        check_range(name, value, value >= 0, "it must be 0 or more")
    return LabelSetCorpus(
        Path(path),
        labels=labels,
        gold_preproc=gold_preproc,
        max_length=max_length,
        limit=limit,
        augmenter=augmenter,
    )
