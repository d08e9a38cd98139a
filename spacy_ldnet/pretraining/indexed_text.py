"""A tokenised text: its shards, and how they were made."""

import hashlib
from dataclasses import dataclass, field
from typing import List

import spacy
import srsly
from spacy.language import Language

from .problems import Problem
from .shards import Shard
from .sources import Reader

#: Another one whenever shards or their files change.
CORPUS_FORMAT = 2


@dataclass
class IndexedText:
    """A text as shards.

    section (str): Its section of the config.
    shards (List[Shard]): Its shards, in order; none is empty.
    keys (List[str]): Names of its shards on disk, empty and unusable ones included.
    problems (List[Problem]): What was left out of it.
    reused (bool): Whether all shards were there from earlier runs.
    """

    section: str
    shards: List[Shard] = field(default_factory=list)
    keys: List[str] = field(default_factory=list)
    problems: List[Problem] = field(default_factory=list)
    reused: bool = True

    @property
    def hash(self) -> str:
        """RETURNS (str): SHA-256 over names and content of all that it was made of."""
        digest = hashlib.sha256()
        for shard in self.shards:
            names = [[p.name, p.start, p.end, p.hash] for p in shard.pieces]
            data = srsly.json_dumps(names or shard.key)
            digest.update(data.encode("utf8", "surrogatepass"))
        return digest.hexdigest()


def describe_method(nlp: Language, reader: Reader) -> str:
    """nlp (Language): Gives the tokenizer.
    reader (Reader): Reads the text.
    RETURNS (str): All that shards depend on but the text, which may move.
    """
    settings = getattr(reader, "__dict__", {})
    kept = {key: str(value) for key, value in settings.items() if key != "path"}
    method = {
        "format": CORPUS_FORMAT,
        "reader": [type(reader).__name__, kept],
        "tokenizer": nlp.config["nlp"],
        "spacy": spacy.__version__,
    }
    data = srsly.json_dumps(method, sort_keys=True)
    return hashlib.sha256(data.encode("utf8")).hexdigest()
