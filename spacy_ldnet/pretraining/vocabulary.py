"""The vocabulary of a text, from what its shards count."""

import heapq
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy
import torch

from ..lm_directory import EOS_ROW, FIRST_WORD_ROW, UNK_ROW
from ..nn.language_model import LanguageModel
from ..subwords import find_subwords, subwords_of
from .shards import EOS_ID, Shard, read_counts


def count_words(folder: Path, shards: List[Shard]) -> Dict[str, int]:
    """folder (Path): Folder of the shards.
    shards (List[Shard]): The shards of a text.
    RETURNS (Dict[str, int]): How often each word is in the text; case is kept. All
        distinct words are in memory, and those of one shard besides.
    """
    total: Dict[str, int] = Counter()
    for shard in shards:
        words, counts = read_counts(folder, shard.key)
        for word, count in zip(words, counts.tolist()):
            # Words of files that were left out are there, but not counted.
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
    min_freq (int): Words that are rarer are left out.
    max_size (int): The most words, those of the model included; 0 for no limit.
    base_words (Optional[List[str]]): Words of an existing model, which all stay.
    extend (bool): Whether other words come behind these.
    RETURNS (List[str]): The words of the model, if any; then the others by falling
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


def give_subwords(network: LanguageModel, words: List[str]) -> None:
    """network (LanguageModel): Is told the subwords of all words, if it reads any.
    words (List[str]): Words of the rows from FIRST_WORD_ROW on.
    """
    if not network.config.subword_rows:
        return
    found = find_subwords(words, subwords_of(network.config))
    symbols = numpy.zeros(FIRST_WORD_ROW, "int64")
    offsets = numpy.concatenate([symbols, found.offsets])
    network.set_subwords(torch.from_numpy(found.ids), torch.from_numpy(offsets))


def rows_of_ids(words: List[str], table: Dict[str, int]) -> "numpy.ndarray[Any, Any]":
    """words (List[str]): The words of a shard in the order of their ids.
    table (Dict[str, int]): Rows of the vocabulary.
    RETURNS (numpy.ndarray): The row for each id of the shard, as 32-bit integers.
    """
    rows = numpy.empty(len(words) + 1, dtype=numpy.int32)
    rows[EOS_ID] = EOS_ROW
    rows[1:] = [table.get(word, UNK_ROW) for word in words]
    return rows
