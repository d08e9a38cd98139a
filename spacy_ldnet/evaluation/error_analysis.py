"""Error analysis: pairs of gold and predicted entities, and the texts with most errors."""

from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span

Entity = Tuple[int, int, str]  # first character, end, label
Pair = Tuple[Optional[Entity], Optional[Entity]]

#: Kinds of outcomes, the right one first.
KINDS = ("right", "label", "boundaries", "both", "missed", "invented")
WORST, LONGEST = 8, 400


@dataclass(frozen=True)
class Gold:
    """A piece of text with its gold entities.

    document (int): Number of its document in the gold data.
    start (int): Its first character in the document.
    text (str): The text.
    entities (List[Entity]): Gold entities, by the document's characters.
    unknown (List[Tuple[int, int]]): Tokens without annotation, by characters.
    """

    document: int
    start: int
    text: str
    entities: List[Entity]
    unknown: List[Tuple[int, int]]


def entities_of(doc: Doc) -> List[Entity]:
    """RETURNS (List[Entity]): The entities of a doc, by its characters."""
    return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


def gold_pieces(docs: Iterable[Doc]) -> List[Gold]:
    """docs (Iterable[Doc]): The gold data, none of them empty.
    RETURNS (List[Gold]): Their sentences if they have some, else the docs as a whole.
    """
    return [
        _read_piece(number, span)
        for number, doc in enumerate(docs)
        for span in _pieces_of(doc)
    ]


def _pieces_of(doc: Doc) -> List[Span]:
    return list(doc.sents) if doc.has_annotation("SENT_START") else [doc[:]]


def _read_piece(number: int, span: Span) -> Gold:
    start, end = span.start_char, span.end_char
    return Gold(
        number,
        start,
        span.text,
        [entity for entity in entities_of(span.doc) if start <= entity[0] < end],
        [(t.idx, t.idx + len(t)) for t in span if t.ent_iob == 0],
    )


def pair_entities(gold: Sequence[Entity], predicted: Sequence[Entity]) -> List[Pair]:
    """Pair each gold entity with the predicted one of the same boundaries, or else with
    the one that shares most characters with it.

    gold (Sequence[Entity]): Gold entities of a text.
    predicted (Sequence[Entity]): Predicted ones.
    RETURNS (List[Pair]): Each entity once; None for what has no partner.
    """
    pairs: List[Pair] = []
    shared = sorted(
        (g[:2] != p[:2], -_overlap(g, p), i, j)
        for (i, g), (j, p) in product(enumerate(gold), enumerate(predicted))
        if _overlap(g, p)
    )
    left, right = set(range(len(gold))), set(range(len(predicted)))
    for *_, i, j in shared:
        if i in left and j in right:
            pairs.append((gold[i], predicted[j]))
            left.remove(i)
            right.remove(j)
    pairs.extend((gold[i], None) for i in sorted(left))
    pairs.extend((None, predicted[j]) for j in sorted(right))
    return pairs


def _overlap(one: Entity, two: Entity) -> int:
    return max(0, min(one[1], two[1]) - max(one[0], two[0]))


def kind_of(pair: Pair) -> str:
    """RETURNS (str): One of `KINDS`."""
    gold, predicted = pair
    if gold is None:
        return "invented"
    if predicted is None:
        return "missed"
    same_label = gold[2] == predicted[2]
    if gold[:2] == predicted[:2]:
        return "right" if same_label else "label"
    return "boundaries" if same_label else "both"


def describe_errors(
    pieces: Sequence[Gold], by_seed: Dict[str, List[List[Entity]]]
) -> Dict[str, Any]:
    """Outcomes and pairs of labels, summed over seeds, and the texts with most errors.

    pieces (Sequence[Gold]): The gold data.
    by_seed (Dict[str, List[List[Entity]]]): Seed -> predicted entities of each document.
    RETURNS (Dict[str, Any]): `seeds`; `kinds`, the number of each outcome; `confusion`,
        the number of each pair of gold and predicted label (null: nothing there); and
        `worst`, texts with gold entities, the predicted ones of the first seed, and
        `errors`, the mean over seeds.
    """
    kinds: Counter = Counter()
    labels: Counter = Counter()
    wrong: Counter = Counter()
    for number, pairs in _all_pairs(pieces, by_seed):
        for pair in pairs:
            kind = kind_of(pair)
            kinds[kind] += 1
            labels[tuple(entity and entity[2] for entity in pair)] += 1
            wrong[number] += kind != "right"
    # Texts that can be read at a glance come first.
    order = sorted(wrong, key=lambda n: (len(pieces[n].text) > LONGEST, -wrong[n], n))
    first = next(iter(by_seed.values()))
    return {
        "seeds": [int(seed) for seed in by_seed],
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "confusion": [
            {"gold": gold, "predicted": predicted, "count": count}
            for (gold, predicted), count in labels.most_common()
        ],
        "worst": [
            {**_show(pieces[n], first), "errors": round(wrong[n] / len(by_seed), 2)}
            for n in order[:WORST]
            if wrong[n]
        ],
    }


def _all_pairs(
    pieces: Sequence[Gold], by_seed: Dict[str, List[List[Entity]]]
) -> Iterator[Tuple[int, List[Pair]]]:
    for predicted in by_seed.values():
        for number, piece in enumerate(pieces):
            found = _within(piece, predicted[piece.document])
            yield number, pair_entities(piece.entities, found)


def _within(piece: Gold, predicted: Sequence[Entity]) -> List[Entity]:
    """Predicted entities that begin in a piece and touch no token without annotation."""
    end = piece.start + len(piece.text)
    return [
        (first, last, label)
        for first, last, label in predicted
        if piece.start <= first < end
        and not any(first < stop and start < last for start, stop in piece.unknown)
    ]


def _show(piece: Gold, predicted: List[List[Entity]]) -> Dict[str, Any]:
    sides = {
        "gold": piece.entities,
        "predicted": _within(piece, predicted[piece.document]),
    }
    shown: Dict[str, Any] = {"text": piece.text}
    for name, entities in sides.items():
        shown[name] = [
            {
                "start": start - piece.start,
                "end": min(end - piece.start, len(piece.text)),
                "label": label,
            }
            for start, end, label in entities
        ]
    return shown
