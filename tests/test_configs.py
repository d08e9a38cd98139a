"""The configs, and pipelines made by each of them, in spaCy's own calls and commands."""

from pathlib import Path

import numpy
import pytest
import spacy
from spacy.cli._util import app, parse_config_overrides
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from toy import (
    DEPTH,
    EMBED,
    HIDDEN,
    SENTENCES,
    check_rate,
    make_examples,
    write_language_model,
)
from toy_transformer import write_transformer
from typer.testing import CliRunner
from weasel.util import load_project_config

import spacy_ldnet.cli  # noqa: F401  (adds the commands)

ROOT = Path(__file__).resolve().parents[1]
PROJECTS = (ROOT, ROOT / "experiments")
#: Of configs that are in the repository. `own` makes its own.
CONFIG_PLACES = ("configs/", "../configs/")
CONFIGS = {path.stem: path for path in sorted((ROOT / "configs").glob("*.cfg"))}
TAGGERS = [name for name, path in CONFIGS.items() if "[training]" in path.read_text()]
#: Configs that begin with a trained pipeline, and which one of them makes it.
SOURCES = {
    "prune": "ner",
    "finetune": "ner",
    "unfreeze": "ner",
    "tagger_prune": "tagger",
    "depth_prune": "depth",
    "depth_finetune": "depth",
}
TRANSFORMERS = ("trf", "trf_crf", "depth", "depth_prune", "depth_finetune")
#: `spacy debug model` updates no encoder under another name than "tok2vec".
NOT_DEBUGGED = {
    ("chunk", "chunker"),
    ("direct", "ner"),
    ("finetune", "ner"),
    ("ner", "ner"),
    ("prune", "ner"),
    ("tagger", "tagger"),
    ("tagger_prune", "tagger"),
    ("unfreeze", "ner"),
}


#: Without the tokenizer's exceptions of a real language, which take long to load.
LANG = "xx"


@pytest.mark.parametrize("name", TAGGERS)
def test_the_rate_ends_with_the_training(name):
    check_rate(load_config(CONFIGS[name]))


def test_the_rate_ends_with_every_training_of_the_workflow():
    """With numbers of steps that no config has."""
    names = ["ner_config", "no_lm_config", "prune_config", "peer_config"]
    steps = ["train", "prune", "finetune", "peer", "trf"]
    overrides = {f"vars.{s}_steps": 7000 + i for i, s in enumerate(steps)}
    number, seen = 0, set()
    for name in ("finetune", "unfreeze"):
        for trf in ("trf", "trf_crf"):
            chosen = {"vars.finetune_config": name, "vars.trf_config": trf}
            values = {**overrides, **chosen}
            projects = [load_project_config(p, overrides=values) for p in PROJECTS]
            assert all(projects[0]["vars"][name] in CONFIGS for name in names)
            commands = [command for p in projects for command in p["commands"]]
            for line in (line for c in commands for line in c["script"]):
                if "/transformer.py" in line:  # trains, too
                    line = line.replace(" --config ", " spacy train ")
                found = line.split(" spacy train ")[1:]
                found = [words for words in found if words.startswith(CONFIG_PLACES)]
                if not found:
                    continue
                path, *words = found[0].split()
                words = words[words.index("--gpu-id") + 2 :]
                path = path.removeprefix("../")
                config = load_config(ROOT / path, overrides=parse(words))
                assert config.interpolate()["training"]["max_steps"] >= 7000, line
                check_rate(config)
                seen.add(Path(path).stem)
                number += 1
    assert number == 4 * 12
    assert {"ner", "no_lm", "prune", "finetune", "unfreeze", "cnn", "trf_crf"} < seen


def parse(words):
    # One setting of `teach` is JSON with blanks, which are of no account here.
    starts = [i for i, word in enumerate(words) if word.startswith("--")]
    ends = [*starts[1:], len(words)]
    pairs = [(words[a], " ".join(words[a + 1 : b])) for a, b in zip(starts, ends)]
    flat = [part for key, value in pairs for part in (key, value.strip("'"))]
    return parse_config_overrides(flat, env_var=None)


def examples_of(nlp):
    examples = make_examples(nlp)
    for example in examples:
        example.reference.spans["chunks"] = list(example.reference.ents)
        for token in example.reference:
            token.tag_ = "NNP" if token.text.istitle() else "NN"
    return examples


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with all that the configs name: data, vectors, language models."""
    folder = tmp_path_factory.mktemp("configs")
    nlp = spacy.blank(LANG)
    docs = [example.reference for example in examples_of(nlp)]
    # As many as `debug data` wants.
    for part, times in (("train", 20), ("dev", 1)):
        DocBin(docs=docs * times).to_disk(folder / f"{part}.spacy")
    schemes = str.maketrans("LU", "IB")
    lines = (
        "\n".join(
            f"{word} {tag[0].translate(schemes)}{tag[1:]}" for word, tag in zip(*s)
        )
        for s in SENTENCES * 20
    )
    text = "\n\n".join(lines) + "\n"
    for part in ("train.txt", "dev.txt"):
        (folder / part).write_text(text, encoding="utf8")
    nlp.vocab.set_vector("London", numpy.ones(5, dtype="float32"))
    nlp.to_disk(folder / "vectors")
    write_language_model(folder / "lm")
    return folder


@pytest.fixture(scope="module")
def make(shelf):
    """Makes the pipeline of a config, with language models of toy size, once."""

    def make(name):
        path = shelf / name
        if path.exists():
            return path
        config = load_config(CONFIGS[name])
        ending = "txt" if name == "chunk" else "spacy"
        paths = {
            "train": shelf / f"train.{ending}",
            "dev": shelf / f"dev.{ending}",
            "vectors": shelf / "vectors",
            "lm": shelf / "lm",
            "transformer": shelf / "transformer",
            "gate_log": shelf / "gates.jsonl",
        }
        if name in SOURCES:
            paths["source"] = make(SOURCES[name])
        if name in TRANSFORMERS and not paths["transformer"].exists():
            write_transformer(paths["transformer"], layers=2)
        config["paths"].update({p: str(paths[p]) for p in config["paths"]})
        config["nlp"]["lang"] = LANG
        if "model" in config["components"].get("ldnet", {}):
            sizes = {"embed": EMBED, "hidden": HIDDEN, "depth": DEPTH}
            config["components"]["ldnet"]["model"].update(sizes)
        config.to_disk(shelf / f"{name}.cfg")
        init_nlp(load_config(shelf / f"{name}.cfg")).to_disk(path)
        return path

    return make


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", TAGGERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pipelines_of_every_config_train_on_and_are_debugged(make, shelf, name):
    if name in TRANSFORMERS:
        pytest.importorskip("spacy_transformers")
    nlp = spacy.load(make(name))
    assert nlp.create_optimizer().learn_rate >= 0
    assert set(nlp.update(examples_of(nlp))) == set(nlp.pipe_names)
    assert nlp.resume_training().learn_rate >= 0
    nlp.initialize()
    assert nlp.update(examples_of(nlp))

    filled = shelf / f"{name}-filled.cfg"
    assert run("init", "fill-config", shelf / f"{name}.cfg", filled).exit_code == 0
    result = run("debug", "data", filled)
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    assert "Pipeline can be initialized with data" in result.output
    for pipe in nlp.pipe_names:
        result = run("debug", "model", filled, pipe)
        failed = (name, pipe) in NOT_DEBUGGED
        assert (result.exit_code != 0) == failed, f"{pipe}\n{result.output}"


def test_debug_model_of_a_listener_to_an_encoder_named_tok2vec(make, shelf):
    make("direct")
    text = (shelf / "direct.cfg").read_text("utf8")
    for old, new in (
        ("components.ldnet", "components.tok2vec"),
        ('["ldnet"', '["tok2vec"'),
        ('upstream = "ldnet"', 'upstream = "tok2vec"'),
    ):
        assert old in text
        text = text.replace(old, new)
    path = shelf / "renamed.cfg"
    path.write_text(text, encoding="utf8")
    assert run("init", "fill-config", path, path).exit_code == 0
    for pipe in ("tok2vec", "ner"):
        result = run("debug", "model", path, pipe)
        assert "model looks good" in result.output, (
            f"{result.output}\n{result.exception!r}"
        )
