"""A pipeline that was trained with torch does its work without it."""

import importlib
from importlib.metadata import distribution

import numpy
import pytest
import spacy
from conftest import GOLDEN, PIPELINES, spans_of
from spacy.training import Example
from test_golden import EXPECTED, check, predict

from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.pruning import prune_encoder

FACES = ("pipeline", "models", "loaders", "labelled", "cli", "pruning", "runtime")


def make_examples(nlp, texts):
    """What the pipeline finds as gold; predicted docs have nothing yet."""
    examples = [Example(nlp.make_doc(text), nlp(text)) for text in texts]
    assert any(
        example.reference.ents or example.reference.spans for example in examples
    )
    return examples


def head_of(nlp):
    return nlp.pipeline[-1][1]


def test_everything_that_entry_points_name_is_imported():
    for name in FACES:
        importlib.import_module(f"spacy_ldnet.{name}")
    for point in distribution("spacy-ldnet").entry_points:
        point.load()


@pytest.mark.parametrize("name", PIPELINES)
def test_golden_vectors_and_scores_are_the_same(name):
    nlp = spacy.load(GOLDEN / name)
    check(predict(nlp), EXPECTED[name])
    again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    check(predict(again), EXPECTED[name])


def test_all_ways_to_predict_find_the_same(saved, nlp):
    assert sum(len(spans) for row in saved.spans for spans in row.values()) > 4
    pipes = {
        "call": map(nlp, saved.texts),
        "pipe": nlp.pipe(saved.texts),
        "processes": nlp.pipe(saved.texts, n_process=2, batch_size=30),
    }
    for name, docs in pipes.items():
        assert list(map(spans_of, docs)) == saved.spans, name


def test_vectors_are_those_of_torch(saved, nlp):
    file = saved.path.with_name("tensors.npy")
    if not file.exists():
        pytest.skip("golden pipelines: see above")
    tensors = [doc.tensor for doc in nlp.pipe(saved.texts)]
    assert {type(tensor) for tensor in tensors} == {numpy.ndarray}
    numpy.testing.assert_allclose(
        numpy.concatenate(tensors), numpy.load(file), atol=1e-5
    )


def test_what_is_saved_stays_the_same(saved, nlp, tmp_path):
    nlp.to_disk(tmp_path / "one")
    again = spacy.load(tmp_path / "one")
    again.to_disk(tmp_path / "two")
    files = [p for p in (tmp_path / "one").rglob("*") if p.is_file()]
    assert len(files) > 5
    for file in files:
        name = file.relative_to(tmp_path / "one")
        assert (tmp_path / "two" / name).read_bytes() == file.read_bytes(), name
        # Older versions wrote no checksum.
        if file.name.startswith(("model", "weights")) and saved.path.parent != GOLDEN:
            assert (saved.path / name).read_bytes() == file.read_bytes(), name
    assert list(map(spans_of, again.pipe(saved.texts))) == saved.spans


def test_evaluate(saved, nlp):
    scores = nlp.evaluate(make_examples(nlp, saved.texts))
    found = [scores.get("ents_f"), scores.get("spans_chunks_f")]
    assert 1.0 in found and set(found) <= {1.0, None}
    if "ldnet" in nlp.pipe_names:
        assert 0 < scores["ldnet_density"] <= 1.0


def test_probabilities(saved, nlp):
    head_of(nlp).soft_labels = 0.001
    assert any(key.endswith("soft_tags") for key in nlp(saved.texts[0]).user_data)


def test_what_needs_torch_says_so(saved, nlp):
    examples = make_examples(nlp, saved.texts)
    encoder = find_encoders(nlp.pipeline[0][1].model)[0]
    calls = [
        lambda: nlp.update(examples),
        lambda: nlp.initialize(lambda: examples),
        lambda: prune_encoder(encoder),
        lambda: encoder.shims[0].module,
        lambda: head_of(nlp).add_label("NEW"),
        lambda: encoder.shims[0].to_device("gpu", 0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"E136.*spacy-ldnet\[train\]"):
            call()


def test_networks_that_only_torch_has_say_so():
    with pytest.raises(ValueError, match="E180"):
        spacy.load(GOLDEN / "converted")
