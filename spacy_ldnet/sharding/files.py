"""Files to read: found in folders, on other machines, compressed."""

import glob
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import (
    IO,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from smart_open.compression import compression_wrapper

from ..errors import Errors

PLAIN_ENDINGS = (".txt", ".jsonl")
PACKED_ENDINGS = (".gz", ".bz2", ".zst")
ENDINGS = (*PLAIN_ENDINGS, *(a + b for a in PLAIN_ENDINGS for b in PACKED_ENDINGS))

_NO_ZSTD = "pip install 'spacy-ldnet[zstd]'"


def find_files(
    source: Optional[Union[str, Path]], name: str
) -> Tuple[Path, List[Path]]:
    """Find the files of a text.

    source (Optional[Union[str, Path]]): A file, a folder or a glob. Of a folder all
        files count, of deeper folders too, whose names end in one of `ENDINGS` and do
        not begin with a dot.
    name (str): Config section of the text, for messages.
    RETURNS (Tuple[Path, List[Path]]): A folder that holds all files, and the files in
        an order that depends on nothing but their names.
    RAISES (ValueError): E040 no such path, E060 no text file there, E061 a packed
        file for which a package is missing.
    """
    if source is None or not str(source):
        raise ValueError(Errors.E040.format(path=source, name=name))
    path = Path(source)
    if path.is_file():
        base, found = path.parent, [path]
    elif path.is_dir():
        base, found = path, _walk(path)
    elif glob.has_magic(str(source)):
        base, found = _expand(str(source))
    else:
        raise ValueError(Errors.E040.format(path=source, name=name))
    files = [file for file in found if text_ending(file)]
    if not files:
        endings = ", ".join(ENDINGS)
        raise ValueError(Errors.E060.format(path=source, name=name, endings=endings))
    files = sorted(set(files), key=lambda file: file.relative_to(base).parts)
    check_packages(files)
    return base, files


def is_packed(path: PurePath) -> bool:
    """path (Path): A file.
    RETURNS (bool): Whether it has to be unpacked, and so read from its beginning.
    """
    return path.suffix.lower() in PACKED_ENDINGS


def text_ending(path: PurePath) -> str:
    """path (Path): A file.
    RETURNS (str): The ending that says what its lines hold; "" if it is no text file.
    """
    name = path.with_suffix("").name if is_packed(path) else path.name
    ending = Path(name).suffix.lower()
    return ending if ending in PLAIN_ENDINGS else ""


def _walk(folder: Path) -> List[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _expand(pattern: str) -> Tuple[Path, List[Path]]:
    fixed: List[str] = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    files: List[Path] = []
    for match in map(Path, glob.glob(pattern, recursive=True)):
        files.extend(_walk(match) if match.is_dir() else [match])
    return Path(*fixed), files


def check_packages(
    files: Sequence[PurePath],
    open_file: Callable[[Any], IO[bytes]] = lambda path: open(path, "rb"),
) -> None:
    """Find out before the work begins whether all files can be unpacked; zstd is the
    one that may be missing.

    files (Sequence[PurePath]): The files.
    open_file (Callable): Opens one of them for its bytes.
    RAISES (ValueError): E061 a package is missing.
    """
    packed = {path.suffix.lower(): path for path in files if is_packed(path)}
    for path in packed.values():
        try:
            with open_file(path) as raw:
                compression_wrapper(raw, "rb", filename=str(path)).close()
        except ImportError as error:
            values = {"path": path, "reason": error, "remedy": _NO_ZSTD}
            raise ValueError(Errors.E061.format(**values)) from error
        except Exception:  # noqa: S112  (a damaged file is named when it is read)
            continue


#: Ending of files that are being written.
PART = ".part"
#: What file systems call the time or the hash that changes with a file.
_STAMPS = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified")


@dataclass(frozen=True)
class InputFile:
    """A file to annotate.

    name (str): Its path below the folder of all files.
    path (str): Its path in its file system.
    size (int): Bytes.
    stamp (str): Changes whenever the file changes, as far as the file system tells.
    """

    name: str
    path: str
    size: int
    stamp: str


class Place:
    """A path in a file system.

    fs (AbstractFileSystem): The file system.
    path (str): The path.
    """

    def __init__(self, fs: fsspec.AbstractFileSystem, path: str) -> None:
        self.fs = fs
        self.path = path

    @property
    def is_local(self) -> bool:
        """RETURNS (bool): Whether it is on this machine."""
        return isinstance(self.fs, LocalFileSystem)

    def absolute(self, address: str) -> str:
        """address (str): What the place was opened with.
        RETURNS (str): The same for a process with another working directory.
        """
        return self.path if self.is_local else address

    def __truediv__(self, name: str) -> "Place":
        return Place(self.fs, f"{self.path.rstrip('/')}/{name}")

    @contextmanager
    def write(self) -> Iterator[IO[bytes]]:
        """YIELDS (IO[bytes]): Written beside, and renamed when all went well.
        RAISES (ValueError): E085 it cannot be written; what was there still is.
        """
        # Nobody else writes it: another worker may be about the same work.
        beside = f"{self.path}.{uuid.uuid4().hex[:8]}{PART}"
        try:
            with self.fs.open(beside, "wb") as file:
                yield file
            self.fs.mv(beside, self.path)
        except OSError as error:
            self._remove(beside)
            raise ValueError(
                Errors.E085.format(path=self.path, reason=error)
            ) from error
        except BaseException:
            self._remove(beside)
            raise

    def make_folder(self) -> None:
        """RAISES (ValueError): E085 there can be none."""
        try:
            self.fs.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise ValueError(
                Errors.E085.format(path=self.path, reason=error)
            ) from error

    def find(self) -> List[str]:
        """RETURNS (List[str]): Paths, in this folder, of all files below it."""
        self.fs.invalidate_cache(self.path)
        paths = map(PurePosixPath, self.fs.find(self.path))
        return sorted(str(path.relative_to(self.path)) for path in paths)

    def names(self) -> List[str]:
        """RETURNS (List[str]): Names of the files in the folder; none if it is none."""
        if not self.fs.isdir(self.path):
            return []
        self.fs.invalidate_cache(self.path)
        paths = self.fs.ls(self.path, detail=False)
        return sorted(PurePosixPath(path).name for path in paths)

    def _remove(self, path: str) -> None:
        if self.fs.exists(path):
            self.fs.rm_file(path)


def open_place(address: str) -> Place:
    """address (str): A path, or an address with a protocol.
    RETURNS (Place): The place; nothing needs to be there.
    RAISES (ValueError): E082 nobody knows the protocol.
    """
    try:
        fs, path = url_to_fs(address)
    except (ImportError, ValueError) as error:
        fs, path = _open_with_pyarrow(address, error)
    return Place(fs, path)


def _open_with_pyarrow(address: str, error: Exception) -> Tuple[Any, str]:
    """pyarrow has some file systems built in for which fsspec needs a package."""
    try:
        from fsspec.implementations.arrow import ArrowFSWrapper
        from pyarrow.fs import FileSystem

        fs, path = FileSystem.from_uri(address)
        return ArrowFSWrapper(fs), path
    except (ImportError, ValueError, OSError) as other:
        reason = f"{error}; pyarrow says: {other}"
        raise ValueError(Errors.E082.format(address=address, reason=reason)) from error


def find_inputs(
    place: Place, address: str, endings: Tuple[str, ...]
) -> List[InputFile]:
    """Find the files of a text, in an order that depends on nothing but their names.

    place (Place): A file, a folder (with all below it) or a glob.
    address (str): How the user called it, for messages.
    endings (Tuple[str, ...]): How names of files to read end, in lower case.
    RETURNS (List[InputFile]): The files; hidden ones are left out.
    RAISES (ValueError): E082 there is none.
    """
    base, found = _look(place)
    files = []
    for path, info in found.items():
        name = str(PurePosixPath(path).relative_to(base))
        hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
        if info["type"] == "file" and name.lower().endswith(endings) and not hidden:
            files.append(InputFile(name, path, int(info["size"]), _stamp(info)))
    if not files:
        reason = f"no file there whose name ends in one of {', '.join(endings)}"
        raise ValueError(Errors.E082.format(address=address, reason=reason))
    return sorted(files, key=lambda file: PurePosixPath(file.name).parts)


def _look(place: Place) -> Tuple[str, Dict[str, Any]]:
    fs, path = place.fs, place.path
    if fs.isfile(path):
        return str(PurePosixPath(path).parent), {path: fs.info(path)}
    if fs.isdir(path):
        return path, fs.find(path, detail=True)
    if not glob.has_magic(path):
        return path, {}
    found: Dict[str, Any] = {}
    for match, info in fs.glob(path, detail=True).items():
        if info["type"] == "directory":
            found.update(fs.find(match, detail=True))
        else:
            found[match] = info
    parts = PurePosixPath(path).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return str(PurePosixPath(*parts[:fixed])), found


def _stamp(info: Dict[str, Any]) -> str:
    return next((str(info[key]) for key in _STAMPS if info.get(key) is not None), "")
