"""Corpus readers: files of columns, such as those of CoNLL-2000 (chunks), and `.spacy`
files whose docs differ in which labels are annotated.
"""

from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Union

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.training.iob_utils import biluo_tags_to_spans
from spacy.vocab import Vocab

from ..errors import Errors
from ..util import check_range
from .columns import Sentence, read_columns
from .label_sets import LABEL_SET, keep_label_set


def create_column_corpus_v1(
    *, path: Optional[Path], spans_key: str = "chunks", n_sents: int = 1
) -> Callable[[Language], Iterator[Example]]:
    """Read tokens with tags in columns: the token first, its tag last, a blank line
    after each sentence. The spans become a span group, which `crf_chunker` reads.

    path (Optional[Path]): The file, in UTF-8.
    spans_key (str): Name of the span group.
    n_sents (int): Sentences in a doc, at least 1; where the file marks documents by
        -DOCSTART- lines, these are the docs.
    RETURNS (Callable[[Language], Iterator[Example]]): The reader.
    RAISES (ValueError): E013 for a value out of range; when read, E028 for a file that
        is missing or empty, or has a line or a tag that is wrong, E041 if it is not
        UTF-8. See `spacy_ldnet.labelled.columns.read_columns`.
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
                gold = _make_doc(nlp.vocab, document[begin : begin + step], spans_key)
                words = [token.text for token in gold]
                yield Example(Doc(nlp.vocab, words=words), gold)

    return read


class LabelSetCorpus(Corpus):
    """spaCy's corpus of `.spacy` files, whose examples keep the label sets of the docs:
    spaCy's own loses `user_data` where it cuts docs into sentences, and so do its
    augmenters.

    path (Path): A file or a folder.
    labels (Optional[Sequence[str]]): The label set of docs that have none.
    settings (Any): Those of `spacy.training.Corpus`.
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
        """Make the examples of whole docs, or of the sentences of long ones."""
        for doc in self._with_label_sets(reference_docs):
            for example in super().make_examples(nlp, [doc]):
                yield keep_label_set(example, doc)

    def make_examples_gold_preproc(
        self, nlp: Language, reference_docs: Iterable[Doc]
    ) -> Iterator[Example]:
        """Make the examples of sentences, on the gold tokens."""
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
    """Read `.spacy` files as `spacy.Corpus.v1` does, but keep what each doc says of the
    labels that are annotated in it (`doc.user_data["ldnet_labels"]`) where docs are cut
    into sentences or augmented. spaCy's reader keeps that of whole docs alone.

    path (Optional[Path]): The file, or a folder of files.
    labels (Optional[List[str]]): The labels that are annotated in docs which do not say
        it. Null for all.
    gold_preproc (bool): Give the pipeline the gold standard's sentences and tokens.
    max_length (int): Cut docs of so many tokens or more into sentences. 0 for never.
    limit (int): Read only so many docs. 0 for all.
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


def _make_doc(vocab: Vocab, sentences: List[Sentence], spans_key: str) -> Doc:
    words = [token for sentence in sentences for token in sentence.tokens]
    starts: List[Union[bool, int, None]] = [
        i == 0 for sentence in sentences for i in range(len(sentence.tokens))
    ]
    tags = [tag for sentence in sentences for tag in sentence.tags]
    doc = Doc(vocab, words=words, sent_starts=starts)
    doc.spans[spans_key] = biluo_tags_to_spans(doc, tags)
    return doc
