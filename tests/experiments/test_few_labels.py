"""Few labels: a real, tiny study, which resumes, and its table."""

import few_labels
import numpy
import pytest
import spacy
import srsly
from few_labels import Cell, Study, make_table, read_sentences
from spacy.cli.init_config import init_config
from spacy.tokens import DocBin
from spacy.training.pretrain import pretrain
from toy import shim_of
from typer.testing import CliRunner

from spacy_ldnet.workflow.scripting import ScriptError


def run(*words):
    return CliRunner().invoke(few_labels.app, [str(word) for word in words])


def read_docs(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


@pytest.fixture
def world(tmp_path, monkeypatch, write_inputs, lm_dir):
    """A corpus called `corpus`, vectors, and small language models."""
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    return tmp_path


def save_ready(make_nlp, path):
    nlp = make_nlp()
    path.parent.mkdir(exist_ok=True, parents=True)
    nlp.to_disk(path)
    return nlp


def study_of(folder, *words):
    options = ["--lm", "lm", "--vectors", "corpus/vectors", "--updates", 2]
    return run("run", "out", "corpus", *options, "--sizes", 4, *words)


def test_a_study_trains_each_system_once(world, make_nlp):
    ready = save_ready(make_nlp, world / "ready")
    systems = "cnn-vectors,no_lm,ldnet-pruned,continued"
    words = ["--systems", systems, "--draws", 1, "--ready", "corpus=ready"]
    result = study_of(world, *words)
    assert result.exit_code == 0, result.exception
    rows = list(srsly.read_jsonl("out/runs.jsonl"))
    assert sorted(row["system"] for row in rows) == sorted(systems.split(","))
    by_name = {row["system"]: row for row in rows}
    for row in rows:
        assert (row["corpus"], row["size"], row["draw"]) == ("corpus", 4, 0)
        assert (row["train"], row["dev"]) == (4, 1)
        assert 0 <= row["f1"] <= 100 and row["seconds"] > 0
        assert spacy.load(world / "out" / row["pipeline"]).pipe_names
    # The pruned one has three trainings.
    assert by_name["ldnet-pruned"]["updates"] == 3 * by_name["no_lm"]["updates"] == 6
    pruned = by_name["ldnet-pruned"]
    assert pruned["chosen"] in ("full", "pruned", "retrained")
    assert pruned["pipeline"] == f"corpus-4-0/{pruned['best']}/model-best"
    cnn = spacy.load(world / "out" / by_name["cnn-vectors"]["pipeline"])
    embed = cnn.config["components"]["tok2vec"]["model"]["embed"]
    assert embed["include_static_vectors"] and cnn.vocab.vectors.shape[1] == 50
    # Labels that the ready pipeline does not know: ORG.
    continued = spacy.load(world / "out" / by_name["continued"]["pipeline"])
    assert ready.get_pipe("ner").labels == ("LOC", "PER")
    assert "ORG" in continued.get_pipe("ner").labels
    structures = [shim_of(nlp).structure for nlp in (continued, ready)]
    # One was read from JSON, which has no tuples.
    one, two = (srsly.json_loads(srsly.json_dumps(each)) for each in structures)
    assert one == two

    (world / "out" / rows[0]["pipeline"] / "meta.json").unlink()
    again = study_of(world, *words)
    assert again.exit_code == 0 and list(srsly.read_jsonl("out/runs.jsonl")) == rows
    other = study_of(world, "--lm", "another", *words)
    assert other.exit_code == 1 and "runs with --lm lm" in str(other.exception)


def test_weights_of_spacy_pretrain_are_a_start(world):
    texts = [{"text": "Ada lived in London."}, {"text": "She wrote to Charles."}]
    srsly.write_jsonl("texts.jsonl", texts)
    config = init_config(lang="en", pipeline=["ner"], pretraining=True)
    config["paths"].update(raw_text="texts.jsonl", vectors="corpus/vectors")
    config["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] = True
    config["pretraining"]["max_epochs"] = 1
    pretrain(config.interpolate(), world)
    weights = ["--pretrained", "model0.bin"]
    result = study_of(world, "--systems", "cnn-pretrained", "--draws", 1, *weights)
    assert result.exit_code == 0, result.exception
    (row,) = srsly.read_jsonl("out/runs.jsonl")
    nlp = spacy.load(world / "out" / row["pipeline"])
    assert nlp.config["paths"]["init_tok2vec"] == "model0.bin"
    # Two updates later the weights are still close to where they started.
    model = nlp.get_pipe("tok2vec").model
    start = model.copy().from_bytes((world / "model0.bin").read_bytes())
    weights, starts = (
        [node.get_param("W") for node in each.walk() if node.has_param("W")]
        for each in (model, start)
    )
    for one, other in zip(weights, starts, strict=True):
        assert numpy.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


def test_speed_and_table_are_of_finished_runs(world, make_nlp):
    save_ready(make_nlp, world / "out" / "ner" / "model-best")
    row = {"corpus": "corpus", "size": 4, "system": "ldnet", "date": "2026-01-02"}
    row |= {"seconds": 30.0, "pipeline": "ner/model-best"}
    rows = [{**row, "draw": draw, "f1": f1} for draw, f1 in ((1, 52.0), (0, 50.0))]
    srsly.write_jsonl("out/runs.jsonl", rows)
    machine = {"processor": "a processor"}
    settings = {"commands": ["python run"], "machine": machine}
    srsly.write_json("out/settings.json", settings)
    result = run("speed", "out", "corpus", "--size", 4, "--rounds", 1)
    assert result.exit_code == 0, result.exception
    result = run("table", "out", "tables/few.json", "--size", 4)
    assert result.exit_code == 0, result.exception
    table = srsly.read_json("tables/few.json")
    assert table["seeds"] == [0, 1] and table["date"] == "2026-01-02"
    (line,) = table["rows"]
    assert line["corpus, 4"] == [50.0, 52.0] and line["minutes (4)"] == 0.5
    assert line["words/s"] > 0
    assert set(line) - {"short"} <= {column["name"] for column in table["columns"]}
    result = run("speed", "out", "corpus", "--size", 5)
    assert result.exit_code == 1 and "with 5 sentences" in str(result.exception)


def test_columns_are_sorted_by_size_and_all_comes_last():
    settings = {"commands": [], "machine": {"processor": "p"}}
    row = {"corpus": "c", "draw": 0, "seconds": 1, "date": "", "system": "cnn", "f1": 1}
    rows = [{**row, "size": size} for size in (0, 1000, 50)]
    table = make_table(rows, settings, {}, 50)
    names = [column["name"] for column in table["columns"]]
    assert names[1:4] == ["c, 50", "c, 1,000", "c, all"]


def test_larger_choices_contain_smaller_ones_and_draws_differ(world):
    study = Study(world, {"corpus": world / "corpus"}, "lm", world / "vectors")
    texts = {}
    for cell in (Cell("corpus", n, d) for n in (3, 6) for d in (0, 1)):
        study._choose(cell, world / cell.name)
        docs = read_docs(world / cell.name / "train.spacy")
        assert len(docs) == cell.size
        assert all(len(list(doc.sents)) == 1 for doc in docs)
        texts[cell.size, cell.draw] = {doc.text for doc in docs}
    assert texts[3, 0] < texts[6, 0] and texts[3, 1] < texts[6, 1]
    assert texts[6, 0] != texts[6, 1]
    found = read_sentences(world / "corpus" / "train.spacy")
    assert any(doc.ents for doc in found)
    with pytest.raises(ScriptError, match="training sentences, not 9999"):
        study._choose(Cell("corpus", 9999, 0), world / "too_many")


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--systems", "cnn,cmm"], "Unknown systems: 'cmm'"),
        (["--sizes", "50,many"], "--sizes: 'many' is no number"),
        (["--systems", "continued"], "No pipeline to continue for corpus"),
        (["--systems", "continued", "--ready", "ready"], "'ready' is not CORPUS="),
        (["--systems", "cnn-pretrained"], "No weights of the CNN"),
        (["--systems", "minilm-crf"], "No transformer for minilm-crf"),
        (["--vectors", "nowhere"], "Missing: nowhere/meta.json"),
    ],
)
def test_what_cannot_be_used_is_named(world, words, expected):
    result = run("run", "out", "corpus", *words)
    assert result.exit_code == 1 and expected in str(result.exception)
    assert not (world / "out").exists()
