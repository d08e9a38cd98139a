"""Language models of the authors' code, without a tagger."""

import pickle

import torch
from authors import Authors
from converting import fails
from spacy.cli._util import app
from typer.testing import CliRunner

from spacy_ldnet.cli.convert import convert
from spacy_ldnet.loaders import create_encoder_loader_v1
from spacy_ldnet.models.encoder import build_ldnet_encoder_v1


def save_lm(path, words, *, seed, layers=3):
    """A language model alone, with the authors' adaptive softmax and optimizer."""
    torch.manual_seed(seed)
    weights = {"word_embed.weight": torch.randn(len(words), 6)}
    for k in range(layers):
        for name, value in torch.nn.LSTM(6 + 4 * k, 4).named_parameters():
            weights[f"rnn.layer.{k}.layer.{name}"] = value.detach()
    weights["project.weight"] = torch.randn(8, 6 + 4 * layers)
    weights["project.bias"] = torch.randn(8)
    weights["soft_max.head.weight"] = torch.randn(5, 8)
    weights["soft_max.tail.0.0.weight"] = torch.randn(8, 8)
    torch.save({"model": weights, "optimizer": {"state": {}}}, path)
    return weights


def test_language_models_alone(tmp_path):
    words = ["the", "\n", "Ada", "<unk>", "London"]
    maps = {"w_map": {word: i for i, word in enumerate(words)}}
    (tmp_path / "test.pk").write_bytes(pickle.dumps(maps))
    forward, backward = (tmp_path / name for name in ("ld0.th", "ld_0.th"))
    both = [save_lm(p, words, seed=i) for i, p in enumerate((forward, backward))]
    assert "E078" in fails(forward, tmp_path / "lm", "--maps", tmp_path / "test.pk")
    options = {"maps": tmp_path / "test.pk", "backward": backward}
    convert(forward, tmp_path / "lm", **options)
    sizes = {"width": 5, "embed": 6, "hidden": 4, "depth": 3}
    encoder = build_ldnet_encoder_v1(**sizes)
    create_encoder_loader_v1(path=tmp_path / "lm")(encoder)
    module = encoder.shims[0].module
    for name, weights in zip(("forward", "backward"), both):
        trunk = module.trunks[name]
        rows = [words.index(w) for w in ("<unk>", "\n", "the", "Ada", "London")]
        expected = weights["word_embed.weight"][rows]
        assert torch.equal(trunk.embedding.weight, expected)
        ours = trunk.rnn.rnns[2].weight_ih_l0
        assert torch.equal(ours, weights["rnn.layer.2.layer.weight_ih_l0"])
    result = CliRunner().invoke(app, ["ldnet", "info", str(tmp_path / "lm")])
    assert result.exit_code == 0, result.output
    (tmp_path / "a.txt").write_text("the Ada")
    arguments = ["ldnet", "perplexity", str(tmp_path / "lm"), str(tmp_path / "a.txt")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "E077" in result.output
    tagger = Authors().save(tmp_path / "a.th")
    assert "E079" in fails(tagger, tmp_path / "x", "--backward", backward)
