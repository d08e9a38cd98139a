"""Tag schemes of named entities: which one it is, whether it is kept, and BILUO."""

from enum import StrEnum
from typing import List, Optional, Sequence, Tuple

from spacy.training.iob_utils import iob_to_biluo

Tag = Tuple[str, str]  # prefix and label; ("O", "") outside
OUTSIDE: Tag = ("O", "")


class Scheme(StrEnum):
    """How entities are written as tags; the value is its name in messages."""

    IO = "IO"
    IOB1 = "IOB1"
    IOB2 = "IOB2"
    IOBES = "IOBES"
    BILUO = "BILUO"


PREFIXES = {
    Scheme.IO: "IO",
    Scheme.IOB1: "IOB",
    Scheme.IOB2: "IOB",
    Scheme.IOBES: "IOBES",
    Scheme.BILUO: "BILUO",
}
LETTERS = {"E": "L", "S": "U"}  # from IOBES to BILUO


class TagError(Exception):
    """A tag that breaks its scheme, with its place.

    sentence (int): Which sentence, counted from 0.
    token (int): Which of its tokens, counted from 0.
    reason (str): What is wrong.
    """

    def __init__(self, sentence: int, token: int, reason: str) -> None:
        super().__init__(reason)
        self.sentence = sentence
        self.token = token
        self.reason = reason


def parse_tag(tag: str, sentence: int = 0, token: int = 0) -> Tag:
    """Take a tag apart.

    tag (str): Such as `B-PER`; the label may itself hold hyphens.
    sentence (int): Where it stands, for the error.
    token (int): Where it stands, for the error.
    RETURNS (Tag): Prefix and label.
    RAISES (TagError): If it is no tag of any scheme.
    """
    if tag == "O":
        return OUTSIDE
    prefix, hyphen, label = tag.partition("-")
    if len(prefix) != 1 or prefix not in "BIESLU":
        raise TagError(sentence, token, f"the tag {tag!r} has no known prefix")
    if not hyphen or not label:
        raise TagError(sentence, token, f"the tag {tag!r} has no label")
    return prefix, label


def detect_scheme(sentences: Sequence[Sequence[str]]) -> Scheme:
    """Find the scheme of a whole file by its tags.

    sentences (Sequence[Sequence[str]]): The tags of every sentence.
    RETURNS (Scheme): The scheme. A file of `I-` and `O` alone is plain IO.
    RAISES (TagError): If the tags are of two schemes at once.
    """
    seen = set()
    opens_freely = False  # a B- that IOB1 has no need of
    for i, tags in enumerate(sentences):
        before = OUTSIDE
        for j, tag in enumerate(tags):
            parsed = parse_tag(tag, i, j)
            seen.add(parsed[0])
            if seen & set("ES") and seen & set("LU"):
                reason = f"the tag {tag!r} mixes IOBES and BILUO"
                raise TagError(i, j, reason)
            opens_freely |= parsed[0] == "B" and before[1] != parsed[1]
            before = parsed
    if seen & set("ES"):
        return Scheme.IOBES
    if seen & set("LU"):
        return Scheme.BILUO
    if "B" not in seen:
        return Scheme.IO
    return Scheme.IOB2 if opens_freely else Scheme.IOB1


def to_biluo(tags: Sequence[str], scheme: Scheme, sentence: int = 0) -> List[str]:
    """Check the tags of a sentence and write them in BILUO.

    tags (Sequence[str]): Tags of the scheme.
    scheme (Scheme): The scheme to hold them to.
    sentence (int): Which sentence it is, for the error.
    RETURNS (List[str]): The same entities in BILUO.
    RAISES (TagError): If a tag cannot stand where it stands.
    """
    parsed = [parse_tag(tag, sentence, j) for j, tag in enumerate(tags)]
    before: Optional[Tag] = None
    for j, tag in enumerate(parsed):
        reason = _fault(before or OUTSIDE, tag, scheme)
        if reason:
            raise TagError(sentence, j, f"the tag {tags[j]!r} {reason}")
        before = tag
    if scheme in (Scheme.IOBES, Scheme.BILUO):
        if parsed and parsed[-1][0] in "BI":
            reason = f"the entity of the tag {tags[-1]!r} is not closed"
            raise TagError(sentence, len(tags) - 1, reason)
        return [f"{LETTERS.get(p, p)}-{label}" if label else p for p, label in parsed]
    return iob_to_biluo(list(tags))


def _fault(before: Tag, tag: Tag, scheme: Scheme) -> str:
    """Say why a tag cannot follow another one; an empty string if it can."""
    prefix, label = tag
    if prefix not in PREFIXES[scheme]:
        return f"is not of the scheme {scheme.value}"
    if scheme == Scheme.IO:
        return ""
    if scheme == Scheme.IOB1:
        needless = prefix == "B" and before[1] != label
        return "begins what IOB1 begins with I-" if needless else ""
    if scheme == Scheme.IOB2:
        lost = prefix == "I" and before[1] != label
        return "continues no entity of its label (IOB2 begins with B-)" if lost else ""
    is_open = before[0] in ("B", "I")
    if prefix in "IEL" and not (is_open and before[1] == label):
        return "continues no entity of its label"
    if prefix in "BOSU" and is_open:
        return "comes before the entity is closed"
    return ""
