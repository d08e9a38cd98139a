"""`ldnet init-config`: what it writes trains unedited, whatever the heads are."""

import re

import numpy
import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.tokens import DocBin
from thinc.api import Config
from toy import check_rate, make_full_examples, write_language_model
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.cli.init_config import EVALUATIONS, HEADS, count_updates
from spacy_ldnet.cli.init_config import init_config as make_config
from spacy_ldnet.lm_directory import META_FILE
from spacy_ldnet.models.encoder import find_encoders

#: Without the tokenizer's exceptions of a real language, which take long to load.
LANG = "xx"
#: Together, what spaCy adds no encoder for, what has no stack, and all.
GROUPS = [
    "crf_ner",
    "senter",
    "textcat,textcat_multilabel",
    "ner,morphologizer",
    ",".join(HEADS),
]
FEW = ["--training.max_steps", 1, "--training.eval_frequency", 1]
READERS = {
    "stack": "spacy-ldnet.StackedTok2Vec.v1",
    "encoder": "spacy.Tok2Vec.v2",
    "none": "spacy.Tok2VecListener.v1",
}


def invoke(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, f"{result.output}\n{result.exception!r}"


def run(*words):
    code, output = invoke(*words)
    assert code == 0, output
    return output


def read(path):
    return Config().from_disk(path, interpolate=False)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with data for every head, and language models."""
    folder = tmp_path_factory.mktemp("init_config")
    nlp = spacy.blank(LANG)
    docs = [example.reference for example in make_full_examples(nlp)]
    # As many as `debug data` and the parser want.
    for name, times in (("train", 20), ("dev", 1)):
        DocBin(docs=docs * times).to_disk(folder / f"{name}.spacy")
    lm = write_language_model(folder / "lm")
    meta = srsly.read_json(lm / META_FILE)
    srsly.write_json(lm / META_FILE, {**meta, "lang": LANG})
    return folder


@pytest.fixture
def here(shelf, tmp_path, monkeypatch):
    """An empty folder beside the data, whose paths are relative."""
    monkeypatch.chdir(tmp_path)
    for name in ("train.spacy", "dev.spacy", "lm"):
        (tmp_path / name).symlink_to(shelf / name)
    return tmp_path


def init_config(heads, *words):
    given = ["--lm", "lm", "--train", "train.spacy", "--dev", "dev.spacy"]
    return run("ldnet", "init-config", "my.cfg", *given, "-p", heads, *words)


@pytest.mark.parametrize("heads", GROUPS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_it_writes_is_complete_and_trains(here, heads):
    commands = init_config(heads, "--prune")
    names = ["tok2vec", *heads.split(",")]
    for name, output in (("my", "training/full"), ("my_prune", "training/gated")):
        file = f"{name}.cfg"
        config = read(file)
        assert config["nlp"]["pipeline"] == names and config["nlp"]["lang"] == LANG
        check_rate(config)
        assert (
            config["training"]["max_steps"] % config["training"]["eval_frequency"] == 0
        )
        assert f"train {file} --output {output}\n" in commands
        # The second one sources what the first one trained.
        run("init", "fill-config", file, "filled.cfg")
        assert (here / "filled.cfg").read_bytes() == (here / file).read_bytes()
        run("train", file, "--output", output, *FEW)
    nlp = spacy.load("training/gated/model-last")
    assert nlp.get_pipe("tok2vec").listening_components == names[1:]
    assert find_encoders(nlp.get_pipe("tok2vec").model)[0].shims[0].cfg["penalty"]
    assert (here / "training/gated/gates.jsonl").exists()
    for name in names[1:]:
        tok2vec = nlp.config["components"][name]["model"]["tok2vec"]
        assert tok2vec["@architectures"] == READERS[HEADS[name].reader]


def test_spacys_commands_find_nothing_wrong_with_it(here):
    init_config(GROUPS[-1])
    assert "Config is valid" in run("debug", "config", "my.cfg")
    assert "can be initialized with data" in run("debug", "data", "my.cfg")
    assert "model looks good" in run("debug", "model", "my.cfg", "tok2vec")


def test_vectors_are_for_the_stacks(here):
    nlp = spacy.blank(LANG)
    nlp.vocab.set_vector("London", numpy.ones(2, dtype="float32"))
    nlp.to_disk("vectors")
    init_config("crf_ner,textcat", "--vectors", "vectors")
    nlp = spacy.util.load_model_from_config(spacy.util.load_config("my.cfg"))
    nlp.initialize(lambda: make_full_examples(nlp))
    (shim,) = nlp.get_pipe("crf_ner").model.layers[0].shims
    assert shim.module.config.vectors == 2
    with pytest.warns(UserWarning, match="W079.*ner, textcat"):
        make_config(lm="lm", pipeline=["ner", "textcat"], vectors="vectors")


def test_updates_and_batches_grow_with_the_text():
    sizes = [count_updates(10**power) for power in range(9)]
    assert sizes == sorted(sizes) and {n % EVALUATIONS for n, _ in sizes} == {0}
    assert (sizes[0], sizes[-1]) == ((100, 150), (20_000, 600))
    # As those that were measured.
    assert (count_updates(4_000), count_updates(500_000)) == ((1100, 150), (4500, 600))


@pytest.mark.parametrize(
    "heads, weight",
    [("crf_ner", 0.01), ("textcat", 1.1), ("crf_ner,tagger", 3.3)],
)
def test_gates_are_penalised_beside_the_size_of_the_loss(here, heads, weight):
    _, gated = make_config(lm="lm", pipeline=heads.split(","))
    assert gated["training"]["batcher"]["size"] == 330
    assert gated["training"]["before_update"]["weight"] == pytest.approx(weight)
    scores = gated["training"]["score_weights"]
    assert scores["ldnet_budget"] == 0.5 == sum(filter(None, scores.values())) / 2


def test_without_data_it_says_what_to_give(here):
    output = run("ldnet", "init-config", "my.cfg", "--lm", "lm")
    assert "my.cfg --output training/full --paths.train train.spacy" in output
    config = read("my.cfg")
    assert config["paths"]["train"] is None and config["training"]["max_steps"] == 2400
    assert config["nlp"]["pipeline"] == ["tok2vec", "crf_ner"]


@pytest.mark.parametrize(
    "words, expected",
    [
        (["-p", "taggr,ner"], "E190.*'taggr'.*Did you mean 'tagger'"),
        (["-p", ""], "E190"),
        (["--lm", "lm_of_nobody"], "E150.*'lm_of_nobody'"),
        (["--lm", "empty"], "E011.*'empty'"),
        (["--train", "empty"], "E129.*'empty'"),
    ],
)
@pytest.mark.filterwarnings("ignore:.W090")
def test_what_cannot_be_used_is_named(here, words, expected):
    (here / "empty").mkdir()
    code, output = invoke("ldnet", "init-config", "my.cfg", "--lm", "lm", *words)
    assert code == 1 and not (here / "my.cfg").exists()
    assert re.search(expected, " ".join(output.split())), output


def test_files_that_are_there_are_kept(here):
    (here / "my_prune.cfg").write_text("mine", encoding="utf8")
    words = ["ldnet", "init-config", "my.cfg", "--lm", "lm"]
    code, output = invoke(*words, "--prune")
    assert code == 1 and "E191" in output and "my_prune.cfg" in output
    assert not (here / "my.cfg").exists()
    run(*words, "--prune", "--force")
    assert (here / "my_prune.cfg").read_text("utf8") != "mine"


def test_language_models_of_another_language(here):
    result = CliRunner().invoke(
        app, ["ldnet", "init-config", "my.cfg", "--lm", "lm", "--lang", "de"]
    )
    assert result.exit_code == 0 and "W078" in result.output
    assert read("my.cfg")["nlp"]["lang"] == "de"
