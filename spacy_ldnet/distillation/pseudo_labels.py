"""Pseudo-labels: text that a teacher with a CRF has labelled, with the probabilities of
its tags, and gold data next to it.
"""

import hashlib
import heapq
import shutil
from functools import partial
from pathlib import Path
from typing import AbstractSet, Iterator, List, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..errors import Errors
from ..labelled.corpus import count_sentences
from ..pipeline.soft_labels import check_threshold
from ..pretraining.readers import create_raw_text_corpus_v1
from ..sharding.progress import TextReport
from ..util import check_output, claim_folder, write_bytes, write_folder, write_json
from .teacher import (
    ATTRS,
    input_paths,
    is_work_file,
    label_texts,
    load_teacher,
    read_labelled,
)

#: The default lowest tag probability to keep, and share of gold data in the words.
THRESHOLD, GOLD_SHARE = 0.001, 0.5
#: What the mark in a folder says of who wrote it.
COMMAND, WORK = "ldnet teach", "ldnet teach: labelling"
#: Files in the folder: the gold data, and the pseudo-labels.
GOLD_FILE, PSEUDO_FILE = "gold.spacy", "taught.spacy"


def teach(
    teacher: str,
    gold: Path,
    text: Path,
    output: Path,
    *,
    sentences: int = 20_000,
    threshold: float = THRESHOLD,
    gold_share: float = GOLD_SHARE,
    held_out: Sequence[Path] = (),
    seed: int = 0,
    report: Optional[TextReport] = None,
) -> Tuple[int, int, int]:
    """Let a teacher label raw text for a student, and repeat the gold data next to it.
    An interrupted call resumes with the next one.

    teacher (str): A pipeline with a crf_ner: an installed package or a directory.
    gold (Path): The labelled training data (.spacy).
    text (Path): Raw text: a file or a folder of .txt (one text per line) or .jsonl.
    output (Path): Folder for `gold.spacy`, `taught.spacy` and `teacher.json`: [paths]
        train of a student.
    sentences (int): Number of sentences to label; 0 for all.
    threshold (float): The lowest tag probability to keep.
    gold_share (float): Share of the gold data in all words: it is repeated so often, at
        least once.
    held_out (Sequence[Path]): More .spacy files, whose texts are not labelled.
    seed (int): Decides which texts are labelled.
    report (Optional[TextReport]): Called with the progress now and then.
    RETURNS (Tuple[int, int, int]): Words of gold data, labelled words, and entities
        found in them.
    RAISES (ValueError): E102 for the threshold, E120 to E124 for the output, E183 for
        the teacher, E187 if there is no gold data or no text.
    """
    counts: List[Tuple[int, int, int]] = []

    def write(fresh: Path) -> None:
        found = write_pseudo_labels(
            *(teacher, gold, text, fresh),
            output.parent / f"{output.name}.labelling",
            sentences=sentences,
            threshold=threshold,
            gold_share=gold_share,
            held_out=held_out,
            seed=seed,
            report=report,
        )
        counts.append(found)

    inputs = input_paths(teacher, gold, text, *held_out)
    write_folder(output, write, command=COMMAND, inputs=inputs)
    return counts[0]


def write_pseudo_labels(
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
    seed: int = 0,
    report: Optional[TextReport] = None,
) -> Tuple[int, int, int]:
    """The same as `teach`, but the caller takes care of the folders.

    made (Path): The folder to write.
    work (Path): Folder for finished work, from which an interrupted call resumes. It is
        removed at the end.
    """
    once = DocBin().from_disk(gold) if gold.is_file() else DocBin()
    if not count_words(once):
        reason = f"there are no words in '{gold}'. Give labelled documents (.spacy)"
        raise ValueError(Errors.E187.format(reason=reason))
    load = partial(soft_teacher, threshold=threshold)
    nlp = load(teacher)
    held = {text.strip() for path in held_out for text in _texts(path)}
    chosen = choose_texts(text, nlp, sentences, seed=seed, without=held)
    named = (("taught", text) for text in chosen)
    inputs = input_paths(teacher, gold, text, *held_out)
    with claim_folder(work, WORK, inputs=inputs, is_own=is_work_file):
        manifest = label_texts(teacher, named, work, load=load, report=report)
        taught = DocBin(attrs=ATTRS, store_user_data=True)
        n_entities = 0
        for _, doc in read_labelled(nlp, work):
            taught.add(doc)
            n_entities += len(doc.ents)
        wanted = gold_share / (1 - gold_share) * count_words(taught)
        repeated = repeat(once, round(wanted / count_words(once)))
        write_bytes(made / PSEUDO_FILE, taught.to_bytes())
        write_bytes(made / GOLD_FILE, repeated.to_bytes())
        write_json(made / "teacher.json", manifest["pipeline"])
        check_output(work, WORK, is_own=is_work_file)
        shutil.rmtree(work)
    return count_words(repeated), count_words(taught), n_entities


def _texts(path: Path) -> Iterator[str]:
    for doc in DocBin().from_disk(path).get_docs(Vocab()):
        yield doc.text


def choose_texts(
    path: Path,
    nlp: Language,
    sentences: int,
    *,
    seed: int = 0,
    without: AbstractSet[str] = frozenset(),
) -> List[str]:
    """Choose texts at random until they have enough sentences. The text is read once, and
    may be of any size.

    path (Path): A file or a folder of .txt (one text per line) or .jsonl.
    nlp (Language): Its tokenizer counts.
    sentences (int): Number of sentences that is enough; 0 for all texts.
    seed (int): Decides which. A smaller number of sentences is a part of a larger one.
    without (AbstractSet[str]): Texts that are not taken.
    RETURNS (List[str]): The texts, each once; in random order, or all in their own.
    RAISES (ValueError): E187 if there is no text; E060 and E061, see `RawTextCorpus`.
    """
    if not path.exists():
        raise ValueError(Errors.E187.format(reason=f"there is no text at '{path}'"))
    chosen: List[str] = []
    # The texts of the lowest ranks, the highest of them first.
    heap: List[Tuple[int, int, str]] = []
    seen, total = set(), 0
    for example in create_raw_text_corpus_v1(path)(nlp):
        doc = example.reference
        text = doc.text.strip()
        digest = hashlib.sha256(f"{seed}:{text}".encode("utf8", "surrogatepass"))
        rank = int.from_bytes(digest.digest()[:8], "big")
        if text in without or rank in seen:
            continue
        seen.add(rank)
        if not sentences:
            chosen.append(text)
            continue
        count = count_sentences(doc)
        heapq.heappush(heap, (-rank, count, text))
        total += count
        while heap and total - heap[0][1] >= sentences:
            total -= heapq.heappop(heap)[1]
    chosen = chosen or [text for _, _, text in sorted(heap, reverse=True)]
    if not chosen:
        reason = f"every text in '{path}' is held out, or there is none"
        raise ValueError(Errors.E187.format(reason=reason))
    return chosen


def count_words(data: DocBin) -> int:
    """data (DocBin): Some docs.
    RETURNS (int): Number of tokens in them.
    """
    return sum(len(tokens) for tokens in data.tokens)


def repeat(data: DocBin, times: int) -> DocBin:
    """data (DocBin): Some docs.
    times (int): How often to have them; below 1 counts as 1.
    RETURNS (DocBin): The docs, repeated.
    """
    docs = list(data.get_docs(Vocab()))
    return DocBin(docs=docs * max(1, times), store_user_data=True)


def soft_teacher(name: str, threshold: float) -> Language:
    """name (str): An installed package or a directory.
    threshold (float): The lowest tag probability to keep.
    RETURNS (Language): The pipeline, which keeps tag probabilities with each doc.
    RAISES (ValueError): E102 if the threshold is not above 0 and below 1, E183 if the
        pipeline cannot be used, or has no CRF.
    """
    check_threshold(threshold, name)
    nlp = load_teacher(name)
    crfs = [p for p in nlp.pipe_names if nlp.get_pipe_meta(p).factory == "crf_ner"]
    if len(crfs) != 1:
        reason = (
            f"it has {len(crfs)} pipes of the factory crf_ner, but one is needed: only a "
            "CRF gives tag probabilities. Train one with `python -m spacy ldnet "
            "init-config`. For labels without probabilities use any pipeline and `python "
            "-m spacy ldnet annotate`"
        )
        raise ValueError(Errors.E183.format(name=name, reason=reason))
    nlp.get_pipe(crfs[0]).soft_labels = threshold  # type: ignore[attr-defined]
    return nlp
