"""Files of text: found in folders and at remote addresses, opened, written atomically."""

import glob
import os
import stat
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from smart_open.compression import compression_wrapper

from ..errors import Errors
from ..util import PART

PLAIN_ENDINGS = (".txt", ".jsonl")
COMPRESSED_ENDINGS = (".gz", ".bz2", ".zst")
ENDINGS = (*PLAIN_ENDINGS, *(a + b for a in PLAIN_ENDINGS for b in COMPRESSED_ENDINGS))

_NO_ZSTD = "pip install 'spacy-ldnet[zstd]'"
#: Names that file systems give to the time or the hash that changes with a file.
_STAMPS = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified")


def is_compressed(name: str) -> bool:
    """name (str): Name of a file.
    RETURNS (bool): Whether it is compressed, and so can only be read from its start.
    """
    return name.lower().endswith(COMPRESSED_ENDINGS)


def text_ending(name: str) -> str:
    """name (str): Name of a file.
    RETURNS (str): One of `PLAIN_ENDINGS`, the form of the lines; "" if there is none.
    """
    plain = os.path.splitext(name)[0] if is_compressed(name) else name
    ending = os.path.splitext(plain)[1].lower()
    return ending if ending in PLAIN_ENDINGS else ""


@dataclass(frozen=True)
class RemotePath:
    """A path in the file system of this machine, or in a remote one. It can be pickled.

    fs (AbstractFileSystem): The file system.
    path (str): The path in it.
    """

    fs: Any
    path: str

    @property
    def is_local(self) -> bool:
        """RETURNS (bool): Whether it is on this machine."""
        return isinstance(self.fs, LocalFileSystem)

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(self.fs, f"{self.path.rstrip('/')}/{name}")

    def open(self) -> IO[bytes]:
        """RETURNS (IO[bytes]): The file, opened for reading."""
        # fsspec would wrap it, which makes each line slower.
        return open(self.path, "rb") if self.is_local else self.fs.open(self.path, "rb")

    def exists(self) -> bool:
        """RETURNS (bool): Whether there is a file or a folder."""
        return bool(self.fs.exists(self.path))

    def read_bytes(self) -> bytes:
        """RETURNS (bytes): The content of the file."""
        return bytes(self.fs.cat_file(self.path))

    @contextmanager
    def write(self) -> Iterator[IO[bytes]]:
        """Write a file atomically.

        YIELDS (IO[bytes]): A new file, which takes the place of the old one at the end.
        RAISES (ValueError): E085 if it cannot be written. The old file is unchanged.
        """
        # The name is new: another worker may write the same file at the same time.
        part = f"{self.path}.{uuid.uuid4().hex[:8]}{PART}"
        try:
            with self.fs.open(part, "wb") as file:
                yield file
            self.fs.mv(part, self.path)
        except OSError as error:
            self._remove(part)
            raise _unwritable(self.path, error) from error
        except BaseException:
            self._remove(part)
            raise

    def make_folder(self) -> None:
        """RAISES (ValueError): E085 if the folder cannot be made."""
        try:
            self.fs.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def find(self) -> List[str]:
        """RETURNS (List[str]): All files below this folder, by their paths in it."""
        self.fs.invalidate_cache(self.path)
        paths = map(PurePosixPath, self.fs.find(self.path))
        return sorted(str(path.relative_to(self.path)) for path in paths)

    def names(self) -> List[str]:
        """RETURNS (List[str]): Names of the files in the folder; none if it is missing."""
        if not self.fs.isdir(self.path):
            return []
        self.fs.invalidate_cache(self.path)
        paths = self.fs.ls(self.path, detail=False)
        return sorted(PurePosixPath(path).name for path in paths)

    def _remove(self, path: str) -> None:
        if self.fs.exists(path):
            self.fs.rm_file(path)


def _unwritable(path: str, error: OSError) -> ValueError:
    return ValueError(Errors.E085.format(path=path, reason=error))


def open_path(address: Union[str, Path]) -> RemotePath:
    """address (Union[str, Path]): A path, or an address with a protocol.
    RETURNS (RemotePath): The path. It is absolute, and nothing has to be there.
    RAISES (ValueError): E082 if the protocol is unknown.
    """
    address = str(address)
    if os.path.lexists(address):
        # Whatever its name looks like.
        return RemotePath(LocalFileSystem(), Path(os.path.abspath(address)).as_posix())
    try:
        fs, path = url_to_fs(address)
    except (ImportError, ValueError) as error:
        fs, path = _open_with_pyarrow(address, error)
    return RemotePath(fs, path)


def _open_with_pyarrow(
    address: str, error: Exception
) -> Tuple[fsspec.AbstractFileSystem, str]:
    """pyarrow has some file systems built in for which fsspec needs a package."""
    try:
        from fsspec.implementations.arrow import ArrowFSWrapper
        from pyarrow.fs import FileSystem

        fs, path = FileSystem.from_uri(address)
        return ArrowFSWrapper(fs), path
    except (ImportError, ValueError, OSError) as other:
        reason = f"{error}; pyarrow says: {other}"
        raise ValueError(Errors.E082.format(address=address, reason=reason)) from error


@dataclass(frozen=True)
class InputFile:
    """A file to read.

    location (RemotePath): The file.
    name (str): Its path below the folder that holds all files.
    size (int): Bytes.
    stamp (str): A hash, or the time of the last change, as far as the file system has
        one; else "".
    inode (str): On this machine, something that also changes when a file is replaced by
        one with the same time.
    """

    location: RemotePath
    name: str
    size: int
    stamp: str
    inode: str = ""


def find_files(root: RemotePath, endings: Tuple[str, ...] = ENDINGS) -> List[InputFile]:
    """Find the files of a text.

    root (RemotePath): A file, a folder (with all folders below it) or a glob.
    endings (Tuple[str, ...]): Endings of names, in lower case.
    RETURNS (List[InputFile]): The files with such names, in an order that depends on
        nothing but the names. Hidden files in a folder are skipped.
    """
    if root.is_local:
        base, found = _find_local(Path(root.path))
    else:
        base, found = _find_remote(root)
    files = []
    for path, info in found.items():
        name = str(PurePosixPath(path).relative_to(base))
        hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
        if name.lower().endswith(endings) and (path == root.path or not hidden):
            files.append(InputFile(RemotePath(root.fs, path), name, *info))
    return sorted(files, key=lambda file: PurePosixPath(file.name).parts)


#: By path: size, stamp and inode of a file.
_Found = Dict[str, Tuple[int, str, str]]


def _find_local(path: Path) -> Tuple[str, _Found]:
    """A folder, and files below it. Links to files are followed, links to folders not."""
    if path.is_file():
        base, paths = path.parent, [path]
    elif path.is_dir():
        base, paths = path, _walk(path)
    else:
        parts = path.parts
        fixed = next((i for i, part in enumerate(parts) if glob.has_magic(part)), 0)
        base, paths = Path(*parts[:fixed]), []
        for match in map(Path, glob.glob(str(path), recursive=True) if fixed else []):
            paths += _walk(match) if match.is_dir() else [match]
    found = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            inode = f"{status.st_ctime_ns}-{status.st_ino}"
            found[path.as_posix()] = status.st_size, str(status.st_mtime), inode
    return base.as_posix(), found


def _walk(folder: Path) -> List[Path]:
    return [Path(root, name) for root, _, names in os.walk(folder) for name in names]


def _find_remote(root: RemotePath) -> Tuple[str, _Found]:
    fs, path = root.fs, root.path
    base, infos = path, {}
    if fs.isfile(path):
        base, infos = str(PurePosixPath(path).parent), {path: fs.info(path)}
    elif fs.isdir(path):
        infos = fs.find(path, detail=True)
    elif glob.has_magic(path):
        parts = PurePosixPath(path).parts
        fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
        base = str(PurePosixPath(*parts[:fixed]))
        for match, info in fs.glob(path, detail=True).items():
            folder = info["type"] == "directory"
            infos.update(fs.find(match, detail=True) if folder else {match: info})
    return base, {
        path: (int(info["size"]), _stamp(info), "")
        for path, info in infos.items()
        if info["type"] == "file"
    }


def _stamp(info: Dict[str, Any]) -> str:
    return next((str(info[key]) for key in _STAMPS if info.get(key) is not None), "")


def check_packages(files: Sequence[InputFile]) -> None:
    """Check before the work begins that all files can be decompressed. Only the package
    for zstd may be missing.

    files (Sequence[InputFile]): The files.
    RAISES (ValueError): E061 if a package is missing.
    """
    kinds: Dict[str, InputFile] = {
        os.path.splitext(file.name)[1].lower(): file
        for file in files
        if is_compressed(file.name)
    }
    for file in kinds.values():
        path = file.location.path
        try:
            with file.location.open() as raw:
                compression_wrapper(raw, "rb", filename=path).close()
        except ImportError as error:
            values = {"path": path, "reason": error, "remedy": _NO_ZSTD}
            raise ValueError(Errors.E061.format(**values)) from error
        except Exception:  # noqa: S112  (a damaged file is named when it is read)
            continue


def find_text(source: Optional[Union[str, Path]], section: str) -> List[InputFile]:
    """Find the files of a text that a config names.

    source (Optional[Union[str, Path]]): A file, a folder, a glob, or an address of one.
    section (str): The section of the config, for messages.
    RETURNS (List[InputFile]): See `find_files`.
    RAISES (ValueError): E040 if nothing is there, E060 if no file of text is, E061 if a
        package is missing, E082 if the address is unknown.
    """
    if source is None or not str(source):
        raise ValueError(Errors.E040.format(path=source, name=section))
    root = open_path(source)
    files = find_files(root)
    if not files:
        if not root.exists() and not glob.has_magic(root.path):
            raise ValueError(Errors.E040.format(path=source, name=section))
        values = {"path": source, "name": section, "endings": ", ".join(ENDINGS)}
        raise ValueError(Errors.E060.format(**values))
    check_packages(files)
    return files
