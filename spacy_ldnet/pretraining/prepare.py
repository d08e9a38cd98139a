"""From text to a corpus on disk: tokenised once, whatever the vocabulary will be."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from spacy.language import Language

from ..engines import make_engine
from ..errors import Errors
from ..nn.serialize import vocabulary_hash
from .corpus import SHARDS_FOLDER, IndexedCorpus
from .events import Report
from .index import TextIndexer
from .indexed_text import IndexedText, describe_method
from .manifest import make_corpus, read_corpus, remove_left_over, write_corpus
from .settings import PretrainingSettings
from .sources import Reader
from .units import UNIT_SIZE
from .vocabulary import choose_words, count_words

#: Words that are seen less often in the training text are not read by their subwords
#: in training: they are many, and most are noise.
MIN_READ = 2


def prepare_corpus(
    path: Path,
    nlp: Language,
    readers: Dict[str, Reader],
    settings: PretrainingSettings,
    *,
    strict: bool = False,
    base_words: Optional[List[str]] = None,
    subwords: bool = False,
    unit_size: int = UNIT_SIZE,
    report: Optional[Report] = None,
) -> IndexedCorpus:
    """Tokenise both texts and choose the vocabulary, unless it was done before.

    path (Path): Folder for the corpus; made if need be.
    nlp (Language): Gives the tokenizer.
    readers (Dict[str, Reader]): Readers by the names in the settings.
    settings (PretrainingSettings): Names of the texts, limits of the vocabulary.
    strict (bool): Whether unusable text is an error, and not only a warning.
    base_words (Optional[List[str]]): Vocabulary of an existing model, whose rows stay.
    subwords (bool): Whether words outside of the vocabulary are read by their subwords
        and so have rows behind it.
    unit_size (int): Bytes of text in a unit of work.
    report (Optional[Report]): Called with each `Tokenising`.
    RETURNS (IndexedCorpus): The corpus.
    RAISES (ValueError): E040-E042, E060-E062 unusable text, E043 too small a
        vocabulary, E063-E064 failed processes, E080-E081 no Ray.
    """
    path.mkdir(parents=True, exist_ok=True)
    engine = make_engine(
        settings.engine, n_process=settings.n_process, address=settings.ray_address
    )
    indexer = TextIndexer(
        path,
        nlp,
        engine,
        strict=strict,
        unit_size=unit_size,
        report=report,
    )
    parts = {"train": settings.train_corpus, "dev": settings.dev_corpus}
    named = {part: (name, readers[name]) for part, name in parts.items()}
    texts = indexer.index(named)
    inputs = _describe_inputs(nlp, named, texts, settings, base_words, subwords)
    corpus = read_corpus(path, texts, inputs)
    if corpus is None:
        words, predicted = _choose(path, texts, settings, base_words, subwords)
        counts = write_corpus(path, texts, words, inputs, predicted=predicted)
        corpus = make_corpus(path, texts, words, counts, predicted)
    remove_left_over(path, texts)
    return corpus


def _choose(
    path: Path,
    texts: Dict[str, IndexedText],
    settings: PretrainingSettings,
    base_words: Optional[List[str]],
    subwords: bool,
) -> Tuple[List[str], int]:
    """All words that have a row, and how many of them are the vocabulary."""
    counts = count_words(path / SHARDS_FOLDER, texts["train"].shards)
    words = choose_words(
        counts,
        min_freq=settings.min_freq,
        max_size=settings.max_size,
        base_words=base_words,
        extend=settings.extend_vocabulary,
    )
    if len(words) < 2:
        found = {"found": len(words), "min_freq": settings.min_freq}
        raise ValueError(Errors.E043.format(**found))
    if not subwords:
        return words, len(words)
    everything = dict(counts)
    for word in count_words(path / SHARDS_FOLDER, texts["dev"].shards):
        # Held-out words are read as any user's unseen words will be.
        everything.setdefault(word, 1)
    known = set(words)
    others = sorted(
        (-count, word)
        for word, count in everything.items()
        if word not in known and count >= MIN_READ
    )
    return words + [word for _, word in others], len(words)


def _describe_inputs(
    nlp: Language,
    named: Dict[str, Any],
    texts: Dict[str, IndexedText],
    settings: PretrainingSettings,
    base_words: Optional[List[str]],
    subwords: bool,
) -> Dict[str, Any]:
    """Everything that the files on disk depend on."""
    return {
        "texts": {part: text.hash for part, text in texts.items()},
        "methods": {part: describe_method(nlp, r) for part, (_, r) in named.items()},
        "min_freq": settings.min_freq,
        "max_size": settings.max_size,
        "base_words": None if base_words is None else vocabulary_hash(base_words),
        "extend_vocabulary": settings.extend_vocabulary,
        "subwords": subwords,
    }
