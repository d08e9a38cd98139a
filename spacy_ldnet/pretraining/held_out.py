"""Text that is held out of the training text, where the config names none."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

from ..errors import Errors
from ..sharding.files import find_files, is_packed
from ..sharding.lines import PieceReader
from ..sharding.skipped import BadFileError
from .readers import RawTextCorpus

#: Share of the text that is held out, if that is neither less nor more bytes than these,
#: which are some 3,500 and 175,000 words of English.
SHARE = 0.05
LEAST, MOST = 20_000, 1_000_000
#: Of a short text no more than this.
MOST_SHARE = 0.25
#: From so many files on, none of which is more than a tenth of the text, each is taken
#: for a document, which is held out as a whole or not at all.
FILES = 40
#: Of a text of fewer bytes each line is looked at beforehand, so that the right number
#: is held out; of more bytes it is right on the average.
SMALL = 20_000_000
#: Unpacked size of packed text, by its size on disk.
UNPACKED = 3
HASHES = 1 << 64


@dataclass(frozen=True)
class Split:
    """The texts that are held out: those with a low hash. So equal texts are on the same
    side, and a text that is added moves no other.

    limit (int): Hashes below it are held out.
    files (bool): Whether the hash is that of a file's name, and not that of its lines.
    """

    limit: int
    files: bool

    def holds_out(self, key: str) -> bool:
        """key (str): A text, or the name of its file.
        RETURNS (bool): Whether it is held out.
        """
        return _hash(key) < self.limit


class SplitCorpus(RawTextCorpus):
    """One side of a text that is split in two.

    reader (RawTextCorpus): Reads all of it.
    split (Split): What is held out.
    held_out (bool): Whether that is the side to read, or all the rest.
    """

    def __init__(self, reader: RawTextCorpus, split: Split, *, held_out: bool) -> None:
        super().__init__(
            reader.path,
            text_key=reader.text_key,
            max_length=reader.max_length,
            sentences=reader.sentences,
        )
        self.split = split
        self.held_out = held_out

    def open_piece(
        self, path: Path, start: int = 0, end: Optional[int] = None
    ) -> PieceReader:
        """See `RawTextCorpus`."""
        piece = super().open_piece(path, start, end)
        piece.keeps = _Side(self.split, self.held_out, file_key(path))
        return piece


@dataclass(frozen=True)
class _Side:
    split: Split
    held_out: bool
    file: str

    def __call__(self, text: str) -> bool:
        key = self.file if self.split.files else text
        return self.split.holds_out(key) == self.held_out


def file_key(path: Path) -> str:
    """RETURNS (str): What is hashed of a file's name: it may move, with its folder."""
    return f"{path.parent.name}/{path.name}"


def split_text(reader: RawTextCorpus, name: str) -> Tuple[SplitCorpus, SplitCorpus]:
    """Hold out a part of a text: whole files, if it is in many, else lines.

    reader (RawTextCorpus): Reads the text.
    name (str): Config section of the text, for messages.
    RETURNS (Tuple[SplitCorpus, SplitCorpus]): The text to train on, and the rest.
    RAISES (ValueError): E040, E060, E061 no text there, or none that can be read; E158
        it cannot be split.
    """
    split = choose_split(reader, name)
    train, dev = (SplitCorpus(reader, split, held_out=side) for side in (False, True))
    return train, dev


def choose_split(reader: RawTextCorpus, name: str) -> Split:
    """reader (RawTextCorpus): Reads the text.
    name (str): Config section of the text, for messages.
    RETURNS (Split): What to hold out of it.
    RAISES (ValueError): See `split_text`.
    """
    _, files = find_files(reader.path, name)
    sizes = [_size(path) for path in files]
    size = sum(sizes)
    wanted = min(max(SHARE * size, LEAST), MOST, MOST_SHARE * size)
    by_file = len(files) >= FILES and max(sizes) <= size / 10
    if by_file:
        items = [(_hash(file_key(path)), size) for path, size in zip(files, sizes)]
    elif size <= SMALL:
        items = _measure_lines(reader, files)
        # What cannot be used of the text is not there to be held out.
        wanted = min(wanted, MOST_SHARE * sum(size for _, size in items))
    else:
        return Split(int(wanted / size * HASHES), files=False)
    return Split(_find_limit(items, wanted, name), by_file)


def _measure_lines(reader: RawTextCorpus, files: List[Path]) -> List[Tuple[int, int]]:
    items = []
    for path in files:
        try:
            texts = [
                (_hash(text), len(text))
                for text in reader.open_piece(path).read_texts()
            ]
        except BadFileError:
            # It is named when it is tokenised.
            continue
        items.extend(texts)
    return items


def _find_limit(items: List[Tuple[int, int]], wanted: float, name: str) -> int:
    """The hash before which there is as much text as wanted, of which some is left."""
    items = sorted(items)
    total, held = sum(size for _, size in items), 0
    last = None
    for key, size in items:
        if held >= wanted and key != last:
            break
        held += size
        last = key
    if last is None or held > total / 2:
        different = len({key for key, _ in items})
        raise ValueError(Errors.E158.format(name=name, found=different))
    return last + 1


def _hash(key: str) -> int:
    data = key.strip().encode("utf8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _size(path: Path) -> int:
    return path.stat().st_size * (UNPACKED if is_packed(path) else 1)
