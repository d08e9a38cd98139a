"""An augmenter for texts in the style of chats and headlines."""

import random
import re
from functools import partial
from typing import Callable, Iterator

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from .labelled.label_sets import keep_label_set
from .pipeline.soft_labels import SOFT_TAGS
from .util import check_range

#: The first letter of a word, but not a letter after an apostrophe: don't, Ada's.
INITIALS = re.compile(r"(?<![\w'’])\w")
END_MARKS = frozenset((".", "!", "?", "…", "..."))


def create_style_augmenter_v1(
    *,
    lower: float = 0.0,
    upper: float = 0.0,
    title: float = 0.0,
    unpunctuated: float = 0.0,
) -> Callable[[Language, Example], Iterator[Example]]:
    """Change some of the training texts to the style of chats and headlines. Other texts
    are chosen in each epoch.

    lower (float): Share of the texts in lower case, from 0 to 1.
    upper (float): Share of the texts in UPPER CASE.
    title (float): Share of the texts With Every Word Capitalised.
    unpunctuated (float): Share of the texts without the final punctuation mark, in any
        case.
    RETURNS (Callable[[Language, Example], Iterator[Example]]): The augmenter, for
        `[corpora.train.augmenter]`.
    RAISES (ValueError): E013 for a share below 0, or more than 1 in all.
    """
    shares = {"lower": lower, "upper": upper, "title": title}
    for name, share in {**shares, "unpunctuated": unpunctuated}.items():
        check_range(name, share, 0 <= share <= 1, "it must be from 0 to 1")
    total = round(sum(shares.values()), 6)
    check_range("lower + upper + title", total, total <= 1, "it must be at most 1")
    return partial(
        _augment, lower=lower, upper=upper, title=title, unpunctuated=unpunctuated
    )


def _augment(
    nlp: Language,
    example: Example,
    *,
    lower: float,
    upper: float,
    title: float,
    unpunctuated: float,
) -> Iterator[Example]:
    """Yield the example, or a copy in another style."""
    draw = random.random()
    if draw < lower:
        example = _recase(example, str.lower)
    elif draw < lower + upper:
        example = _recase(example, str.upper)
    elif draw < lower + upper + title:
        example = _recase(example, _capitalise)
    if random.random() < unpunctuated:
        example = _without_end(example)
    yield example


def _recase(example: Example, change: Callable[[str], str]) -> Example:
    """The same tokens and annotation in another case."""
    docs = (_rewrite(doc, change) for doc in (example.predicted, example.reference))
    return Example(*docs)


def _rewrite(doc: Doc, change: Callable[[str], str]) -> Doc:
    """A copy of a doc with a changed text of the same length.

    A character that would become several, such as ß, is not changed, so all offsets
    remain valid.
    """
    data = doc.to_dict()
    text = change(data["text"])
    if len(text) != len(data["text"]):
        pairs = ((c, change(c)) for c in data["text"])
        text = "".join(new if len(new) == 1 else old for old, new in pairs)
    data["text"] = text
    return Doc(doc.vocab).from_dict(data)


def _capitalise(text: str) -> str:
    return INITIALS.sub(lambda found: found[0].upper(), text)


def _without_end(example: Example) -> Example:
    """The example without its last token, if that is the final punctuation mark.

    Docs with spans or a teacher's soft labels are not changed, because these cover all
    of the tokens.
    """
    reference = example.reference
    whole = bool(reference.spans) or SOFT_TAGS in reference.user_data
    last = {doc[-1].text for doc in (example.predicted, reference) if len(doc) > 1}
    if whole or len(last) != 1 or not last <= END_MARKS or reference[-1].ent_type:
        return example
    shorter = [doc[:-1].as_doc() for doc in (example.predicted, reference)]
    shorter[1].cats = dict(reference.cats)
    return keep_label_set(Example(*shorter), reference)
