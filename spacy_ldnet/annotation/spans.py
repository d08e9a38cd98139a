"""What a pipeline found in a doc, as plain data."""

from typing import Any, Dict, List

from spacy.tokens import Doc, Span

#: Decimals of a score: more than a float32 near 1 has would be noise.
DECIMALS = 6


def describe_doc(doc: Doc) -> Dict[str, List[Dict[str, Any]]]:
    """doc (Doc): An annotated doc.
    RETURNS (Dict[str, List[Dict[str, Any]]]): "ents": `start` and `end` in characters of
        the text, and `label`; "spans", those of all span groups, by the groups' names:
        `group` as well, and `score`, None where the group's `attrs["scores"]` has none;
        "cats": `label` and `score` of `doc.cats`.
    """
    spans = []
    for group in sorted(doc.spans):
        found = list(doc.spans[group])
        scores = doc.spans[group].attrs.get("scores")
        if scores is None or len(scores) != len(found):
            scores = [None] * len(found)
        for span, score in zip(found, scores):
            spans.append({"group": group, **_describe(span), "score": _round(score)})
    cats = [{"label": k, "score": _round(v)} for k, v in sorted(doc.cats.items())]
    ents = [_describe(ent) for ent in doc.ents]
    return {"ents": ents, "spans": spans, "cats": cats}


def _describe(span: Span) -> Dict[str, Any]:
    return {"start": span.start_char, "end": span.end_char, "label": span.label_}


def _round(score: Any) -> Any:
    return None if score is None else round(float(score), DECIMALS)
