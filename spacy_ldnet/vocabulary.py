"""What the files of a language model directory are called, and its word list."""

from pathlib import Path
from typing import Dict, List

import srsly

#: Rows of the embedding before the first word. A word that happens to be spelled
#: like a symbol gets a row of its own, so the symbols are not in the word list.
UNK_ROW = 0
EOS_ROW = 1
FIRST_WORD_ROW = 2

DIRECTIONS = ("forward", "backward")

CONFIG_FILE = "config.cfg"
META_FILE = "meta.json"
WORDS_FILE = "vocab.json"


def weights_file(direction: str) -> str:
    """direction (str): "forward" or "backward".
    RETURNS (str): Name of its weights in the language model's directory.
    """
    return f"{direction}.safetensors"


def read_vocabulary(path: Path) -> List[str]:
    """path (Path): Directory of a language model.
    RETURNS (List[str]): The words by falling frequency; the first has row
        `FIRST_WORD_ROW`.
    """
    return list(srsly.read_json(path / WORDS_FILE))


def write_vocabulary(path: Path, words: List[str]) -> None:
    """path (Path): Directory of a language model.
    words (List[str]): The words by falling frequency, without the symbols.
    """
    srsly.write_json(path / WORDS_FILE, words)


def word_rows(words: List[str]) -> Dict[str, int]:
    """words (List[str]): The words by falling frequency, without the symbols.
    RETURNS (Dict[str, int]): Row of each word. Any other word has `UNK_ROW`.
    """
    return {word: row for row, word in enumerate(words, start=FIRST_WORD_ROW)}
