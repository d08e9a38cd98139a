"""A held-out text, taken from the training text where the config names none."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import List, Tuple

from ..errors import Errors
from ..sharding.files import InputFile, find_text, is_compressed
from ..sharding.lines import LineReader
from ..sharding.ranges import FileRange, whole_file
from ..sharding.skipped import BadFileError
from .readers import RawTextCorpus

#: Share of the text that is held out.
SHARE = 0.05
#: Its limits in bytes, some 3,500 and 175,000 words of English.
LEAST, MOST = 20_000, 1_000_000
#: The largest share of a short text.
MOST_SHARE = 0.25
#: With so many files or more, none larger than a tenth of the text, each file is taken as
#: a document, which is held out as a whole or not at all.
FILES = 40
#: Of a text of fewer bytes each line is read beforehand, so that the right amount is held
#: out. Of a longer text the amount is right on average.
SMALL = 20_000_000
#: Size of compressed text when decompressed, in multiples of its size on disk.
EXPANSION = 3
HASHES = 1 << 64


@dataclass(frozen=True)
class Split:
    """The texts that are held out: those with a low hash. So equal texts are on the same
    side, and a new text moves no other one.

    limit (int): Hashes below it are held out.
    by_file (bool): Whether the names of files are hashed, instead of lines.
    """

    limit: int
    by_file: bool

    def holds_out(self, key: str) -> bool:
        """key (str): A text, or the name of its file.
        RETURNS (bool): Whether it is held out.
        """
        return _hash(key) < self.limit


class SplitCorpus(RawTextCorpus):
    """One side of a text that is split in two.

    reader (RawTextCorpus): Reads both sides.
    split (Split): What is held out.
    held_out (bool): Whether to read what is held out, or the rest.
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

    def open_range(self, part: FileRange) -> LineReader:
        """See `RawTextCorpus`."""
        lines = super().open_range(part)

        def keep(text: str) -> bool:
            key = file_key(part.file) if self.split.by_file else text
            return self.split.holds_out(key) == self.held_out

        lines.keep = keep
        return lines


def file_key(file: InputFile) -> str:
    """RETURNS (str): The part of a file's path that is hashed. Its folder may move."""
    path = PurePosixPath(file.location.path)
    return f"{path.parent.name}/{path.name}"


def split_text(reader: RawTextCorpus, name: str) -> Tuple[SplitCorpus, SplitCorpus]:
    """Hold out a part of a text: whole files if there are many, else lines.

    reader (RawTextCorpus): Reads the text.
    name (str): Config section of the text, for messages.
    RETURNS (Tuple[SplitCorpus, SplitCorpus]): The text to train on, and the held-out one.
    RAISES (ValueError): E158 if it cannot be split; and if there is no text, or none that
        can be read.
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
    files = find_text(reader.path, name)
    sizes = [_size(file) for file in files]
    size = sum(sizes)
    wanted = min(max(SHARE * size, LEAST), MOST, MOST_SHARE * size)
    by_file = len(files) >= FILES and max(sizes) <= size / 10
    if by_file:
        items = [(_hash(file_key(file)), size) for file, size in zip(files, sizes)]
    elif size <= SMALL:
        items = _measure_lines(reader, files)
        # Text that cannot be used cannot be held out.
        wanted = min(wanted, MOST_SHARE * sum(size for _, size in items))
    else:
        return Split(int(wanted / size * HASHES), by_file=False)
    return Split(_find_limit(items, wanted, name), by_file)


def _measure_lines(
    reader: RawTextCorpus, files: List[InputFile]
) -> List[Tuple[int, int]]:
    """Hash and size of each text."""
    items = []
    for file in files:
        lines = reader.open_range(whole_file(file))
        try:
            texts = [(_hash(text), len(text)) for text in lines.read_texts()]
        except BadFileError:
            # It is named when it is tokenised.
            continue
        items.extend(texts)
    return items


def _find_limit(items: List[Tuple[int, int]], wanted: float, name: str) -> int:
    """The hash below which there is as much text as wanted, so that some is left."""
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


def _size(file: InputFile) -> int:
    return file.size * (EXPANSION if is_compressed(file.name) else 1)
