"""From a unit of text to a shard."""

import pickle
from pathlib import Path
from typing import Any, List, Optional

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

from ..engines import Tick
from ..errors import Errors
from .problems import BadFileError
from .raw_text import RawTextCorpus
from .shard_writer import ShardWriter
from .shards import PieceRecord, Shard, read_record, write_record
from .units import Piece, Unit

#: Strings that a tokenizer may gather before it is made anew, since spaCy keeps each
#: that it has ever seen.
STRINGS = 1 << 18
#: Texts between two reports.
REPORT_EVERY = 200


class BoundedTokenizer:
    """A tokenizer whose memory does not grow with the text.

    data (bytes): Of `pack_tokenizer`.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._renew()

    def __call__(self, text: str) -> Doc:
        """text (str): The text.
        RETURNS (Doc): Its words; the next call may end the life of its strings.
        """
        if len(self.nlp.vocab.strings) > self.limit:
            self._renew()
        # Not `make_doc`, whose limit is another one than the reader's.
        return self.nlp.tokenizer(text)

    def _renew(self) -> None:
        self.nlp: Language = pickle.loads(self.data)
        self.limit = len(self.nlp.vocab.strings) + STRINGS


def pack_tokenizer(nlp: Language) -> bytes:
    """nlp (Language): Gives the tokenizer.
    RETURNS (bytes): What another process can make it from.
    RAISES (ValueError): E063 it cannot go to another process.
    """
    try:
        return pickle.dumps(nlp)
    except Exception as error:
        raise ValueError(Errors.E063.format(reason=error)) from error


class UnitIndexer:
    """Makes shards of units.

    folder (Path): Folder of the shards.
    tokenizer (bytes): Of `pack_tokenizer`.
    """

    def __init__(self, folder: Path, tokenizer: bytes) -> None:
        self.folder = folder
        self.tokenizer = BoundedTokenizer(tokenizer)

    def __call__(
        self, unit: Unit, reader: RawTextCorpus, key: str, tick: Tick
    ) -> Shard:
        """unit (Unit): What to read.
        reader (RawTextCorpus): How to read it.
        key (str): Name of the shard.
        tick (Tick): Called now and then.
        RETURNS (Shard): The shard: that of an earlier run, if the text is the same.
        """
        found = read_record(self.folder, key)
        if found is not None and _has_same_text(found, unit, reader):
            shard = Shard(**{**vars(found), "pieces": _stamped(found, unit)})
            write_record(self.folder, shard)
            tick(unit.size, 0)
            return shard
        writer = ShardWriter(self.folder, key)
        sentencizer = Sentencizer() if reader.sentences else None
        pieces = [
            self._index_piece(piece, unit, reader, writer, sentencizer, tick)
            for piece in unit.pieces
        ]
        return writer.finish(pieces)

    def _index_piece(
        self,
        piece: Piece,
        unit: Unit,
        reader: RawTextCorpus,
        writer: ShardWriter,
        sentencizer: Optional[Sentencizer],
        tick: Tick,
    ) -> PieceRecord:
        texts = reader.open_piece(unit.base / piece.name, piece.start, piece.end)
        before = writer.length
        reported, words = piece.start, 0
        digest: Optional[str] = None
        problems: List[List[Any]] = []
        try:
            for count, text in enumerate(texts.read_texts(), start=1):
                words += writer.add(self.tokenizer(text), sentencizer)
                if count % REPORT_EVERY == 0:
                    tick(texts.position - reported, words)
                    reported, words = texts.position, 0
            digest = texts.digest.hexdigest()
            problems = texts.describe_left_out()
            empty = piece.whole and writer.length == before and not texts.others
            if empty and not problems:
                problems = [[None, "no text in it", 0, piece.end]]
        except BadFileError as error:
            writer.go_back(before)
            problems = [[error.line, error.reason, 0, piece.end - piece.start]]
        tick(piece.end - reported, words)
        return PieceRecord(
            name=piece.name,
            start=piece.start,
            end=piece.end,
            stamp=piece.stamp,
            hash=digest,
            lines=texts.lines,
            problems=problems,
        )


def is_unchanged(shard: Shard, unit: Unit) -> bool:
    """shard (Shard): A shard of the unit's key.
    unit (Unit): The unit.
    RETURNS (bool): Whether the file system says that no file of it has changed.
    """
    stamps = [piece.stamp for piece in shard.pieces]
    return stamps == [piece.stamp for piece in unit.pieces]


def _has_same_text(shard: Shard, unit: Unit, reader: RawTextCorpus) -> bool:
    """Read it again, without tokenising, unless the file system says it all."""
    for record, piece in zip(shard.pieces, unit.pieces):
        if record.stamp == piece.stamp:
            continue
        if record.hash is None:
            return False
        texts = reader.open_piece(unit.base / piece.name, piece.start, piece.end)
        try:
            for _ in texts.read_lines():
                pass
        except BadFileError:
            return False
        if texts.digest.hexdigest() != record.hash:
            return False
    return True


def _stamped(shard: Shard, unit: Unit) -> List[PieceRecord]:
    return [
        PieceRecord(**{**vars(record), "stamp": piece.stamp})
        for record, piece in zip(shard.pieces, unit.pieces)
    ]
