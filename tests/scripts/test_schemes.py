"""Every scheme gives back the entities that were written in it."""

import pytest
from _schemes import Scheme, TagError, detect_scheme, parse_tag, to_biluo
from hypothesis import given
from hypothesis import strategies as st
from spacy.training.iob_utils import tags_to_entities

SPANS = st.lists(
    st.tuples(st.sampled_from(["", "PER", "creative-work", "B-I"]), st.integers(1, 3)),
    max_size=8,
)


def write(spans, scheme):
    """Write (label, length) runs as tags; an empty label is outside."""
    tags, before = [], ""
    for label, length in spans:
        if not label:
            tags += ["O"] * length
        elif scheme in (Scheme.IOBES, Scheme.BILUO):
            single, last = ("S", "E") if scheme == Scheme.IOBES else ("U", "L")
            inner = "B" + "I" * (length - 2) + last if length > 1 else single
            tags += [f"{prefix}-{label}" for prefix in inner]
        else:
            touches = label == before
            opens = scheme == Scheme.IOB2 or (scheme == Scheme.IOB1 and touches)
            inner = ("B" if opens else "I") + "I" * (length - 1)
            tags += [f"{prefix}-{label}" for prefix in inner]
        before = label
    return tags


def expected(spans):
    """The same runs as (label, first, last)."""
    ents, at = [], 0
    for label, length in spans:
        if label:
            ents.append((label, at, at + length - 1))
        at += length
    return ents


@given(SPANS, st.sampled_from([s for s in Scheme if s != Scheme.IO]))
def test_schemes_give_back_entities(spans, scheme):
    tags = write(spans, scheme)
    assert tags_to_entities(to_biluo(tags, scheme)) == expected(spans)
    # Detection may name another scheme only if the entities are the same.
    assert tags_to_entities(to_biluo(tags, detect_scheme([tags]))) == expected(spans)


@pytest.mark.parametrize(
    "tags, scheme",
    [
        ("O I-PER I-PER O I-LOC", Scheme.IO),
        ("I-PER B-PER O", Scheme.IOB1),
        ("B-PER I-PER B-PER O", Scheme.IOB2),
        ("B-PER E-PER S-LOC", Scheme.IOBES),
        ("B-PER L-PER U-LOC", Scheme.BILUO),
        ("O O", Scheme.IO),
    ],
)
def test_detect_scheme(tags, scheme):
    assert detect_scheme([tags.split()]) == scheme


@pytest.mark.parametrize(
    "tags, scheme, at, reason",
    [
        ("O I-PER", Scheme.IOB2, 1, "continues no entity"),
        ("B-PER I-LOC", Scheme.IOB2, 1, "continues no entity"),
        ("O B-PER", Scheme.IOB1, 1, "begins what"),
        ("B-PER O", Scheme.IOBES, 1, "before the entity is closed"),
        ("O B-PER", Scheme.IOBES, 1, "is not closed"),
        ("E-PER", Scheme.IOBES, 0, "continues no entity"),
        ("U-PER", Scheme.IOBES, 0, "not of the scheme"),
        ("B-PER I-PER L-LOC", Scheme.BILUO, 2, "continues no entity"),
    ],
)
def test_broken_tags(tags, scheme, at, reason):
    with pytest.raises(TagError, match=reason) as err:
        to_biluo(tags.split(), scheme)
    assert err.value.token == at


@pytest.mark.parametrize(
    "tag", ["B", "I-", "X-PER", "BPER", "per", "-", "O-PER", "", "o"]
)
def test_no_tags(tag):
    with pytest.raises(TagError):
        parse_tag(tag)


def test_mixed_schemes_are_refused():
    with pytest.raises(TagError, match="mixes") as err:
        detect_scheme([["O"], ["S-PER", "U-PER"]])
    assert (err.value.sentence, err.value.token) == (1, 1)
