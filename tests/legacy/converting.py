"""What the tests of converted pipelines share."""

import numpy
from authors import SENTENCES
from spacy.cli._util import app
from spacy.tokens import Doc
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.iobes import TagScheme


def make_docs(nlp, sentences):
    return [Doc(nlp.vocab, words=words) for words in sentences]


def emissions(nlp, words, tags):
    """In the order of the authors' tags."""
    name = nlp.pipe_names[-1]
    ours = [*TagScheme(nlp.get_pipe(name).labels).tags, "<s>", "<eof>"]
    (found,) = nlp.get_pipe(name).model.predict(make_docs(nlp, [words]))
    return found[:, [ours.index(tag) for tag in tags]]


def check(nlp, authors):
    tags = sorted(authors.maps["y_map"], key=authors.maps["y_map"].__getitem__)
    for words in SENTENCES:
        expected = authors.emissions(words)[:-1].numpy()
        numpy.testing.assert_allclose(
            emissions(nlp, words, tags), expected, atol=1e-4, rtol=0
        )
    expected = [authors.spans(words) for words in SENTENCES]
    assert any(expected)
    for size in (1, 2, 50):
        docs = nlp.pipe(make_docs(nlp, SENTENCES), batch_size=size)
        found = [[(e.label_, e.start, e.end) for e in doc.ents] for doc in docs]
        assert found == expected


def fails(*args):
    result = CliRunner().invoke(app, ["ldnet", "convert", *map(str, args)])
    assert result.exit_code == 1
    return " ".join(result.output.split())
