"""The glossary of plain English, for code and for pages."""

import re

#: What not to write, and what to write instead.
GLOSSARY = {
    r"pre-?trained on\b": "continued pretraining",
    r"trained on by (it|them)sel": "continued training",
    r"(begin|begins|began|begun) anew": "start over",
    r"go(es)? on (from|with)|gone on with": "resume, continue",
    r"\bmend(s|ed|ing)?\b|put(s)? right": "fix",
    r"for want of": "because there is no",
    r"of its own accord": "by itself",
    r"\bbesides?\b": "next to, compared with, in addition to",
    r"(is|are|was|were) another( one)?( than)?\b": "differs",
    r"(left|leave|leaves|leaving) out\b|(leave|leaves) (it|them) out|pass(es|ed)? over": "skip",
    r"also packed|packed (as|files?|texts?)\b": "compressed",
    r"foresee": "predict",
    r"what (came|comes|becomes|became) of": "the result",
    r"(labels?|labelled) (by|of) people": "human labels",
    r"(is|are|be) worth\b": "gains",
    r"t(old|ell) apart": "distinguish",
    r"half a character": "unpaired surrogate",
    r"\bby heart\b": "overfit, memorize",
    r"\bparted by\b": "separated by",
    r"(within|by|than) chance": "not significant",
    r"want of memory": "out of memory",
    r"(?<!the )\b(text|token|tag|layer|gate|line|row|column|value|number|score|boolean|"
    r"window|accumulate|symbol|vector)s? an? (kept )?(line|direction|token|tag|word|"
    r"sentence|doc|document|sequence|layer|character)\b(?! (may|can|must|has))": "one text per line",
}


def find_faults(text):
    plain = " ".join(text.split())
    for pattern, better in GLOSSARY.items():
        found = re.search(pattern, plain, re.IGNORECASE)
        if found:
            yield f"{found[0]!r} (write: {better}) in {plain[:200]!r}"
