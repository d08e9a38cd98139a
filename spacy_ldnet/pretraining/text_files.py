"""Files of raw text: where they are, and what their names tell."""

import glob
from pathlib import Path, PurePath
from typing import IO, Any, Callable, List, Optional, Sequence, Tuple, Union

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
