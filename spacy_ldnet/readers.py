"""A corpus reader for files of columns, such as those of CoNLL-2000 (chunks)."""

from pathlib import Path
from typing import Callable, Iterator, List, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.iob_utils import biluo_tags_to_spans
from spacy.vocab import Vocab

from .columns import Sentence, read_columns
from .errors import Errors
from .models.encoder import check_range


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
        UTF-8. See `spacy_ldnet.columns.read_columns`.
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


def _make_doc(vocab: Vocab, sentences: List[Sentence], spans_key: str) -> Doc:
    words = [token for sentence in sentences for token in sentence.tokens]
    starts: List[Union[bool, int, None]] = [
        i == 0 for sentence in sentences for i in range(len(sentence.tokens))
    ]
    tags = [tag for sentence in sentences for tag in sentence.tags]
    doc = Doc(vocab, words=words, sent_starts=starts)
    doc.spans[spans_key] = biluo_tags_to_spans(doc, tags)
    return doc
