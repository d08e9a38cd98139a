"""Lines of text in a range of a file."""

import hashlib
from functools import partial
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, List, Optional, Union

import srsly
from smart_open.compression import compression_wrapper

from .files import is_packed, text_ending
from .skipped import BadFileError

#: Bytes of an over-long line that are skipped at a time.
CHUNK = 1 << 20
#: The most bytes of a line by the most characters of its text: UTF-8 needs up to 4
#: for each; JSON up to 12 where it escapes them, and has other fields as well.
WIDEST = {".txt": 4, ".jsonl": 16}
#: Bytes that a line may have besides: a byte order mark and the line's end.
MARGIN = 8


class PieceReader:
    """Texts of a file, or of a range of its bytes that begins and ends with a line.

    path (Path): The file.
    text_key (str): Key of the text in the objects of a .jsonl file.
    max_length (int): The most characters of a text.
    start (int): Place of the first byte.
    end (Optional[int]): Place after the last byte; None for the end of the file.
    open_file (Optional[Callable]): Opens the file for its bytes; None for `Path.open`.

    digest: SHA-256 over the lines that were read, unpacked.
    lines (int): Number of lines that were read.
    position (int): Bytes of the file on disk that were read.
    left_out (Dict[str, List[int]]): By reason: the first line, from 1, the number of
        lines and of bytes.
    keeps (Optional[Callable[[str], bool]]): Which of the texts are to be read; None for
        all of them.
    others (int): Number of texts that are not.
    """

    def __init__(
        self,
        path: Path,
        *,
        text_key: str,
        max_length: int,
        start: int = 0,
        end: Optional[int] = None,
        open_file: Optional[Callable[[], IO[bytes]]] = None,
    ) -> None:
        self.path = path
        self.open_file: Callable[[], Any] = open_file or partial(path.open, "rb")
        self.text_key = text_key
        self.max_length = max_length
        self.start = start
        self.end = end
        self.kind = text_ending(path)
        self.digest = hashlib.sha256()
        self.lines = 0
        self.position = start
        self.left_out: Dict[str, List[int]] = {}
        self.keeps: Optional[Callable[[str], bool]] = None
        self.others = 0

    def read_texts(self) -> Iterator[str]:
        """YIELDS (str): The text of each line that has one.
        RAISES (BadFileError): Nothing of the file can be used.
        """
        too_long = f"a text of more than {self.max_length:,} characters"
        for line in self.read_lines():
            if isinstance(line, int):
                self._leave_out(too_long, line)
                continue
            text = self._text_of(line)
            if text is None or not text or text.isspace():
                continue
            if len(text) > self.max_length:
                self._leave_out(too_long, len(line))
            elif self.keeps is None or self.keeps(text):
                yield text
            else:
                self.others += 1

    def read_lines(self) -> Iterator[Union[bytes, int]]:
        """YIELDS (Union[bytes, int]): Each line; of an over-long one only its size.
        RAISES (BadFileError): The file cannot be read or unpacked.
        """
        try:
            with self.open_file() as raw:
                if is_packed(self.path):
                    name = str(self.path)
                    with compression_wrapper(raw, "rb", filename=name) as file:
                        yield from self._split(file, raw)
                else:
                    raw.seek(self.start)
                    yield from self._split(raw, raw)
        except OSError as error:
            reason = "a damaged archive" if is_packed(self.path) else "not readable"
            raise BadFileError(f"{reason} ({error})", self.lines + 1) from error
        except Exception as error:
            # Each way of packing has errors of its own.
            if not is_packed(self.path):
                raise
            reason = f"a damaged archive ({error})"
            raise BadFileError(reason, self.lines + 1) from error

    def describe_left_out(self) -> List[List[Any]]:
        """RETURNS (List[List[Any]]): For each reason the first line, the reason, and
        the number of lines and of bytes.
        """
        items = sorted(self.left_out.items())
        return [[totals[0], reason, *totals[1:]] for reason, totals in items]

    def _split(self, file: IO[bytes], raw: IO[bytes]) -> Iterator[Union[bytes, int]]:
        limit = WIDEST[self.kind] * self.max_length + MARGIN
        while self.end is None or self.position < self.end or file is not raw:
            line = file.readline(limit)
            if not line:
                break
            self.digest.update(line)
            size, piece = len(line), line
            while size >= limit and piece and not piece.endswith(b"\n"):
                piece = file.readline(CHUNK)
                self.digest.update(piece)
                size += len(piece)
            self.lines += 1
            self.position = raw.tell()
            yield line if size == len(line) and size < limit else size

    def _text_of(self, line: bytes) -> Optional[str]:
        try:
            text = line.decode("utf8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            place = f"byte {error.start + 1} of the line"
            reason = f"not UTF-8 ({error.reason}, {place})"
            raise BadFileError(reason, self.lines) from error
        if self.lines == 1 and self.start == 0:
            text = text.removeprefix("\ufeff")
        if self.kind == ".txt" or not text or text.isspace():
            return text
        try:
            record = srsly.json_loads(text)
        except ValueError as error:
            raise BadFileError(f"not JSON ({error})", self.lines) from error
        found = record.get(self.text_key) if isinstance(record, dict) else None
        if isinstance(found, str) and not is_broken(found):
            return found
        reason = "half a character" if isinstance(found, str) else "no string"
        self._leave_out(f"{reason} under the key '{self.text_key}'", len(line))
        return None

    def _leave_out(self, reason: str, size: int) -> None:
        totals = self.left_out.setdefault(reason, [self.lines, 0, 0])
        totals[1] += 1
        totals[2] += size


def is_broken(text: str) -> bool:
    """RETURNS (bool): Whether it has surrogates, which JSON can write and UTF-8 cannot."""
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        return True
    return False
