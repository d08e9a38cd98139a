"""Start a tagger from a trained one, whatever labels each has."""

from pathlib import Path
from typing import Any, Callable, Dict, Sequence

import spacy
from spacy.language import Language

from ..errors import Errors
from ..iobes import TagScheme
from ..lm_directory import find_source
from .crf import SequenceLabeller


def create_load_tagger_v1(
    *, path: Path, component: str = "ner"
) -> Callable[[Language], Language]:
    """Load the weights of a trained tagger into a new one with labels of its own, for
    `[initialize.after_init]`. What is below the CRF is taken as a whole. Of the CRF the
    scores of the labels that both have are taken, if there are any. The pipeline's meta
    gets the licence and the sources of the trained one.

    path (Path): Directory of the trained pipeline, or the name of an installed one.
    component (str): Name of the tagger, a `crf_ner` or `crf_chunker`, in both pipelines.
    RETURNS (Callable[[Language], Language]): The callback. It raises E150 if there is no
        such pipeline, E208 if one of both has no such tagger, or their sizes differ.
    """

    def load_tagger(nlp: Language) -> Language:
        trained = spacy.load(find_source(path))
        tagger = _tagger_of(nlp, component, "the new pipeline")
        start_from(tagger, _tagger_of(trained, component, str(path)), str(path))
        for key in ("license", "sources"):
            if trained.meta.get(key):
                nlp.meta[key] = trained.meta[key]
        return nlp

    return load_tagger


def _tagger_of(nlp: Language, name: str, path: str) -> SequenceLabeller:
    if name not in nlp.component_names:
        reason = f"it has no component '{name}' but {', '.join(nlp.component_names)}"
        raise ValueError(Errors.E208.format(path=path, reason=reason))
    pipe = nlp.get_pipe(name)
    if not isinstance(pipe, SequenceLabeller):
        reason = f"its component '{name}' is a {type(pipe).__name__}"
        raise ValueError(Errors.E208.format(path=path, reason=reason))
    return pipe


def start_from(tagger: SequenceLabeller, trained: SequenceLabeller, path: str) -> None:
    """tagger (SequenceLabeller): Gets the weights; initialised, with its own labels.
    trained (SequenceLabeller): The trained tagger.
    path (str): Where it was read, for the error.
    RAISES (ValueError): E208 if their sizes differ.
    """
    ours, theirs = tagger.model, trained.model
    try:
        ours.get_ref("tok2vec").from_bytes(theirs.get_ref("tok2vec").to_bytes())
        shared = shared_tags(tagger.labels, trained.labels)
        if shared:
            ours.attrs["take_tags"](ours, theirs, shared)
    except (ValueError, AttributeError, KeyError) as error:
        reason = f"its tagger has other settings than the new one ({error})"
        raise ValueError(Errors.E208.format(path=path, reason=reason)) from error


def shared_tags(labels: Sequence[str], known: Sequence[str]) -> Dict[int, int]:
    """labels (Sequence[str]): Labels of a tagger.
    known (Sequence[str]): Labels of another one.
    RETURNS (Dict[int, int]): The number of each tag that both have, and its number among
        those of the other; empty if they share no label.
    """
    if not set(labels) & set(known):
        return {}
    places: Any = {tag: i for i, tag in enumerate(TagScheme(tuple(known)).tags)}
    tags = TagScheme(tuple(labels)).tags
    return {i: places[tag] for i, tag in enumerate(tags) if tag in places}
