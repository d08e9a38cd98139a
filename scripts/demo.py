"""The page that visualize.py serves; Streamlit runs it anew for every change."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Tuple

import spacy_streamlit
import streamlit
from spacy.language import Language
from spacy.tokens import Doc
from spacy_streamlit.util import load_model

from spacy_ldnet.describe import describe
from spacy_ldnet.evaluation.cost import labels_of, only_entities
from spacy_ldnet.timing import clear_caches, interleave

TEXT = (
    "Ada Lovelace was born in London on 10 December 1815. In 1833 she met Charles "
    "Babbage, whose Analytical Engine the University of Turin heard about in 1840."
)
# Long texts are timed once only.
ROUNDS, LONG = 5, 2000


def title_of(pipeline: str) -> str:
    """RETURNS (str): What a pipeline is called: of training/0/pruned/model-best, pruned."""
    path = Path(pipeline)
    return path.parent.name if path.name in ("model-best", "model-last") else path.name


def run_once(nlp: Language, text: str) -> float:
    """nlp (Language): A pipeline; only what its entities need is run.
    text (str): The text.
    RETURNS (float): Seconds it took, words of earlier runs forgotten.
    """
    with only_entities(nlp):
        clear_caches(nlp)
        start = time.perf_counter()
        nlp(text)
        return time.perf_counter() - start


@streamlit.cache_data(max_entries=100, show_spinner="Reading …")
def analyse(
    pipelines: Tuple[str, ...], text: str
) -> Tuple[Dict[str, Doc], Dict[str, float]]:
    """pipelines (Tuple[str, ...]): Their names.
    text (str): The text.
    RETURNS (Tuple[Dict[str, Doc], Dict[str, float]]): Doc and seconds of each; they
        take turns, so that a busy moment of the machine does not hit one alone.
    """
    loaded = {name: load_model(name) for name in pipelines}
    docs = {name: nlp(text) for name, nlp in loaded.items()}
    runs = {name: partial(run_once, nlp, text) for name, nlp in loaded.items()}
    short = max(map(len, docs.values())) <= LONG
    return docs, interleave(runs, rounds=ROUNDS if short else 1)


def facts_of(nlp: Language) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What is shown of a pipeline beside its entities."""
    facts = describe(nlp)
    if "kept" not in facts:
        return {"layers": "no LD-Net encoder", "MACs a word": "–"}
    layers = [
        f"{direction} {', '.join(map(str, numbers)) or 'none'}"
        for direction, numbers in facts["kept"].items()
    ]
    return {
        "layers": "; ".join(layers),
        "MACs a word": f"{facts['macs_per_word']:,}",
    }


def show(name: str, doc: Doc, seconds: float, labels: List[str]) -> None:
    """name (str): The pipeline.
    doc (Doc): What it made of the text.
    seconds (float): How long that took.
    labels (List[str]): Labels of all pipelines.
    """
    streamlit.subheader(title_of(name))
    streamlit.caption(name)
    streamlit.metric("time for the text", f"{1000 * seconds:,.1f} ms")
    facts = {
        "words a second": f"{len(doc) / seconds:,.0f}",
        **facts_of(load_model(name)),
        "entities": str(len(doc.ents)),
    }
    # Two spaces at the end of a line are Markdown's line break.
    streamlit.markdown("  \n".join(f"**{k}:** {v}" for k, v in facts.items()))
    spacy_streamlit.visualize_ner(
        doc, labels=labels, show_table=False, title="", key=name
    )


def main(pipelines: Tuple[str, ...]) -> None:
    """pipelines (Tuple[str, ...]): Directories or installed packages."""
    streamlit.set_page_config(page_title="spacy-ldnet", layout="wide")
    streamlit.title("What each pipeline finds, and how long it takes")
    text = streamlit.text_area("Text", TEXT, height=120)
    if not text.strip():
        streamlit.info("Type a text to see its entities.")
        return
    docs, seconds = analyse(pipelines, text)
    found = {label for name in pipelines for label in labels_of(load_model(name))}
    labels = sorted(found | {ent.label_ for doc in docs.values() for ent in doc.ents})
    for name, column in zip(pipelines, streamlit.columns(len(pipelines))):
        with column:
            show(name, docs[name], seconds[name], labels)
    streamlit.caption(
        "Time: median of several runs of what the entities need, from the raw text, "
        "one after the other, after one to warm up."
    )


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
