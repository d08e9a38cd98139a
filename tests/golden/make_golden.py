"""Make the golden files: `python tests/golden/make_golden.py FOLDER`, an empty folder.

Run with the version whose files are wanted, never with a later one: see README.md.
"""

import os
import shutil
import sys
from pathlib import Path

import numpy
import spacy
import srsly
from spacy.tokens import Doc

TESTS = Path(__file__).resolve().parents[1]
#: Pipelines, and which of their components has an encoder of its own.
PIPELINES = {
    "full": "ldnet",
    "gated": "ldnet",
    "pruned": "ldnet",
    "inline": "chunker",
    "converted": "ner",
    "transformer": "transformer",
}
LANGUAGE_MODELS = ("lm", "lm_gru", "lm_pruned")
TEXTS = [
    "Ada Lovelace lived in London .",
    "Charles Babbage called Ada Lovelace ; she wrote to New York City .",
    "",
    "Nothing happened",
    "Tarvik-7 «wrote» to Paris, and Ärger\nis 100% large...",
    "the The Ada Lovelace lived in London . x-1 Tarvik " * 4,
]
DIGITS = 4


def predict(nlp):
    """What a pipeline finds in the texts, with numbers rounded.

    RETURNS (dict): Of each text its tokens, entities, chunks, and the vectors that the
        encoder gives; of the last component, if it is a CRF, the scores of the tags.
    """
    found = []
    for text, doc in zip(TEXTS, nlp.pipe(TEXTS)):
        spans = {"ents": doc.ents, **doc.spans}
        row = {"text": text, "words": [token.text for token in doc]}
        for key, group in spans.items():
            row[key] = [[s.label_, s.start, s.end] for s in group]
        found.append(row)
    docs = [Doc(nlp.vocab, words=row["words"]) for row in found]
    for _, pipe in nlp.pipeline[:-1]:
        docs = list(pipe.pipe(docs))
    for row, doc in zip(found, docs):
        row["vectors"] = rounded(vectors_of(doc))
    head = nlp.pipeline[-1][1]
    if nlp.get_pipe_meta(nlp.pipe_names[-1]).factory.startswith("crf_"):
        filled = [i for i, doc in enumerate(docs) if len(doc)]
        scores = head.model.predict([docs[i] for i in filled])
        for i, score in zip(filled, scores):
            found[i]["scores"] = rounded(score)
    return found


def vectors_of(doc):
    """What the shared encoder gives for a doc."""
    if not doc.has_extension("trf_data") or doc._.trf_data is None:
        return doc.tensor
    states = doc._.trf_data.model_output.get("last_hidden_state")
    return [] if states is None else numpy.asarray(states).reshape(-1, states.shape[-1])


def measure(path):
    """The perplexity of language models on their own text, and their cost."""
    from spacy_ldnet.cli.info import info
    from spacy_ldnet.cli.perplexity import perplexity

    text = Path(path).parent / "lm_text.txt"
    facts = info(str(path), speed=False, as_json=True)
    names = ("kept", "words", "parameters", "lm_macs_per_word")
    result = perplexity(model_path=Path(path), text_path=text)
    values = {k: round(v, 3) for k, v in result["perplexity"].items()}
    return {"perplexity": values, **{name: facts[name] for name in names}}


def rounded(values):
    return numpy.asarray(values, dtype="float64").round(DIGITS).tolist()


def make_chunk_examples(nlp):
    """The sentences of the tests, each entity a chunk as well."""
    from toy import make_examples

    examples = make_examples(nlp)
    for example in examples:
        example.reference.spans["chunks"] = list(example.reference.ents)
    return examples


def make_language_models():
    from spacy.util import load_config
    from toy import DEPTH, EMBED, HIDDEN, SENTENCES

    from spacy_ldnet.cli.pretrain import pretrain

    lines = [" ".join(words) for words, _ in SENTENCES]
    Path("lm_text.txt").write_text("\n".join(lines * 8) + "\n", encoding="utf8")
    overrides = {
        "paths.raw_text": "lm_text.txt",
        "paths.dev_text": "lm_text.txt",
        "model.embed": EMBED,
        "model.hidden": HIDDEN,
        "model.depth": DEPTH,
        "model.projection": 8,
        "model.cutoffs": [4],
        "pretraining.batch_size": 4,
        "pretraining.window": 5,
        "pretraining.max_epochs": 5,
        "pretraining.learn_rate.peak": 0.02,
        "pretraining.side_by_side": False,
    }
    for name, unit in (("lm", "lstm"), ("lm_gru", "gru")):
        path = TESTS.parent / "configs" / "lm.cfg"
        config = load_config(path, overrides={**overrides, "model.unit": unit})
        pretrain(config=config, output_path=Path(f"{name}_run"), silent=True)
        shutil.move(f"{name}_run/model-best", name)


def make_pipelines():
    from authors import Authors
    from thinc.api import Config, fix_random_seed
    from toy import (
        PIPELINE,
        WORDS,
        train,
        train_gated,
    )
    from toy_transformer import make_transformer_nlp, set_gates, write_transformer

    from spacy_ldnet.cli.convert import convert
    from spacy_ldnet.loaders import EncoderLoader
    from spacy_ldnet.models.encoder import find_encoders
    from spacy_ldnet.pruning import prune_language_models, prune_saved_pipeline

    def build(heads):
        fix_random_seed(0)
        config = Config().from_str(PIPELINE)
        loader = config["initialize"]["components"]["ldnet"]["encoder_loader"]
        loader["path"] = "lm"
        ner = config["components"]["ner"]
        ner["model"]["tok2vec"]["vectors"] = {"trainable": False}
        ner["model"]["tok2vec"]["chars"]["rows"] = 100
        chunker = {**config.copy()["components"]["ner"], "factory": "crf_chunker"}
        config["components"]["chunker"] = {**chunker, "spans_key": "chunks"}
        config["nlp"]["pipeline"] = ["ldnet", *heads]
        for name in {"ner", "chunker"} - set(heads):
            del config["components"][name]
        nlp = spacy.util.load_model_from_config(config, auto_fill=True)
        table = numpy.random.RandomState(0).randn(len(WORDS), 4).astype("float32")
        for word, row in zip(WORDS, table):
            nlp.vocab.set_vector(word, row)
        # The exceptions of English would be half of all bytes here.
        nlp.tokenizer.rules = {}
        nlp.initialize(lambda: make_chunk_examples(nlp))
        return nlp

    nlp = build(["chunker", "ner"])
    train(nlp, 40, make=make_chunk_examples)
    nlp.to_disk("full")

    nlp = build(["ner"])
    train_gated(nlp, 60)
    nlp.to_disk("gated")
    prune_saved_pipeline(Path("gated"), Path("pruned"))
    prune_language_models(Path("lm"), Path("lm_pruned"), Path("pruned"))

    fix_random_seed(0)
    nlp = spacy.blank("xx")
    encoder = {"@architectures": "spacy-ldnet.LDNetEncoder.v1", "unit": "gru"}
    encoder.update(width=8, embed=6, hidden=5, depth=3)
    model = {"@architectures": "spacy-ldnet.CRFTagger.v1", "tok2vec": encoder}
    chunker = nlp.add_pipe("crf_chunker", config={"model": model})
    EncoderLoader(Path("lm_gru"))(find_encoders(chunker.model)[0])
    nlp.initialize(lambda: make_chunk_examples(nlp))
    train(nlp, 40, make=make_chunk_examples)
    nlp.to_disk("inline")

    authors = Authors(gates=([1.0, 0.0], [0.3, 1.0]))
    authors.save("authors.th")
    convert(Path("authors.th"), Path("converted"), lang="xx")

    nlp = make_transformer_nlp(write_transformer(Path("bert"), layers=2))
    nlp.tokenizer.rules = {}
    set_gates(nlp, [0.7, 0.4])
    nlp.to_disk("transformer")


def make_annotation():
    from annotated import make_rows, write_rows

    from spacy_ldnet.cli.annotate import annotate

    write_rows(Path("rows.jsonl"), make_rows(8))
    annotate("full", "rows.jsonl", "annotated")


def main(target):
    target.mkdir(parents=True, exist_ok=True)
    os.chdir(target)
    make_language_models()
    make_pipelines()
    make_annotation()
    for name in ("lm_run", "lm_gru_run", "bert"):
        shutil.rmtree(name, ignore_errors=True)
    expected = {name: predict(spacy.load(name)) for name in PIPELINES}
    expected.update({name: measure(Path(name).absolute()) for name in LANGUAGE_MODELS})
    srsly.write_json("predictions.json", expected, indent=0)


if __name__ == "__main__":
    for folder in (TESTS, TESTS / "legacy", TESTS / "annotation"):
        sys.path.insert(0, str(folder))
    main(Path(sys.argv[1]).absolute())
