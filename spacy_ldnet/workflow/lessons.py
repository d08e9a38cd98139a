"""What a teacher with a CRF gives its student to read: text with its tags' probabilities."""

import shutil
from functools import partial
from pathlib import Path
from typing import Iterator, Sequence

from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..pipeline.soft_labels import check_threshold
from ..util import check_output, claim_folder
from .documents import Document, choose, read_more_text
from .scripting import ScriptError, script_errors, write_bytes, write_json
from .teacher import (
    ATTRS,
    annotate,
    input_paths,
    is_work_file,
    load_teacher,
    read_annotated,
)

#: Words that the teacher works on at a time.
BATCH_WORDS = 4096
#: The default lowest tag probability to keep, and share of gold data in the words.
THRESHOLD, GOLD_SHARE = 0.001, 0.5
#: What the mark in the work folder says of who wrote it.
COMMAND = "scripts: labelling"


def make_lessons(
    teacher: str,
    gold: Path,
    text: Path,
    made: Path,
    work: Path,
    *,
    sentences: int,
    threshold: float,
    gold_share: float,
    held_out: Sequence[Path] = (),
) -> None:
    """Let the teacher label raw text, and repeat the gold data beside it.

    teacher (str): An installed pipeline or a folder.
    gold (Path): A .spacy file.
    text (Path): A folder of .txt files, one paragraph a line, or one file.
    made (Path): Folder for gold.spacy, taught.spacy and teacher.json.
    work (Path): Folder for what is labelled so far: an interrupted run goes on with it.
        It is removed at the end.
    sentences (int): How many sentences to label; 0 for all.
    threshold (float): The lowest tag probability to keep.
    gold_share (float): Share of the words of both that gold data should have: it is
        repeated so often, and there once in any case.
    held_out (Sequence[Path]): More .spacy files, whose texts are left out where they
        are paragraphs of the text.
    RAISES (ScriptError): If teacher, gold data or text cannot be used, or the work
        folder is not that of an earlier run.
    """
    once = DocBin().from_disk(gold)
    if not count_words(once):
        raise ScriptError(f"There are no words in {gold}", "Give labelled documents.")
    load = partial(soft_teacher, threshold=threshold)
    nlp = load(teacher)
    held = [Document(str(path), tuple(_texts(path))) for path in held_out]
    chosen = choose(nlp, read_more_text(text, held), sentences, 0)
    options = {"batch_words": BATCH_WORDS, "n_process": 1, "load": load}
    inputs = input_paths(teacher, gold, text, *held_out)
    with (
        script_errors(f"The teacher cannot work in '{work}'"),
        claim_folder(work, COMMAND, inputs=inputs, is_own=is_work_file),
    ):
        manifest = annotate(teacher, chosen, work, **options)
        taught = DocBin(attrs=ATTRS, store_user_data=True)
        for _, doc in read_annotated(nlp, work):
            taught.add(doc)
        write_bytes(made / "taught.spacy", taught.to_bytes())
        wanted = gold_share / (1 - gold_share) * count_words(taught)
        more = repeat(once, round(wanted / count_words(once)))
        write_bytes(made / "gold.spacy", more.to_bytes())
        write_json(made / "teacher.json", manifest["pipeline"])
        check_output(work, COMMAND, is_own=is_work_file)
        shutil.rmtree(work)


def _texts(path: Path) -> Iterator[str]:
    for doc in DocBin().from_disk(path).get_docs(Vocab()):
        yield doc.text


def count_words(data: DocBin) -> int:
    """data (DocBin): Some docs.
    RETURNS (int): Tokens of all of them.
    """
    return sum(len(tokens) for tokens in data.tokens)


def repeat(data: DocBin, times: int) -> DocBin:
    """data (DocBin): Some docs.
    times (int): How often to have them; once if it is below 1.
    RETURNS (DocBin): They, so often.
    """
    docs = list(data.get_docs(Vocab()))
    return DocBin(docs=docs * max(1, times), store_user_data=True)


def soft_teacher(name: str, threshold: float) -> Language:
    """name (str): An installed pipeline or a folder.
    threshold (float): The lowest tag probability to keep.
    RETURNS (Language): It, leaving tag probabilities with each doc.
    RAISES (ScriptError): If it cannot be used, or has no CRF, or the threshold is not
        above 0 and below 1.
    """
    try:
        check_threshold(threshold, name)
    except ValueError as err:
        raise ScriptError("Tag probabilities cannot be kept", str(err)) from err
    nlp = load_teacher(name)
    crfs = [p for p in nlp.pipe_names if nlp.get_pipe_meta(p).factory == "crf_ner"]
    if len(crfs) != 1:
        raise ScriptError(
            f"The teacher '{name}' has {len(crfs)} pipes of the factory crf_ner",
            "Only a CRF gives tag probabilities, and one is wanted: train "
            "configs/trf_crf.cfg, for example. For hard labels alone use any pipeline "
            "and the command annotate.",
        )
    nlp.get_pipe(crfs[0]).soft_labels = threshold  # type: ignore[attr-defined]
    return nlp
