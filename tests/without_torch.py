"""Run by test_without_torch.py in a process in which torch cannot be imported.

python without_torch.py CHECK ARGUMENT ...
"""

import importlib
import sys
from importlib.metadata import EntryPoints, distribution
from pathlib import Path

sys.modules["torch"] = None

import catalogue  # noqa: E402
import numpy  # noqa: E402
import spacy  # noqa: E402
from spacy.cli._util import app  # noqa: E402
from spacy.tokens import DocBin  # noqa: E402
from spacy.training import Example  # noqa: E402
from thinc.compat import has_torch  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

TESTS = Path(__file__).parent
FACES = ("pipeline", "models", "loaders", "labelled", "cli", "pruning", "runtime")
#: Where there is no torch there are no plugins that require it.
OTHERS = ("spacy_transformers", "spacy_curated_transformers", "thinc_apple_ops")


def imports():
    """Everything that users and entry points name."""
    for name in FACES:
        importlib.import_module(f"spacy_ldnet.{name}")
    for point in distribution("spacy-ldnet").entry_points:
        module, _, name = point.value.partition(":")
        getattr(importlib.import_module(module), name)


def golden(*names):
    """Pipelines predict what they did with torch, and are saved as they were."""
    sys.path.insert(0, str(TESTS / "golden"))
    from test_golden import EXPECTED, check, predict

    for name in names:
        path = TESTS / "golden" / name
        nlp = spacy.load(path)
        check(predict(nlp), EXPECTED[name])
        again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
        check(predict(again), EXPECTED[name])


def toy(path, docs, tensors):
    """Everything that a loaded pipeline does without torch."""
    nlp = spacy.load(path)
    expected = list(DocBin().from_disk(docs).get_docs(nlp.vocab))
    texts = [doc.text for doc in expected]
    docs = list(nlp.pipe(texts))
    ents = [[(e.start, e.end, e.label_) for e in doc.ents] for doc in expected]
    assert sum(map(len, ents)) > 10
    for found in (docs, map(nlp, texts), nlp.pipe(texts, n_process=2, batch_size=30)):
        assert [[(e.start, e.end, e.label_) for e in d.ents] for d in found] == ents
    numpy.testing.assert_allclose(
        numpy.concatenate([doc.tensor for doc in docs]), numpy.load(tensors), atol=1e-5
    )
    saved = Path(path).with_name("again")
    nlp.to_disk(saved)
    for file in Path(path).rglob("model"):
        assert (saved / file.relative_to(path)).read_bytes() == file.read_bytes()
    examples = [Example(doc.copy(), doc) for doc in expected]
    for example in examples:
        example.predicted.ents = ()
    scores = nlp.evaluate(examples)
    assert scores["ents_f"] == 1.0 and 0 < scores["ldnet_density"] <= 1.0
    ner = nlp.get_pipe("ner")
    ner.soft_labels = 0.001
    assert "ldnet_soft_tags" in nlp("Ada lived in London .").user_data
    commands(Path(path))
    refused(nlp, examples)


def commands(path):
    """Commands that only predict; the others say that they need torch."""
    importlib.import_module("spacy_ldnet.cli")
    text, marked, shards = (path.with_name(n) for n in ("in.txt", "out.txt", "shards"))
    text.write_text("Ada Lovelace lived in London .\n", "utf8")
    expected = {
        f"info {path}": "MACs per word",
        f"decode {path} {text} {marked}": "",
        f"annotate {path} {text} {shards}": "",
    }
    for command, output in expected.items():
        run = CliRunner().invoke(app, ["ldnet", *command.split()])
        assert run.exit_code == 0 and output in run.output, run.output
    assert "<" in marked.read_text("utf8") and list((shards / "data").iterdir())
    run = CliRunner().invoke(app, ["ldnet", "perplexity", str(path), str(text)])
    assert run.exit_code == 1 and "E136" in run.output, run.output


def refused(nlp, examples):
    """What needs torch says so, all of it in one way."""
    from spacy_ldnet.pruning import prune_encoder

    encoder = nlp.get_pipe("ldnet").model
    calls = [
        lambda: nlp.update(examples),
        lambda: nlp.initialize(lambda: examples),
        lambda: prune_encoder(encoder),
        lambda: encoder.shims[0].module,
        lambda: nlp.get_pipe("ner").add_label("NEW"),
        lambda: encoder.shims[0].to_device("gpu", 0),
    ]
    for call in calls:
        try:
            call()
        except ValueError as error:
            assert "E136" in str(error) and "spacy-ldnet[train]" in str(error)
        else:
            raise AssertionError("nothing was refused")


def hide_other_plugins():
    every = catalogue.AVAILABLE_ENTRY_POINTS
    points = [point for group in every.groups for point in every.select(group=group)]
    kept = [point for point in points if not point.value.startswith(OTHERS)]
    catalogue.AVAILABLE_ENTRY_POINTS = EntryPoints(kept)


if __name__ == "__main__":
    assert not has_torch
    hide_other_plugins()
    globals()[sys.argv[1]](*sys.argv[2:])
    print("done")
