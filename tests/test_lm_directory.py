"""Language models by path and by name: found, whole, and of which sizes."""

import shutil
from pathlib import Path

import pytest
import spacy
import srsly
import torch
from safetensors.torch import load_file, save_file
from spacy.cli._util import app
from thinc.api import Config
from toy import (
    DEPTH,
    EMBED,
    HIDDEN,
    PIPELINE,
    WIDTH,
    make_examples,
    shim_of,
    write_language_model,
)
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.lm_directory import (
    CHECKSUMS,
    DIRECTIONS,
    META_FILE,
    checksums,
    find_language_models,
    find_source,
    weights_file,
)
from spacy_ldnet.loaders import create_encoder_loader_v1
from spacy_ldnet.models.encoder import build_ldnet_encoder_v1
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.nn.serialize import module_from_bytes, module_to_bytes
from spacy_ldnet.pruning import budget_scores

SIZES = {"embed": EMBED, "hidden": HIDDEN, "depth": DEPTH, "unit": "lstm"}


def invoke(*args):
    result = CliRunner().invoke(app, ["ldnet", *map(str, args)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def packages(lm_dir, make_nlp, tmp_path, monkeypatch):
    """Installed packages: language models, and a pipeline, with two layers left, as
    `spacy package` lays it out."""
    folder = tmp_path / "site"
    shutil.copytree(lm_dir, folder / "lm_toy")
    nlp = make_nlp()
    shim_of(nlp).module.gates.data[[1, 2, 3, 5]] = 0.0
    shim_of(nlp).module.gates.data[0] = 0.5
    for name in ("lm_toy", "en_toy", "no_toy"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").write_text("raise ValueError('imported')")
    nlp.to_disk(folder / "en_toy" / "en_toy-0.1.0")
    shutil.copy(folder / "en_toy/en_toy-0.1.0/meta.json", folder / "en_toy")
    monkeypatch.syspath_prepend(folder)
    return folder


def test_names_and_paths_lead_to_the_same(packages, lm_dir, tmp_path, monkeypatch):
    assert find_source("lm_toy") == find_source("lm-toy") == packages / "lm_toy"
    assert find_source(lm_dir) == find_language_models(str(lm_dir)) == lm_dir
    assert find_source("en_toy") == packages / "en_toy" / "en_toy-0.1.0"
    # What is here comes before what is installed.
    monkeypatch.chdir(packages)
    assert find_source("lm_toy") == Path("lm_toy")
    monkeypatch.chdir(tmp_path)
    for name, reason in [
        ("no_toy", "holds neither"),
        ("nothing_of_the_kind", "no such package is installed"),
        ("not/there", "there is no such directory"),
        (lm_dir / META_FILE, "it is a file"),
    ]:
        with pytest.raises(ValueError, match=f"E150.*{reason}"):
            find_source(name)
    for name in ("en_toy", packages / "en_toy" / "en_toy-0.1.0"):
        with pytest.raises(ValueError, match="E151.*no softmax"):
            find_language_models(name)


def load(path, **sizes):
    encoder = build_ldnet_encoder_v1(width=WIDTH, **sizes)
    return create_encoder_loader_v1(path=path)(encoder)


@pytest.mark.parametrize("sizes", [{}, SIZES])
def test_an_encoder_of_a_pipeline_has_its_open_layers(packages, sizes):
    fresh = load("en_toy", **sizes).shims[0]
    theirs = shim_of(spacy.load(packages / "en_toy" / "en_toy-0.1.0"))
    assert fresh.layer_ids() == {"forward": [0], "backward": [1]}
    assert fresh.words == theirs.words and (fresh.module.gates == 1).all()
    ids = torch.arange(2, 8).unsqueeze(1)
    for direction in DIRECTIONS:
        # The gate of the first layer is 0.5; it is the projection that would read it.
        ours, other = (s.module.backbones[direction] for s in (fresh, theirs))
        gates = theirs.module.gates_of(direction)
        expected = other(ids, other.embedding.weight, gates=gates)
        layer = fresh.layer_ids()[direction][0]
        start = EMBED + layer * HIDDEN
        assert torch.allclose(
            gates[layer] * ours(ids, ours.embedding.weight)[..., EMBED:],
            expected[..., start : start + HIDDEN],
            atol=1e-6,
        )
    with pytest.raises(ValueError, match=r"E010.*depth is 3 in the file but 4"):
        load("en_toy", depth=4)


def test_directions_of_different_sizes_are_refused(lm_dir, tmp_path):
    other = write_language_model(tmp_path / "other", depth=2, projection=8)
    shutil.copy(other / weights_file("backward"), lm_dir)
    with pytest.raises(ValueError, match="E159.*depth is 3 in the forward and 2 in"):
        load(lm_dir)
    other = write_language_model(tmp_path / "other", projection=8)
    shutil.copy(other / weights_file("backward"), lm_dir)
    # Of the softmax nothing is needed.
    assert load(lm_dir).shims[0].layer_ids()["backward"] == [0, 1, 2]


def test_pipelines_without_one_encoder_are_refused(make_nlp, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="E152.*no LD-Net encoder"):
        load(tmp_path / "blank")
    nlp = make_nlp()
    nlp.add_pipe("ldnet", name="other", source=make_nlp(), first=True)
    shim_of(nlp, "other").keep_only({"forward": [0], "backward": [0]})
    nlp.to_disk(tmp_path / "two")
    with pytest.raises(ValueError, match="E152.*encoders that differ"):
        load(tmp_path / "two")


def test_commands_take_names(packages, lm_dir, tmp_path):
    code, output = invoke("info", "lm_toy")
    assert code == 0 and "words in the vocabulary" in output
    code, output = invoke("info", "en_toy", "--no-speed", "--json")
    assert code == 0 and '"layers_fwd":3' in output
    # Pruned by the name of a pipeline, and then by that of what came of it.
    cut = packages / "lm_cut"
    code, output = invoke("prune", "lm_toy", cut, "--layers-of", "en_toy")
    assert code == 0, output
    (cut / "__init__.py").touch()
    for source in ("lm_toy", "en_toy"):
        again = tmp_path / source
        options = ("--layers-of", "lm_cut", "--no-speed")
        code, output = invoke(
            "prune", source, again, *options[: 3 - (source == "lm_toy")]
        )
        assert code == 0, output
    code, output = invoke(
        "prune", "en_toy", tmp_path / "no", "--layers-of", "none_such"
    )
    assert code == 1 and "E150" in output
    text = tmp_path / "text.txt"
    text.write_text("Ada lived in London .\n")
    code, output = invoke("perplexity", "en_toy", text)
    assert code == 1 and "E151" in output


def make_pipeline(lm_dir, **sizes):
    config = Config().from_str(PIPELINE)
    block = config["components"]["ldnet"]["model"]
    for name in ("embed", "hidden", "depth"):
        del block[name]
    block.update(sizes)
    loader = config["initialize"]["components"]["ldnet"]["encoder_loader"]
    loader["path"] = str(lm_dir)
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: make_examples(nlp))
    return nlp


def test_sizes_come_from_the_language_models(lm_dir, tmp_path):
    nlp = make_pipeline(lm_dir)
    assert nlp.config["components"]["ldnet"]["model"]["hidden"] is None
    nlp.to_disk(tmp_path / "saved")
    again = spacy.load(tmp_path / "saved")
    for pipeline in (nlp, again):
        model = pipeline.get_pipe("ldnet").model
        assert {name: model.attrs[name] for name in SIZES} == SIZES
        shim_of(pipeline).keep_only({"forward": [0], "backward": []})
        assert budget_scores(model)["ldnet_density"] == 1 / (2 * DEPTH)
    # A config with numbers, as those that older versions filled, is checked.
    assert make_pipeline(lm_dir, **SIZES).config != nlp.config
    with pytest.raises(ValueError, match="E010.*unit is lstm in the file but gru"):
        make_pipeline(lm_dir, **{**SIZES, "unit": "gru"})


def damage(path, case):
    file = path / weights_file("backward")
    data = file.read_bytes()
    if case == "cut":
        file.write_bytes(data[:-100])
    elif case == "other":
        model = module_from_bytes(LanguageModel, data)
        model.embedding.weight.data += 1
        file.write_bytes(module_to_bytes(model))
    elif case == "newer":
        with_tensors = load_file(file)
        header = {"format": 99, "type": "LanguageModel", "structure": {}}
        save_file(with_tensors, file, metadata={"ldnet": srsly.json_dumps(header)})
    elif case == "empty":
        file.write_bytes(b"")
    else:
        file = path / case
        file.write_text(file.read_text()[:-5])
    return file.name


CASES = [
    ("cut", "E153"),
    ("cut", "E154.*E001"),
    ("other", "E153"),
    ("newer", "E154.*E002"),
    ("empty", "E154.*E001"),
    ("vocab.json", "E154"),
    ("meta.json", "E154"),
]


@pytest.mark.parametrize("case,code", CASES)
def test_files_that_are_not_whole_are_named(lm_dir, tmp_path, case, code):
    (lm_dir / "config.cfg").write_text('[nlp]\nlang = "en"\n')
    if code == "E153":
        meta = {**srsly.read_json(lm_dir / META_FILE), CHECKSUMS: checksums(lm_dir)}
        srsly.write_json(lm_dir / META_FILE, meta)
        load(lm_dir)
    name = damage(lm_dir, case)
    with pytest.raises(ValueError, match=f"{code}") as caught:
        load(lm_dir)
    assert name in str(caught.value)
    text = tmp_path / "text.txt"
    text.write_text("Ada lived in London .\n" * 40)
    code = code[:4]
    found, output = invoke("perplexity", lm_dir, text)
    assert found == 1 and code in output, output
    options = ("--paths.raw_text", text, "--paths.dev_text", text)
    config = Path(__file__).parents[1] / "configs" / "lm.cfg"
    args = ("pretrain", config, tmp_path / "out", *options, "--paths.init_from", lm_dir)
    found, output = invoke(*args)
    assert found == 1 and code in output, output
    assert not (tmp_path / "out").exists()
