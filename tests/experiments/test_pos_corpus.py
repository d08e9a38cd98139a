"""The Brown corpus' own tags."""

from collections import Counter

import pos_corpus
import pytest
import spacy
from spacy.tokens import DocBin

from spacy_ldnet.workflow.documents import Document
from spacy_ldnet.workflow.scripting import ScriptError

FILE = b"""

\tThe/at-hl jury/nn-hl said/vbd ``/`` naturellement/fw-rb ''/'' ./.


\tJohn/np didn't/dod* go/vb ;/. ;/.
\tNew/jj-tl York/np-tl ,/,-hl 1958/cd
"""


def test_words_tags_and_sentences():
    sentences = list(pos_corpus.read_sentences(FILE.decode()))
    assert [len(s) for s in sentences] == [7, 5, 4]
    assert sentences[0][:2] == [("The", "AT"), ("jury", "NN")]
    assert sentences[0][3:6] == [('"', "``"), ("naturellement", "RB"), ('"', "''")]
    assert sentences[1][1] == ("didn't", "DOD*")
    assert sentences[2][:3] == [("New", "JJ"), ("York", "NP"), (",", ",")]


@pytest.mark.parametrize(
    "tag, plain",
    [("np-tl-hl", "NP"), ("fw-at+np-tl", "AT+NP"), ("nil", "NIL"), ("--", "--")],
)
def test_marks_are_taken_off(tag, plain):
    assert pos_corpus.plain_tag(tag) == plain


def test_a_part_is_written_whole_or_sampled(tmp_path):
    documents = [Document("ca01.txt", ("x",))]
    files = tmp_path / "tagged"
    files.mkdir()
    (files / "ca01").write_bytes(FILE)
    path = tmp_path / "a" / "train.spacy"
    assert pos_corpus.write_part(documents, files, 0, 0, path) == 3
    vocab = spacy.blank("en").vocab
    docs = list(DocBin().from_disk(path).get_docs(vocab))
    tags = Counter(token.tag_ for doc in docs for token in doc)
    assert tags["NP"] == 2 and sum(tags.values()) == 16
    assert docs[0].text.startswith("The jury said")
    assert pos_corpus.write_part(documents, files, 2, 0, path) == 2


def test_other_text_is_named(tmp_path):
    with pytest.raises(ScriptError, match="mine.txt is not a document of the Brown"):
        pos_corpus.write_part(
            [Document("mine.txt", ("x",))], tmp_path, 0, 0, tmp_path / "x"
        )
