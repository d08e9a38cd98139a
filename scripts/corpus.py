"""One form for every corpus: the teacher's, a gold corpus by name, or your own."""

import json
import random
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
)

import spacy
import typer
from corpora.docs import (
    ATTRS,
    find_parts,
    find_sets,
    make_docs,
    mark,
    read_labels,
    read_part,
)
from corpora.gold import GOLD, read_gold
from corpora.lm_text import write_lm_text
from corpora.meta import SPLITS, Counts, print_counts, read_source, write_meta
from corpora.open import NARROWER, open_docs, read_open, read_sources
from spacy.tokens import Doc, DocBin
from wasabi import msg

from spacy_ldnet.errors import Errors, Warnings
from spacy_ldnet.labelled.label_sets import LABEL_SET, read_label_set
from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS
from spacy_ldnet.util import write_files
from spacy_ldnet.workflow.documents import (
    count_sentences,
    read_documents,
    read_more_text,
    take,
)
from spacy_ldnet.workflow.scripting import ScriptError, script_errors, write_bytes

# Docs by part and set; a corpus of one source is one set.
Docs = Dict[str, Dict[str, List[Doc]]]
# Of running text about 45% in English, and at least 20% in most languages; of text in
# another language seldom more than 12%.
FEW_STOP_WORDS = 0.13
# So many paragraphs tell the language.
LANGUAGE_SAMPLE = 500
#: What Docs keep of their `user_data`.
KEPT_DATA = (LABEL_SET, SOFT_TAGS)
#: What the mark in the folder says of who wrote its files.
COMMAND = "scripts/corpus.py"
ANNOTATED = (*(f"{s}.spacy" for s in SPLITS), "lm_train.txt", "lm_dev.txt", "meta.json")


def pass_on(annotated: Path, out_dir: Path, lang: str) -> None:
    """Copy what the `annotate` step wrote.

    annotated (Path): Its folder.
    out_dir (Path): Where to.
    lang (str): Language that the trainings expect.
    RAISES (ScriptError): If a file is missing, or the teacher has another language, or
        files of these names are there that this script did not write.
    """
    missing = [name for name in ANNOTATED if not (annotated / name).is_file()]
    if missing:
        raise ScriptError(
            f"{annotated.as_posix()} lacks {', '.join(missing)}",
            "Run the annotate step first (scripts/annotate.py).",
        )
    meta = json.loads((annotated / "meta.json").read_text("utf-8"))
    if meta["lang"] != lang:
        raise ScriptError(
            f"The teacher's language is '{meta['lang']}', but the trainings' '{lang}'",
            f"Give --vars.lang {meta['lang']} (or --lang), or another teacher.",
        )

    def write(fresh: Path) -> None:
        for name in ANNOTATED:
            (fresh / name).write_bytes((annotated / name).read_bytes())
        (fresh / "tests").mkdir()
        test = (annotated / "test.spacy").read_bytes()
        (fresh / "tests" / "teacher.spacy").write_bytes(test)

    with script_errors(f"The corpus cannot be written to '{out_dir}'"):
        write_files(out_dir, write, command=COMMAND)
    print_counts(meta["splits"])


def read_docs(
    name: str, assets: Path, lang: str, group: int
) -> Tuple[Docs, Dict[str, Any]]:
    """Read train, dev and test of a gold corpus.

    name (str): A corpus known by name, or a folder of the user's own.
    assets (Path): Where the files of known corpora are.
    lang (str): Language of the corpus.
    group (int): At most so many sentences a Doc; 0 for whole documents, and for the
        corpus' own number where none are marked.
    RETURNS (Tuple[Docs, Dict[str, Any]]): The Docs, and what `meta.json` says of them.
    RAISES (ScriptError): If it cannot be read.
    """
    vocab = spacy.blank(lang).vocab
    if name == "open":
        if lang != "en":
            raise ScriptError(Errors.E145.format(lang=lang))
        sets, dropped = read_open(assets / "ner")
        msg.info(
            f"Dropped {dropped['train']} sentences of train that stand in dev or test, "
            f"and {dropped['dev']} of dev that stand in test"
        )
        msg.info(f"Of {' and '.join(NARROWER)} only PER, LOC and ORG are learnt")
        sources = read_sources(assets / "ner")
        return open_docs(vocab, sets, group), {"sources": sources, "dropped": dropped}
    if name in GOLD:
        size = group or GOLD[name].group
        files = read_gold(name, assets)
        docs: Docs = {
            part: {name: [*make_docs(vocab, files[part], size, whole=not group)]}
            for part in SPLITS
        }
        return docs, {"sources": [dict(GOLD[name].source)]}
    folders = find_sets(Path(name))
    docs = {part: {} for part in SPLITS}
    for own, folder in folders.items():
        labels = read_labels(folder)
        for part, path in find_parts(folder).items():
            docs[part][own] = read_part(vocab, path, group)
            if labels is not None:
                mark(docs[part][own], labels)
    return docs, {"sources": [*map(read_source, folders.values())]}


def check_parts(docs: Docs, name: str) -> None:
    """Check what the parts have to do with each other.

    docs (Docs): The Docs.
    name (str): Name of the corpus, for messages.
    RAISES (ScriptError): E140 if dev or test has labels that train does not have; E147
        or E148 if Docs are said to annotate what is nowhere, or less than they do.
    """
    labels: Dict[str, Counter[str]] = {
        part: Counter(ent.label_ for doc in chain(*sets.values()) for ent in doc.ents)
        for part, sets in docs.items()
    }
    texts = {part: [*_sentences(chain(*sets.values()))] for part, sets in docs.items()}
    for part, others in (("dev", ("test",)), ("train", ("dev", "test"))):
        held = set(chain(*(texts[other] for other in others)))
        found = sum(text in held for text in texts[part])
        if found:
            where = " or ".join(others)
            message = Warnings.W060.format(
                found=found, part=part, name=name, others=where
            )
            msg.warn(message)
    for part in ("dev", "test"):
        unknown = sorted(set(labels[part]) - set(labels["train"]))
        if unknown:
            listed = ", ".join(f"{label} ({labels[part][label]})" for label in unknown)
            raise ScriptError(Errors.E140.format(part=part, name=name, labels=listed))
    known = set(labels["train"])
    for part, sets in docs.items():
        for own, members in sets.items():
            check_label_sets(members, known, part=part, name=own)


def check_label_sets(
    docs: Iterable[Doc], known: Set[str], *, part: str, name: str
) -> None:
    """Check what the Docs of a part say of the labels that are annotated in them.

    docs (Iterable[Doc]): The Docs.
    known (Set[str]): The labels that train has.
    part (str): Which part it is, for messages.
    name (str): Whose, for messages.
    RAISES (ScriptError): E147, E148.
    """
    others: Dict[FrozenSet[str], Counter[str]] = {}
    for doc in docs:
        with script_errors(f"The {part} part of '{name}' cannot be used"):
            annotated = read_label_set(doc)
        if annotated is not None:
            found = (ent.label_ for ent in doc.ents if ent.label_ not in annotated)
            others.setdefault(annotated, Counter()).update(found)
    for annotated, counts in others.items():
        where = {"part": part, "name": name}
        if counts:
            listed = ", ".join(f"{label} ({n})" for label, n in sorted(counts.items()))
            labels = ", ".join(sorted(annotated)) or "none"
            message = Errors.E148.format(**where, labels=labels, found=listed)
            raise ScriptError(message)
        if annotated - known:
            message = Errors.E147.format(
                **where,
                labels=", ".join(sorted(annotated - known)),
                known=", ".join(sorted(known)),
            )
            raise ScriptError(message)


def warn_of_language(lines: List[str], lang: str) -> None:
    """Warn if a text does not seem to be in the language.

    lines (List[str]): Its paragraphs.
    lang (str): The language. Some have no list of stop words, and get no warning.
    """
    nlp = spacy.blank(lang)
    step = len(lines) // LANGUAGE_SAMPLE + 1
    docs = map(nlp.make_doc, lines[::step])
    words = [token.is_stop for doc in docs for token in doc if token.is_alpha]
    if not nlp.Defaults.stop_words or not words:
        return
    share = sum(words) / len(words)
    if share < FEW_STOP_WORDS:
        msg.warn(Warnings.W061.format(share=share, lang=lang))


def limit(sets: Mapping[str, List[Doc]], sentences: int) -> Dict[str, List[Doc]]:
    """Choose Docs of one part at random, so that a small run is quick.

    sets (Mapping[str, List[Doc]]): The Docs of each set.
    sentences (int): How many sentences are enough; 0 for all.
    RETURNS (Dict[str, List[Doc]]): The chosen ones, in order. Sets that none is chosen
        of are left out.
    """
    places = [(name, i) for name, docs in sets.items() for i in range(len(docs))]
    if sentences:
        random.Random(0).shuffle(places)
    chosen: Set[Tuple[str, int]] = set()
    total = 0
    for name, i in places:
        if sentences and total >= sentences:
            break
        chosen.add((name, i))
        total += count_sentences(sets[name][i])
    limited = {
        name: [doc for i, doc in enumerate(docs) if (name, i) in chosen]
        for name, docs in sets.items()
    }
    return {name: docs for name, docs in limited.items() if docs}


def _sentences(docs: Iterable[Doc]) -> Iterable[Tuple[str, ...]]:
    """The sentences of Docs, or whole Docs where nothing marks sentences."""
    for doc in docs:
        marked = doc.has_annotation("SENT_START")
        for sentence in doc.sents if marked else [doc]:
            yield tuple(token.text for token in sentence)


def write_part(docs: List[Doc], path: Path) -> Counts:
    """Write the Docs of one part.

    docs (List[Doc]): The Docs; entities and sentence starts are kept, and of their
        `user_data` label sets and soft labels.
    path (Path): The file.
    RETURNS (Counts): What was written.
    """
    counts = Counts(documents=len(docs))
    for doc in docs:
        doc.user_data = {k: v for k, v in doc.user_data.items() if k in KEPT_DATA}
    stored = any(doc.user_data for doc in docs)
    doc_bin = DocBin(attrs=ATTRS, store_user_data=stored)
    for doc in docs:
        doc_bin.add(doc)
        counts.add(doc, count_sentences(doc))
    write_bytes(path, doc_bin.to_bytes())
    return counts


def convert(
    name: str,
    out_dir: Path,
    *,
    assets: Path,
    text: Optional[Path],
    more_text: Optional[Path] = None,
    lang: str = "en",
    group: int = 0,
    seed: int = 0,
    max_documents: int = 0,
    limits: Optional[Mapping[str, int]] = None,
) -> None:
    """Write a gold corpus in the form of the annotated one.

    name (str): A corpus known by name, or a folder of the user's own.
    out_dir (Path): Gets `train/dev/test.spacy`, `lm_train/lm_dev.txt`, `meta.json`, and
        in `tests/` a file for each set that test is made of.
    assets (Path): Where the files of known corpora are.
    text (Optional[Path]): Raw text for the LMs; all of it is used.
    more_text (Optional[Path]): More of it, of which nothing is held out.
    lang (str): Language of the corpus.
    group (int): At most so many sentences a Doc; 0 for whole documents, and for the
        corpus' own number where none are marked.
    seed (int): Decides which documents the LMs hold out.
    max_documents (int): At most so many documents of the text; 0 for all.
    limits (Optional[Mapping[str, int]]): At most so many sentences of a part; 0 for all.
    RAISES (ScriptError): If corpus or text cannot be used, or files of these names are
        there that this script did not write.
    """
    if text is None:
        raise ScriptError(
            f"No raw text for the language models beside '{name}'",
            "Give a folder of .txt files with --text.",
        )
    documents = take(read_documents(text), max_documents, seed)
    more = read_more_text(more_text)
    docs, about = read_docs(name, assets, lang, group)
    if name != "open":  # whose files are known, and whose repeats are dropped
        check_parts(docs, name)
    docs = {part: limit(docs[part], (limits or {}).get(part, 0)) for part in SPLITS}
    texts = [text] if more_text is None else [text, more_text]
    head: Dict[str, Any] = {
        **about,
        "name": name if name in (*GOLD, "open") else Path(name).resolve().name,
        "kind": "gold",
        "lang": lang,
        "sources": [*about["sources"], *map(read_source, texts)],
        "teacher": None,
        "seed": seed,
    }

    def write(fresh: Path) -> None:
        counts = {
            part: write_part([*chain(*sets.values())], fresh / f"{part}.spacy")
            for part, sets in docs.items()
        }
        for tested, members in docs["test"].items():
            write_part(members, fresh / "tests" / f"{tested}.spacy")
        lm = write_lm_text(fresh, documents, seed, more=more)
        write_meta(fresh, head, counts, lm)

    with script_errors(f"The corpus cannot be written to '{out_dir}'"):
        write_files(out_dir, write, command=COMMAND)


def main(
    name: str = typer.Argument(
        ...,
        help="open, teacher, wnut17, wikigold, conll03, or a folder (or one of folders)",
    ),
    out_dir: Path = typer.Argument(..., help="Folder for the parts"),
    annotated: Path = typer.Option(
        Path("corpus/annotated"), help="Output of the annotate step"
    ),
    assets: Path = typer.Option(
        Path("assets"), help="Folder with the project's assets"
    ),
    text: Optional[Path] = typer.Option(
        None, help="Raw text for the LMs beside gold data"
    ),
    more_text: str = typer.Option("", help="More text for the LMs beside gold data"),
    lang: str = typer.Option("en", help="Language of the data"),
    group: int = typer.Option(
        0, min=0, help="At most so many sentences a Doc (0: whole documents)"
    ),
    seed: int = typer.Option(0, help="Decides which text the LMs hold out"),
    max_documents: int = typer.Option(0, min=0, help="Documents of the text (0: all)"),
    max_train: int = typer.Option(0, min=0, help="Sentences of train (0: all)"),
    max_dev: int = typer.Option(0, min=0, help="Sentences of dev (0: all)"),
    max_test: int = typer.Option(0, min=0, help="Sentences of test (0: all)"),
) -> None:
    """Bring any corpus into one form: .spacy parts, text for the LMs, meta.json."""
    try:
        if name == "teacher":
            pass_on(annotated, out_dir, lang)
        else:
            convert(
                name,
                out_dir,
                assets=assets,
                text=text,
                more_text=Path(more_text) if more_text else None,
                lang=lang,
                group=group,
                seed=seed,
                max_documents=max_documents,
                limits={"train": max_train, "dev": max_dev, "test": max_test},
            )
        lines = (out_dir / "lm_train.txt").read_text("utf-8").splitlines()
        warn_of_language(lines, lang)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
