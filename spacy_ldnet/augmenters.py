"""An augmenter for texts in the style of chats and headlines."""

import random
import re
import string
from functools import partial
from typing import Callable, Dict, Iterator, List, Tuple

from spacy.language import Language
from spacy.tokens import Doc, Span, Token
from spacy.training import Example

from .labelled.label_sets import keep_label_set
from .pipeline.soft_labels import SOFT_TAGS
from .util import check_range

#: The first letter of a word, but not a letter after an apostrophe: don't, Ada's.
INITIALS = re.compile(r"(?<![\w'’])\w")
END_MARKS = frozenset((".", "!", "?", "…", "..."))
#: What messages contain in addition to words, each as spaCy tokenizes it.
EMOTICONS = (":)", ":(", ":D", ";)", ":P", "<3", "😂", "😍", "🔥", "🙏", "👍")
INTERJECTIONS = ("lol", "haha", "omg", "ok", "so", "pls", "thx", "hey", "wow", "!!")
LINKS = ("http://t.co/", "https://t.co/", "http://bit.ly/")


def create_style_augmenter_v1(
    *,
    sentences: float = 0.0,
    lower: float = 0.0,
    upper: float = 0.0,
    title: float = 0.0,
    unpunctuated: float = 0.0,
    chat: float = 0.0,
) -> Callable[[Language, Example], Iterator[Example]]:
    """Change some of the training texts to the style of chats and headlines. Other texts
    are chosen in each epoch.

    sentences (float): Share of the texts that are cut into sentences, from 0 to 1. Each
        sentence has the tokens of the annotation, and a style of its own. Texts without
        sentence boundaries, with spans or with soft labels are not cut.
    lower (float): Share of the texts in lower case.
    upper (float): Share of the texts in UPPER CASE.
    title (float): Share of the texts With Every Word Capitalised.
    unpunctuated (float): Share of the texts without the final punctuation mark, in any
        case.
    chat (float): Share of the texts with what short messages have around them, in any
        case: names of users, hashtags, links, emoticons, interjections.
    RETURNS (Callable[[Language, Example], Iterator[Example]]): The augmenter, for
        `[corpora.train.augmenter]`.
    RAISES (ValueError): E013 for a share below 0, or more than 1 in all.
    """
    shares = {"lower": lower, "upper": upper, "title": title}
    apart = {"sentences": sentences, "unpunctuated": unpunctuated, "chat": chat}
    for name, share in {**shares, **apart}.items():
        check_range(name, share, 0 <= share <= 1, "it must be from 0 to 1")
    total = round(sum(shares.values()), 6)
    check_range("lower + upper + title", total, total <= 1, "it must be at most 1")
    return partial(_augment, shares={**shares, **apart})


def _augment(
    nlp: Language, example: Example, *, shares: Dict[str, float]
) -> Iterator[Example]:
    """Yield the example, or its sentences, some of them in another style."""
    gold = example.reference
    whole = _covers_all(gold) or not gold.has_annotation("SENT_START")
    cut = random.random() < shares["sentences"] and not whole
    for part in _split(example) if cut else [example]:
        yield _restyle(part, shares)


def _split(example: Example) -> Iterator[Example]:
    """One example for each sentence of the annotation, of the same tokens."""
    for sentence in example.reference.sents:
        reference = sentence.as_doc()
        words = [token.text for token in reference]
        spaces = [bool(token.whitespace_) for token in reference]
        predicted = Doc(reference.vocab, words=words, spaces=spaces)
        yield _replace(example, predicted, reference)


def _restyle(example: Example, shares: Dict[str, float]) -> Example:
    """The example, or a copy in another style."""
    draw = random.random()
    for name, change in CASES.items():
        if 0 <= draw < shares[name]:
            example = _recase(example, change)
        draw -= shares[name]
    if random.random() < shares["unpunctuated"]:
        example = _without_end(example)
    return _as_message(example) if random.random() < shares["chat"] else example


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


#: Of these styles a text has one at most.
CASES: Dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "title": _capitalise,
}


def _without_end(example: Example) -> Example:
    """The example without its last token, if that is the final punctuation mark.

    Docs with spans or a teacher's soft labels are not changed, because these cover all
    of the tokens.
    """
    reference = example.reference
    docs = (example.predicted, reference)
    last = {doc[-1].text for doc in docs if len(doc) > 1}
    if _covers_all(reference) or len(last) != 1 or not last <= END_MARKS:
        return example
    if reference[-1].ent_type:
        return example
    return _replace(example, *(doc[:-1].as_doc() for doc in docs))


def _as_message(example: Example) -> Example:
    """The example with tokens of short messages before and after it.

    Docs with spans or a teacher's soft labels are not changed.
    """
    if _covers_all(example.reference):
        return example
    words = [token for token in example.reference if token.is_alpha]
    opening, end = _draw_opening(words), _draw_end(words)
    docs = (
        # The types of spaCy do not know the argument.
        Doc.from_docs(  # type: ignore[call-arg]
            [_make_doc(doc, opening), doc, _make_doc(doc, end)], exclude=["user_data"]
        )
        for doc in (example.predicted, example.reference)
    )
    return _replace(example, *docs)


# A word, and the label of the entity that it is, if it is one.
Labelled = Tuple[str, str]


def _draw_opening(words: List[Token]) -> List[Labelled]:
    """Draw the words that a message begins with."""
    draw, user = random.random(), _draw_user(words)
    if draw < 0.3:
        more = [_draw_user(words)] if random.random() < 0.3 else []
        return [("@" + name, "") for name in [user, *more]]
    if draw < 0.5:
        return [("RT", ""), ("@" + user, ""), (":", "")]
    if draw < 0.6:
        return [(user, ""), (":", "")]
    return [(random.choice(INTERJECTIONS), "")] if draw < 0.7 else []


def _draw_end(words: List[Token]) -> List[Labelled]:
    """Draw the words that a message ends with.

    A hashtag repeats a word of the text. If that is an entity of one word, the hashtag is
    an entity, too. It is two tokens, as spaCy tokenizes it, or one, as in many corpora.
    """
    found: List[Labelled] = []
    if random.random() < 0.3:
        found.append((random.choice(EMOTICONS), ""))
    for word in random.sample(words, min(len(words), random.choice((0, 0, 1, 1, 2)))):
        alone = word.ent_iob_ == "B" and (
            word.i + 1 == len(word.doc) or word.nbor().ent_iob_ != "I"
        )
        label = word.ent_type_ if alone else ""
        if random.random() < 0.5:
            found.append(("#" + word.text, label))
        else:
            found += [("#", ""), (word.text, label)]
    outside = [word.text.capitalize() for word in words if word.ent_iob_ == "O"]
    if len(outside) > 1 and random.random() < 0.2:
        found.append(("#" + "".join(random.sample(outside, 2)), ""))
    if random.random() < 0.3:
        letters = random.choices(string.ascii_letters + string.digits, k=8)
        found.append((random.choice(LINKS) + "".join(letters), ""))
    return found


def _draw_user(words: List[Token]) -> str:
    """Draw the name of a user, made of words of the text: `ada_oslo`, `AdaOslo99`."""
    change = random.choice((str.lower, str.capitalize))
    parts = [change(random.choice(words).text) for _ in range(2)] if words else ["user"]
    return random.choice(("", "_")).join(parts) + random.choice(("", "", "1", "99"))


def _make_doc(doc: Doc, words: List[Labelled]) -> Doc:
    """A doc of these words, with entities if the other doc has some annotation of them."""
    made = Doc(doc.vocab, words=[word for word, _ in words])
    if doc.has_annotation("ENT_IOB"):
        ents = [
            Span(made, i, i + 1, label) for i, (_, label) in enumerate(words) if label
        ]
        made.set_ents(ents, default="outside")
    return made


def _covers_all(reference: Doc) -> bool:
    """Whether a doc has annotation that covers all of its tokens."""
    return bool(reference.spans) or SOFT_TAGS in reference.user_data


def _replace(example: Example, predicted: Doc, reference: Doc) -> Example:
    """An example of other tokens, with what the reference of this one knows of its text."""
    reference.cats = dict(example.reference.cats)
    return keep_label_set(Example(predicted, reference), example.reference)
