"""Spaces go where they belong, and no character is lost."""

import pytest
from corpora.brown import read_document
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.workflow.detokenize import detokenize, spaces_after

TOKENS = st.lists(
    st.one_of(
        st.sampled_from(list("\"'`,.;:?!()[]$%&/-") + ["``", "''", "--", "n't", "'s"]),
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5),
    ),
    max_size=30,
)


@given(TOKENS)
def test_spaces_lose_no_token(tokens):
    spaces = spaces_after(tokens)
    assert len(spaces) == len(tokens)
    assert not spaces or not spaces[-1]
    text = "".join(token + " " * space for token, space in zip(tokens, spaces))
    assert text.replace(" ", "") == "".join(tokens)
    assert "  " not in text and text == text.strip()


@pytest.mark.parametrize(
    "tokens, text",
    [
        ("He said , `` Go ! '' and left .", 'He said, "Go!" and left.'),
        (
            '" Go , " he said ( twice ) .',
            '"Go, " he said (twice).'.replace(', "', ',"'),
        ),
        (
            "I do n't know Okoro 's dog , he 'd say .",
            "I don't know Okoro's dog, he'd say.",
        ),
        ("the boys ' house", "the boys' house"),
        ("He said ' no ' twice", "He said 'no' twice"),
        ("It cost $ 20 or 50 % more .", "It cost $20 or 50% more."),
        ("at 1 : 10 in 1860 - 70", "at 1:10 in 1860-70"),
        ("it voted no -- and why", "it voted no -- and why"),
        ("counts / minute", "counts/minute"),
        ("a & gt ; b & c", "a &gt; b & c"),
        ("", ""),
    ],
)
def test_detokenize(tokens, text):
    assert detokenize(tokens.split()) == text


def test_brown_document():
    tagged = (
        "\n\n\tThe/at jury/nn said/vbd ``/`` no/at ''/'' ./.\nWhy/wrb ?/. ?/.\n\n\n"
        "\t``/`` Pictures/nns ''/'' ?/. ?/.\nIn/in 1958/cd ,/, ,/, Ivan/np Jr./np ./.\n"
        "It/pps is/bez and/or/cc ;/. ;/.\nso/rb ./.\n"
    )
    assert read_document(tagged).split("\n") == [
        'The jury said "no." Why?',
        '"Pictures?" In 1958, Ivan Jr. It is and/or; so.',
        "",
    ]
