import subprocess
import sys

import pytest
import spacy

NAMES = [
    ("architectures", "spacy-ldnet.LDNetEncoder.v1"),
    ("architectures", "spacy-ldnet.StackedTok2Vec.v1"),
    ("architectures", "spacy-ldnet.LayerSelectTransformer.v1"),
    ("architectures", "spacy-ldnet.LayerSelectTok2Vec.v1"),
    ("architectures", "spacy-ldnet.CRFTagger.v1"),
    ("architectures", "spacy-ldnet.LanguageModel.v1"),
    ("callbacks", "spacy-ldnet.gate_penalty.v1"),
    ("callbacks", "spacy-ldnet.train_layers.v1"),
    ("callbacks", "spacy-ldnet.load_encoder.v1"),
    ("misc", "spacy-ldnet.EncoderLoader.v1"),
    ("readers", "spacy-ldnet.RawTextCorpus.v1"),
    ("readers", "spacy-ldnet.ColumnCorpus.v1"),
    ("readers", "spacy-ldnet.LabelSetCorpus.v1"),
    ("scorers", "spacy-ldnet.ner_scorer.v1"),
    ("schedules", "spacy-ldnet.one_cycle.v1"),
    ("schedules", "spacy-ldnet.plateau.v1"),
    ("loggers", "spacy-ldnet.GateLogger.v1"),
    ("augmenters", "spacy-ldnet.style_augmenter.v1"),
]


@pytest.mark.parametrize("registry, name", NAMES)
def test_registered_names_resolve(registry, name):
    assert callable(spacy.registry.get(registry, name))


@pytest.mark.parametrize("factory", ["ldnet", "crf_ner", "crf_chunker"])
def test_factories_build_with_their_defaults(factory):
    nlp = spacy.blank("en")
    nlp.add_pipe(factory)
    assert nlp.pipe_names == [factory]


def test_import_is_light():
    code = (
        "import sys, spacy_ldnet; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'spacy', 'thinc')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
