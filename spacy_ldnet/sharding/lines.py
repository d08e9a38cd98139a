"""Lines of text or JSON in a range of a file."""

import hashlib
import json
from typing import IO, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Union

from smart_open.compression import compression_wrapper

from .files import is_compressed, text_ending
from .ranges import BLOCK, FileRange
from .skipped import BadFileError

#: The largest number of bytes per character of a text. UTF-8 needs up to 4. JSON needs up
#: to 12 if it escapes a character, and its objects have other fields.
WIDEST = {".txt": 4, ".jsonl": 16}
#: Bytes that a line may have in addition: a byte order mark and the end of the line.
MARGIN = 8


class Line(NamedTuple):
    """A line that is not blank.

    number (int): Number of the line in the range, from 1.
    size (int): Bytes.
    columns (Dict[str, Any]): The JSON object; for plain text, the text under its key.
    text (str): The text; "" if it cannot be used.
    fault (Optional[str]): Why it cannot be used.
    is_broken (bool): Whether the fault is one of the file: not UTF-8, or not JSON.
    """

    number: int
    size: int
    columns: Dict[str, Any]
    text: str
    fault: Optional[str] = None
    is_broken: bool = False


class LineReader:
    """Reads the lines of a range of a file.

    part (FileRange): The range.
    text_key (str): Key of the text in the objects of a .jsonl file.
    max_length (int): The most characters of a text.
    keep (Optional[Callable[[str], bool]]): Whether `read_texts` is to yield a text; None
        for all texts.

    digest: SHA-256 of the lines that were read, decompressed.
    lines (int): Number of lines that were read.
    position (int): Bytes on disk that were read, from the start of the file.
    skipped (Dict[str, List[int]]): By reason: the first line, the number of lines and
        the number of bytes that `read_texts` has skipped.
    not_kept (int): Number of texts that were not to be kept.
    """

    def __init__(
        self,
        part: FileRange,
        *,
        text_key: str,
        max_length: int,
        keep: Optional[Callable[[str], bool]] = None,
    ) -> None:
        self.part = part
        self.text_key = text_key
        self.max_length = max_length
        self.keep = keep
        self.is_compressed = is_compressed(part.file.name)
        self.ending = text_ending(part.file.name)
        self.digest = hashlib.sha256()
        self.lines = 0
        self.position = part.start
        self.skipped: Dict[str, List[int]] = {}
        self.not_kept = 0

    def __iter__(self) -> Iterator[Line]:
        """YIELDS (Line): Each line that is not blank.
        RAISES (BadFileError): If the file cannot be read or decompressed.
        """
        for data in self.read_bytes():
            line = self._parse(data)
            if line is not None:
                yield line

    def read_texts(self) -> Iterator[str]:
        """YIELDS (str): Each text that can be used and is not blank.
        RAISES (BadFileError): If nothing of the file can be used.
        """
        for line in self:
            if line.is_broken:
                raise BadFileError(str(line.fault), line.number)
            if line.fault is not None:
                totals = self.skipped.setdefault(line.fault, [line.number, 0, 0])
                totals[1] += 1
                totals[2] += line.size
            elif line.text and not line.text.isspace():
                if self.keep is None or self.keep(line.text):
                    yield line.text
                else:
                    self.not_kept += 1

    def read_bytes(self) -> Iterator[Union[bytes, int]]:
        """YIELDS (Union[bytes, int]): Each line; if it is too long, only its size.
        RAISES (BadFileError): If the file cannot be read or decompressed.
        """
        location = self.part.file.location
        reason = "a damaged archive" if self.is_compressed else "not readable"
        try:
            with location.open() as raw:
                if self.is_compressed:
                    path = location.path
                    with compression_wrapper(raw, "rb", filename=path) as file:
                        yield from self._split(file, raw)
                else:
                    raw.seek(self.part.start)
                    yield from self._split(raw, raw)
        except OSError as error:
            raise BadFileError(f"{reason} ({error})", self.lines + 1) from error
        except Exception as error:
            # Each kind of compression has exceptions of its own.
            if not self.is_compressed:
                raise
            raise BadFileError(f"{reason} ({error})", self.lines + 1) from error

    def list_skipped(self) -> List[List[Any]]:
        """RETURNS (List[List[Any]]): For each reason the first line, the reason, and the
        number of lines and of bytes.
        """
        items = sorted(self.skipped.items())
        return [[totals[0], reason, *totals[1:]] for reason, totals in items]

    def _split(self, file: IO[bytes], raw: IO[bytes]) -> Iterator[Union[bytes, int]]:
        limit = WIDEST[self.ending] * self.max_length + MARGIN
        while self.is_compressed or self.position < self.part.end:
            line = file.readline(limit)
            if not line:
                break
            self.digest.update(line)
            size, rest = len(line), line
            while size >= limit and rest and not rest.endswith(b"\n"):
                rest = file.readline(BLOCK)
                self.digest.update(rest)
                size += len(rest)
            self.lines += 1
            self.position = raw.tell()
            yield line if size == len(line) and size < limit else size

    def _parse(self, data: Union[bytes, int]) -> Optional[Line]:
        if isinstance(data, int):
            return self._unusable(data, too_long(self.max_length))
        size = len(data)
        try:
            text = data.decode("utf8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            fault = f"not UTF-8 ({error.reason}, byte {error.start + 1} of the line)"
            return self._unusable(size, fault, is_broken=True)
        if self.lines == 1 and self.part.start == 0:
            text = text.removeprefix("\ufeff")
        if not text or text.isspace():
            return None
        columns: Any = {self.text_key: text}
        if self.ending != ".txt":
            try:
                columns = json.loads(text)
            except (ValueError, RecursionError) as error:
                return self._unusable(size, f"not JSON ({error})", is_broken=True)
            if not isinstance(columns, dict):
                return self._unusable(size, "no JSON object")
        unfit = find_fault(columns, self.text_key, self.max_length)
        usable = columns[self.text_key] if unfit is None else ""
        return Line(self.lines, size, columns, usable, unfit)

    def _unusable(self, size: int, fault: str, is_broken: bool = False) -> Line:
        return Line(self.lines, size, {}, "", fault, is_broken)


def find_fault(
    columns: Dict[str, Any], text_key: str, max_length: int
) -> Optional[str]:
    """columns (Dict[str, Any]): A JSON object, or a row of a table.
    text_key (str): Key of the text.
    max_length (int): The most characters of a text.
    RETURNS (Optional[str]): Why its text cannot be used; None if it can.
    """
    text = columns.get(text_key)
    if not isinstance(text, str):
        return f"no string under the key '{text_key}'"
    if len(text) > max_length:
        return too_long(max_length)
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        # JSON can write it, UTF-8 cannot.
        return f"an unpaired surrogate under the key '{text_key}'"
    return None


def too_long(max_length: int) -> str:
    """RETURNS (str): The fault of a text with more than so many characters."""
    return f"a text of more than {max_length:,} characters"
