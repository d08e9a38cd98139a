"""Plain text from a Wikipedia dump: one paragraph a line, for the language models."""

import bz2
import html
import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Iterator
from xml.etree.ElementTree import ParseError, iterparse

import typer
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError

#: Bytes of text in a file, so that several processes can tokenise.
FILE_SIZE = 100_000_000
#: Paragraphs of fewer characters are captions, or left over from tables.
LEAST = 50
ARTICLES = "0"

COMMENTS = re.compile(r"<!--.*?-->", flags=re.DOTALL)
#: What holds no running text.
BLOCKS = re.compile(
    r"<(ref|math|gallery|code|syntaxhighlight|source|score|timeline|nowiki)\b"
    r"(?:[^<>]*/>|.*?</\1\s*>)",
    flags=re.DOTALL | re.IGNORECASE,
)
#: The innermost one; they are taken out from the inside.
TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
TABLE = re.compile(r"\{\|(?:(?!\{\|).)*?\|\}", flags=re.DOTALL)
TAGS = re.compile(r"</?[a-zA-Z][^<>]*>")
#: [[page]], [[page|text]]; a link to a file has others in its caption.
LINK = re.compile(r"\[\[([^\[\]|]*)(?:\|([^\[\]]*))?\]\]")
WEB_LINK = re.compile(r"\[(?:https?:)?//\S+\s*([^\]]*)\]")
EMPHASIS = re.compile(r"'{2,}")
EMPTY = re.compile(r"\(\s*[;,:]*\s*\)")
#: Lists, headings, tables, indented lines.
NO_PARAGRAPH = ("*", "#", ":", ";", "=", "|", "!", "{", "}", "-", "_")


def read_articles(file: IO[bytes]) -> Iterator[str]:
    """file (IO[bytes]): A dump in XML, `pages-articles`.
    YIELDS (str): Wiki text of each article; redirects and other pages are skipped.
    """
    space, text, redirect = "", "", False
    root: Any = None
    for event, node in iterparse(file, events=("start", "end")):
        root = node if root is None else root
        if event == "start":
            continue
        name = node.tag.rpartition("}")[2]
        if name == "ns":
            space = node.text or ""
        elif name == "redirect":
            redirect = True
        elif name == "text":
            text = node.text or ""
        elif name == "page":
            if space == ARTICLES and not redirect:
                yield text
            space, text, redirect = "", "", False
            # What has been read is not kept.
            root.clear()


def read_paragraphs(text: str) -> Iterator[str]:
    """text (str): Wiki text.
    YIELDS (str): Its paragraphs, as a reader sees them.
    """
    text = BLOCKS.sub("", COMMENTS.sub("", text))
    for pattern, instead in ((TEMPLATE, ""), (TABLE, ""), (LINK, _link_text)):
        before = None
        while text != before:
            before, text = text, pattern.sub(instead, text)
    text = EMPHASIS.sub("", WEB_LINK.sub(r"\1", TAGS.sub("", text)))
    text = html.unescape(text)
    for line in text.splitlines():
        line = " ".join(EMPTY.sub("", line).split())
        if not line.startswith(NO_PARAGRAPH) and len(line) >= LEAST:
            yield line


def _link_text(link: "re.Match[str]") -> str:
    """A link with a colon leads to a file, a category or another language."""
    page, text = link[1], link[2]
    if ":" in page.strip(":"):
        return ""
    return page if text is None else text.rpartition("|")[2]


def extract(dump: Path, out_dir: Path, max_mb: int = 0) -> None:
    """Write the articles' paragraphs as text files.

    dump (Path): The dump, `.xml` or `.xml.bz2`.
    out_dir (Path): Folder for the files; made if need be.
    max_mb (int): Stop after so many MB of text; 0 for all of it.
    RAISES (ScriptError): If it cannot be read, or has no articles.
    """
    if not dump.is_file():
        raise ScriptError(f"No file '{dump}'", "Download it first.")
    out_dir.mkdir(parents=True, exist_ok=True)
    begun, articles, size, files = time.monotonic(), 0, 0, 0
    with ExitStack() as stack:
        try:
            opened = bz2.open(dump) if dump.suffix == ".bz2" else dump.open("rb")
            for article in read_articles(stack.enter_context(opened)):
                text = "".join(f"{line}\n" for line in read_paragraphs(article))
                if text and size >= files * FILE_SIZE:
                    files += 1
                    path = out_dir / f"wikipedia-{files:03}.txt"
                    file = stack.enter_context(path.open("w", encoding="utf8"))
                if text:
                    file.write(text)
                    articles += 1
                    size += len(text.encode("utf8"))
                if max_mb and size >= max_mb * 1_000_000:
                    break
        except (OSError, EOFError, ParseError) as error:
            hint = f"What was read before is in {out_dir}. Download it again: {error}"
            raise ScriptError(f"'{dump}' ends early or is damaged", hint) from error
    if not articles:
        raise ScriptError(f"'{dump}' has no articles", "Give pages-articles.xml.bz2.")
    seconds = time.monotonic() - begun
    done = f"{articles:,} articles, {size / 1e6:,.1f} MB of text in {seconds:,.0f} s"
    msg.good(done, out_dir)


def main(
    # fmt: off
    dump: Path = typer.Argument(..., help="pages-articles.xml.bz2 of any language"),
    out_dir: Path = typer.Argument(..., help="Folder for the text"),
    max_mb: int = typer.Option(
        0, help="Stop after so many MB of text; 0 for all of it"
    ),
    # fmt: on
) -> None:
    """Turn a Wikipedia dump into .txt files of 100 MB, one paragraph a line."""
    try:
        extract(dump, out_dir, max_mb)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
