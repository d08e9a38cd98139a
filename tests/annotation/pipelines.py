"""A pipeline whose worst documents are known."""

import os
import signal
import time
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc, SpanGroup


@Language.component("test_chunks")
def find_chunks(doc):
    """Spans with scores, a category, and something of the user's."""
    spans = [doc[token.i : token.i + 1] for token in doc if token.is_title]
    scores = [1 / (2 + span.start) for span in spans]
    doc.spans["chunks"] = SpanGroup(
        doc, name="chunks", spans=spans, attrs={"scores": scores}
    )
    doc.cats["long"] = float(len(doc) > 8)
    doc.user_data["ldnet_length"] = len(doc)
    return doc


@Language.component("test_troubles")
def make_trouble(doc):
    """Fail, end the process always, or end it once, as the text says."""
    text = doc.text
    if "POISON" in text:
        raise RuntimeError("no antidote\nfor this")
    if "KILL" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "ONCE=" in text:
        mark = Path(text.partition("ONCE=")[2].split()[0])
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if "SLEEP" in text:
        time.sleep(0.2)
    return doc


def load(path):
    """Importing this module has registered the components."""
    return spacy.load(path)


def words_only(doc):
    """What a run may be told to write instead of the docs."""
    return Doc(doc.vocab, words=[token.text for token in doc])
