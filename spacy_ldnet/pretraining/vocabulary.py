"""The vocabulary of a text: words counted, chosen, and told to a network."""

import heapq
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

import numpy

from ..lm_directory import EOS_ROW, FIRST_WORD_ROW, UNK_ROW
from ..subwords import find_subwords, subwords_of
from .shards import EOS_ID, Shard, read_counts

if TYPE_CHECKING:
    from ..nn.language_model import LanguageModel


def count_words(folder: Path, shards: List[Shard]) -> Dict[str, int]:
    """folder (Path): Folder of the shards.
    shards (List[Shard]): The shards of a text.
    RETURNS (Dict[str, int]): How often each word is in the text; case is kept. In memory
        are all distinct words, and those of one shard.
    """
    total: Dict[str, int] = Counter()
    for shard in shards:
        words, counts = read_counts(folder, shard.key)
        for word, count in zip(words, counts.tolist()):
            # Words of files that were skipped are listed with a count of 0.
            if count:
                total[word] += count
    return total


def choose_words(
    counts: Dict[str, int],
    *,
    min_freq: int,
    max_size: int,
    base_words: Optional[List[str]] = None,
    extend: bool = False,
) -> List[str]:
    """Choose the vocabulary.

    counts (Dict[str, int]): How often each word is in the training text.
    min_freq (int): The lowest count of a word that is taken.
    max_size (int): The largest vocabulary; 0 for no limit.
    base_words (Optional[List[str]]): Words of existing models. They all stay.
    extend (bool): Whether other words are appended to them.
    RETURNS (List[str]): The words of the models, if any; then the others by falling
        frequency, then by alphabet.
    """
    base = list(base_words or [])
    if base_words is not None and not extend:
        return base
    known = set(base)
    chosen = [
        (-count, word)
        for word, count in counts.items()
        if count >= min_freq and word not in known
    ]
    if max_size:
        best = heapq.nsmallest(max(0, max_size - len(base)), chosen)
    else:
        best = sorted(chosen)
    return base + [word for _, word in best]


def vocabulary_ids(
    words: List[str], table: Dict[str, int]
) -> "numpy.ndarray[Any, Any]":
    """words (List[str]): The words of a shard, from id 1 on.
    table (Dict[str, int]): Ids of the vocabulary.
    RETURNS (numpy.ndarray): For each id of the shard that of the vocabulary, as 32-bit
        integers.
    """
    ids = numpy.empty(len(words) + 1, dtype=numpy.int32)
    ids[EOS_ID] = EOS_ROW
    ids[1:] = [table.get(word, UNK_ROW) for word in words]
    return ids


def give_subwords(network: "LanguageModel", words: List[str]) -> None:
    """Tell a network the subwords of all words, if it reads any.

    network (LanguageModel): The network.
    words (List[str]): The words with ids from FIRST_WORD_ROW on.
    """
    if not network.config.subword_rows:
        return
    import torch

    found = find_subwords(words, subwords_of(network.config))
    symbols = numpy.zeros(FIRST_WORD_ROW, "int64")
    offsets = numpy.concatenate([symbols, found.offsets])
    network.set_subwords(torch.from_numpy(found.ids), torch.from_numpy(offsets))
