"""Checks of settings, and files and folders that are written as a whole and never over
those of others.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import srsly
from thinc.compat import has_torch

from .about import __version__
from .errors import Errors, suggest

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: A file in the folders that our commands write: which command, and which files.
MARK_FILE = ".spacy-ldnet.json"
#: Ending of what is being written.
PART = ".part"
#: Names of files that a message shows.
SHOWN = 5
#: Seconds to wait for another process: one that was killed may still be ending.
PATIENCE = 3.0
#: Times that another process may be faster.
ATTEMPTS = 20

#: Whether a file of a folder, by its path in it, is the command's own.
IsOwn = Callable[[str], bool]


def check_range(name: str, value: Any, allowed: bool, reason: str) -> None:
    """name (str): The setting.
    value (Any): Its value.
    allowed (bool): Whether the value is allowed.
    reason (str): What it must be instead.
    RAISES (ValueError): E013 unless `allowed`.
    """
    if not allowed:
        raise ValueError(Errors.E013.format(name=name, value=value, reason=reason))


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """name (str): The setting.
    value (str): Its value.
    choices (Iterable[str]): The values that there are.
    RAISES (ValueError): E013 for any other value. The message suggests the closest one.
    """
    choices = list(choices)
    hint = suggest(value, choices).replace(" Did", " (did").replace("?", "?)")
    reason = f"choose from {', '.join(choices)}{hint}"
    check_range(name, value, value in choices, reason)


def check_dropout(dropout: Optional[float]) -> None:
    """RAISES (ValueError): E013 for a rate outside of [0, 1)."""
    allowed = dropout is None or 0 <= dropout < 1
    check_range("dropout", dropout, allowed, "it must be in [0, 1), or null")


def require_torch(action: str) -> None:
    """action (str): What needs torch, for the message.
    RAISES (ValueError): E136 if torch is not installed.
    """
    if not has_torch:
        raise ValueError(Errors.E136.format(action=action))


@contextmanager
def atomic_write(
    path: Path, *, error: str = Errors.E124, part: Optional[Path] = None
) -> Iterator[Path]:
    """Replace a file by a complete one.

    path (Path): The file; its folder is made if it is missing. A pipe or a device, which
        cannot be replaced, is written directly.
    error (str): The message if it cannot be written, with `path` and `reason`.
    part (Optional[Path]): The file to write first. By default a new one, which no other
        process has.
    YIELDS (Path): The file to write. Afterwards it is renamed, or removed if there was
        an error.
    RAISES (ValueError): E124, or `error`, if it cannot be written. The file that was
        there is unchanged.
    """
    # Of a link the file that it leads to.
    place = Path(os.path.realpath(path))
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        part = part or place.with_name(f".{uuid.uuid4().hex[:12]}{PART}")
        try:
            yield part
            os.replace(part, place)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
    except OSError as err:
        raise ValueError(error.format(path=path, reason=err)) from err


def write_bytes(
    path: Path, data: bytes, *, error: str = Errors.E124, claimed: bool = False
) -> None:
    """Replace a file.

    path (Path): The file; its folder is made if it is missing.
    data (bytes): The content.
    error (str): See `atomic_write`.
    claimed (bool): Whether no other process writes to the folder. What is being written
        then always has the same name, so that killed runs leave one such file at most.
    RAISES (ValueError): E124, or `error`, if it cannot be written.
    """
    part = path.with_name(path.name + PART) if claimed else None
    with atomic_write(path, error=error, part=part) as scratch:
        scratch.write_bytes(data)


def write_json(
    path: Path, data: Any, *, error: str = Errors.E124, claimed: bool = False
) -> None:
    """Replace a JSON file.

    path (Path): See `write_bytes`.
    data (Any): See `json_bytes`.
    error (str): See `write_bytes`.
    claimed (bool): See `write_bytes`.
    RAISES (ValueError): E124, or `error`, if it cannot be written.
    """
    write_bytes(path, json_bytes(data), error=error, claimed=claimed)


def json_bytes(data: Any) -> bytes:
    """data (Any): JSON data.
    RETURNS (bytes): The data with sorted keys, indented.
    """
    return (srsly.json_dumps(data, indent=2, sort_keys=True) + "\n").encode("utf8")


def write_folder(
    output: Path,
    write: Callable[[Path], Any],
    *,
    command: str,
    inputs: Iterable[Path] = (),
    is_own: Optional[IsOwn] = None,
) -> None:
    """Replace a folder by a complete one, if it is the command's own.

    output (Path): The folder.
    write (Callable[[Path], Any]): Makes a folder at a path where none is.
    command (str): The command that writes, such as "ldnet prune".
    inputs (Iterable[Path]): Files and folders that the command reads.
    is_own (Optional[IsOwn]): See `check_output`.
    RAISES (ValueError): E120 to E122 as `check_output`; E124 if it cannot be written.
        The folder that was there is unchanged.
    """
    check_output(output, command, inputs=inputs, is_own=is_own)
    place = Path(output).resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # Below a folder that nobody else has, so that no name can be taken. It is not
        # the folder itself, since others may not read what mkdtemp makes.
        scratch = Path(tempfile.mkdtemp(PART, ".ldnet-", place.parent))
    except OSError as err:
        raise ValueError(Errors.E124.format(path=output, reason=err)) from err
    try:
        fresh = scratch / "new"
        write(fresh)
        fresh.mkdir(exist_ok=True)
        _write_mark(fresh, command, _hash_files(fresh))

        def check(old: Path) -> None:
            _check_files(old, output, command, is_own)

        _swap(fresh, place, scratch, check)
    except OSError as err:
        raise ValueError(Errors.E124.format(path=output, reason=err)) from err
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_files(folder: Path, write: Callable[[Path], Any], *, command: str) -> None:
    """Replace some files in a folder that other commands write to as well.

    folder (Path): The folder; made if it is missing.
    write (Callable[[Path], Any]): Writes the files into an empty folder.
    command (str): The command that writes.
    RAISES (ValueError): E120 or E121 if there are files of these names that the command
        did not write, E122 if this can be no folder, E124 if it cannot be written.
    """
    reason = _obstacle(Path(folder).resolve(), mount_points=True)
    if reason:
        raise ValueError(Errors.E122.format(path=folder, reason=reason))
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(PART, ".ldnet-", folder) as scratch:
            fresh = Path(scratch, "new")
            fresh.mkdir()
            write(fresh)
            _replace_files(Path(folder), fresh, command)
    except OSError as err:
        raise ValueError(Errors.E124.format(path=folder, reason=err)) from err


@contextmanager
def claim_folder(
    output: Path, command: str, *, is_own: IsOwn, inputs: Iterable[Path] = ()
) -> Iterator[None]:
    """Lock a folder that a command fills over several runs.

    output (Path): The folder. It is made and marked if it is missing.
    command (str): The command that writes.
    is_own (IsOwn): See `check_output`.
    inputs (Iterable[Path]): Files and folders that the command reads.
    YIELDS (None): Meanwhile no other process can take it.
    RAISES (ValueError): E120 to E122 as `check_output`, E123 if another process has it,
        E124 if it cannot be written.
    """
    check_output(output, command, inputs=inputs, is_own=is_own)
    try:
        Path(output).mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ValueError(Errors.E124.format(path=output, reason=err)) from err
    with lock_folder(output):
        check_output(output, command, inputs=inputs, is_own=is_own)
        mark = _read_mark(Path(output))
        if mark is None or mark["written_by"] != command:
            _write_mark(Path(output), command, {})
        yield


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes from a folder. The lock ends with this process, however that
    ends. Where the system has no locks nothing happens.

    folder (Path): An existing folder.
    YIELDS (None): Meanwhile the lock is held.
    RAISES (ValueError): E123 if another process has it.
    """
    handle = None
    if fcntl is not None:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
    try:
        if handle is not None:
            _lock(handle, folder)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def check_output(
    output: Path,
    command: str,
    *,
    inputs: Iterable[Path] = (),
    is_own: Optional[IsOwn] = None,
) -> None:
    """Check that a command may write a folder: it is new, or empty, or the command wrote
    all that is in it.

    output (Path): The folder.
    command (str): The command.
    inputs (Iterable[Path]): Files and folders that it reads.
    is_own (Optional[IsOwn]): Whether a file in it is the command's own. By default the
        mark says so, by the names and the hashes of the files.
    RAISES (ValueError): E120 if another wrote the folder, E121 if others have put files
        into it, or changed some, E122 if it cannot be an output at all.
    """
    check_place(output, inputs)
    _check_files(Path(output).resolve(), output, command, is_own)


def check_place(output: Path, inputs: Iterable[Path] = ()) -> None:
    """output (Path): A folder that is to be written.
    inputs (Iterable[Path]): Files and folders that are read.
    RAISES (ValueError): E122 if they are in each other's way, or `output` is no folder,
        or the working directory or a folder around it, or a mount point.
    """
    place, here = Path(output).resolve(), Path.cwd()
    reason = _obstacle(place)
    for path in inputs:
        read = Path(path).resolve()
        if place == read:
            reason = f"the command reads it ('{path}')"
        elif place in read.parents:
            reason = f"'{path}' lies in it, which the command reads"
        elif read in place.parents:
            reason = f"it lies in '{path}', which the command reads"
    if place in (here, *here.parents):
        reason = "it is the working directory, or this lies in it"
    if reason:
        raise ValueError(Errors.E122.format(path=output, reason=reason))


def list_files(folder: Path) -> List[str]:
    """folder (Path): A folder.
    RETURNS (List[str]): Paths in it of all its files, links to folders among them,
        without the mark; sorted.
    """
    found: List[str] = []
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        for name in (*files, *links):
            found.append(Path(root, name).relative_to(folder).as_posix())
    return sorted(name for name in found if name not in (MARK_FILE, MARK_FILE + PART))


def is_part(name: str) -> bool:
    """name (str): Path of a file.
    RETURNS (bool): Whether `atomic_write` left it, in a process that was killed.
    """
    return re.fullmatch(rf"(.*/)?\.[0-9a-f]{{12}}{re.escape(PART)}", name) is not None


def hash_files(files: Iterable[Tuple[str, Path]]) -> str:
    """files (Iterable[Tuple[str, Path]]): Names of files, and the files.
    RETURNS (str): SHA-256 of their names, sizes and contents, in this order.
    """
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def name_some(names: List[str]) -> str:
    """RETURNS (str): The first of the names, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _replace_files(folder: Path, fresh: Path, command: str) -> None:
    mark = _read_mark(folder)
    own = mark is not None and mark["written_by"] == command
    before = mark["files"] if mark is not None and own else {}
    after = _hash_files(fresh)
    there = [name for name in after if os.path.lexists(folder / name)]
    others = [n for n in there if not _is_known(before.get(n), folder / n)]
    if others:
        values = {"path": folder, "command": command, "names": name_some(others)}
        raise ValueError((Errors.E121 if own else Errors.E120).format(**values))
    # A run that is killed in between finds files of either kind, and knows both.
    both = {n: [_hash_file(folder / n), after[n]] for n in there}
    _write_mark(folder, command, {**before, **after, **both})
    for name in after:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(fresh / name, folder / name)
    for name in {*before} - {*after}:
        # Of an earlier call, and no longer part of what is written.
        if _is_known(before[name], folder / name):
            (folder / name).unlink()
    _write_mark(folder, command, after)


def _is_known(hashes: Any, path: Path) -> bool:
    """Whether a file has one of the hashes in a mark."""
    known = hashes if isinstance(hashes, list) else [hashes]
    found = _hash_file(path)
    return found is not None and found in known


def _obstacle(place: Path, mount_points: bool = False) -> str:
    """Say why there can be no folder at a path; empty if there can."""
    for path in (place, *place.parents):
        if path.exists():
            if not path.is_dir():
                return f"'{path}' is a file"
            if path == place and os.path.ismount(path) and not mount_points:
                return "it is a mount point. Give a folder in it"
            return ""
    return ""


def _check_files(
    folder: Path, output: Path, command: str, is_own: Optional[IsOwn]
) -> None:
    for _ in range(ATTEMPTS):
        mark = _read_mark(folder)
        error, names = _find_others(folder, mark, command, is_own)
        if not names:
            return
        # It may have been replaced in between, by another process of this command.
        if _read_mark(folder) == mark:
            break
    values = {"path": output, "command": command, "names": name_some(names)}
    raise ValueError(error.format(**values))


def _find_others(
    folder: Path,
    mark: Optional[Dict[str, Any]],
    command: str,
    is_own: Optional[IsOwn],
) -> Tuple[str, List[str]]:
    """Find the files of others, and the error that they are."""
    files = list_files(folder)
    if mark is None or mark["written_by"] != command:
        return Errors.E120, files
    hashes = mark["files"]
    others = [
        name
        for name in files
        if not (is_own is not None and is_own(name))
        and not _is_known(hashes.get(name), folder / name)
    ]
    return Errors.E121, others


def _read_mark(folder: Path) -> Optional[Dict[str, Any]]:
    """Read a mark; None if there is none that we wrote."""
    try:
        mark = json.loads((folder / MARK_FILE).read_text("utf8"))
    except (OSError, ValueError):
        return None
    known = isinstance(mark, dict) and isinstance(mark.get("written_by"), str)
    return mark if known and isinstance(mark.get("files"), dict) else None


def _write_mark(folder: Path, command: str, files: Dict[str, Any]) -> None:
    mark = {"written_by": command, "spacy_ldnet_version": __version__, "files": files}
    with atomic_write(folder / MARK_FILE, part=folder / (MARK_FILE + PART)) as part:
        part.write_text(json.dumps(mark, indent=2, ensure_ascii=True) + "\n", "utf8")


def _hash_files(folder: Path) -> Dict[str, Optional[str]]:
    return {name: _hash_file(folder / name) for name in list_files(folder)}


def _hash_file(path: Path) -> Optional[str]:
    """SHA-256 of a file; None if it is no file, or cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _swap(
    fresh: Path, place: Path, scratch: Path, check: Callable[[Path], None]
) -> None:
    """Put a new folder where an old one may be. Another process may do so, too."""
    for attempt in range(ATTEMPTS):
        old = scratch / f"old{attempt}"
        with suppress(FileNotFoundError):
            place.rename(old)
        try:
            # Only now can nobody put files into it by its name any more.
            check(old)
            fresh.rename(place)
            return
        except OSError:
            if attempt + 1 == ATTEMPTS:
                raise
            time.sleep(0.01 * attempt)
        finally:
            if old.exists() and not place.exists():
                with suppress(OSError):
                    old.rename(place)


def _lock(handle: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise ValueError(Errors.E123.format(path=folder)) from None
            time.sleep(0.1)
        except OSError:
            return  # A file system without locks
