"""The raw text that the language models are trained on."""

from enum import StrEnum
from pathlib import Path
from typing import AbstractSet, Dict, Iterable, Sequence, Tuple

from wasabi import msg

from spacy_ldnet.workflow.documents import (
    Document,
    hold_out,
    paragraphs_of,
    without_paragraphs,
)
from spacy_ldnet.workflow.scripting import write_text

#: Share of the text held out to measure perplexity.
LM_DEV_SHARE = 0.04
# Where more is labelled, the language models read it after all.
MAX_LABELLED_SHARE = 0.5


class LMText(StrEnum):
    """What the language models read of the train documents."""

    unlabelled = "unlabelled"
    all = "all"


def labelled_paragraphs(
    documents: Sequence[Document], chosen: Iterable[Tuple[str, str]]
) -> AbstractSet[str]:
    """What to keep from the language models: the text that the tagger learns from.

    Language models predict the text of their own training too well. The tagger would
    learn to rely on states that other text does not give.

    documents (Sequence[Document]): The train documents.
    chosen (Iterable[Tuple[str, str]]): Document name and paragraph of what is labelled.
    RETURNS (AbstractSet[str]): The paragraphs; none if that is more than half of the
        text, since language models need text more than anything.
    """
    found = {paragraph for _, paragraph in chosen}
    size = sum(document.size for document in documents)
    share = sum(map(len, found)) / size
    if share > MAX_LABELLED_SHARE:
        msg.warn(
            f"{share:.0%} of the text is labelled: the language models read it, too",
            "F1 gains from more text, which need not be labelled.",
        )
        return frozenset()
    return found


def write_lm_text(
    out_dir: Path,
    documents: Sequence[Document],
    seed: int,
    without: AbstractSet[str] = frozenset(),
    more: Sequence[Document] = (),
) -> Dict[str, Dict[str, int]]:
    """Write the LMs' text, a little of it held out by document.

    out_dir (Path): Where `lm_train.txt` and `lm_dev.txt` go.
    documents (Sequence[Document]): All the text the LMs may see.
    seed (int): Decides which documents are held out.
    without (AbstractSet[str]): Paragraphs that they must not be trained on.
    more (Sequence[Document]): More training text. Nothing of it
        is held out, so that the perplexity stays that of the text itself.
    RETURNS (Dict[str, Dict[str, int]]): Documents and paragraphs of each part.
    """
    size = LM_DEV_SHARE * sum(document.size for document in documents)
    rest, held = hold_out(documents, size, seed, "lm_dev")
    rest += without_paragraphs(more, {*paragraphs_of(held)})
    counts = {}
    for name, part in (
        ("lm_train", without_paragraphs(rest, without)),
        ("lm_dev", held),
    ):
        lines = paragraphs_of(part)
        write_text(out_dir / f"{name}.txt", "\n".join(lines) + "\n")
        counts[name] = {"documents": len(part), "paragraphs": len(lines)}
    return counts
