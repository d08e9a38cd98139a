"""Running text of a list of tokens."""

import re
from typing import List, Sequence

CLOSING = frozenset(", . ; : ? ! ) ] } '' % ... … ’ ”".split())
OPENING = frozenset("( [ { `` $ £ € “ ‘".split())
NEUTRAL = frozenset("\" '".split())
JOINING = frozenset("- :".split())
CLITIC = re.compile(r"(?i)(n['’]t|['’](s|re|ve|ll|d|m))")
ENTITY = frozenset("amp gt lt quot".split())


def spaces_after(tokens: Sequence[str]) -> List[bool]:
    """Find the tokens of a sentence or a paragraph that a space follows.

    The tokens may follow the Penn Treebank (`` and '' for quotes, n't and 's cut
    off) or any plain scheme; straight quotes are opened and closed in turn.

    tokens (Sequence[str]): The tokens in text order.
    RETURNS (List[bool]): For each token, whether a space follows; False for the last one.
    """
    glued = [False] * (len(tokens) + 1)  # glued[i]: no space before token i
    is_open = dict.fromkeys(NEUTRAL, False)
    for i, token in enumerate(tokens):
        if token in NEUTRAL:
            opens = not is_open[token] and _opens(tokens, i)
            is_open[token] = opens
            glued[i + 1 if opens else i] = True
        elif token in JOINING and _between_digits(tokens, i) or token == "/":
            glued[i] = glued[i + 1] = True
        elif token in CLOSING or CLITIC.fullmatch(token):
            glued[i] = True
        elif token in OPENING:
            glued[i + 1] = True
        elif token == "&" and _is_character_entity(tokens, i):
            glued[i + 1] = True
    return [not glued[i + 1] for i in range(len(tokens) - 1)] + [False] * bool(tokens)


def detokenize(tokens: Sequence[str]) -> str:
    """Join tokens to natural text, with plain straight quotes.

    tokens (Sequence[str]): The tokens in text order.
    RETURNS (str): The text; without its spaces it is the tokens joined, but for
        `` and '', which become straight quotes.
    """
    spaces = spaces_after(tokens)
    text = "".join(t + " " * space for t, space in zip(tokens, spaces))
    return text.replace("``", '"').replace("''", '"')


def _opens(tokens: Sequence[str], i: int) -> bool:
    """Tell whether a straight quote that closes nothing opens a quotation."""
    closed_later = tokens[i] in tokens[i + 1 :]
    if tokens[i] == "'":  # else an apostrophe: the boys ' house
        return closed_later and not (i > 0 and tokens[i - 1].endswith("s"))
    return closed_later or i + 1 < len(tokens)


def _between_digits(tokens: Sequence[str], i: int) -> bool:
    """Tell whether a token stands between two numbers: 1 : 10, 1860 - 70."""
    return 0 < i < len(tokens) - 1 and all(tokens[j].isdigit() for j in (i - 1, i + 1))


def _is_character_entity(tokens: Sequence[str], i: int) -> bool:
    """Tell whether an ampersand begins a cut-up character entity: & gt ;."""
    return (
        i + 2 < len(tokens) and tokens[i + 1].lower() in ENTITY and tokens[i + 2] == ";"
    )
