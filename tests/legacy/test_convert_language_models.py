"""Language models of the authors' code, without a tagger."""

import torch
from authors import LM_WORDS, Authors, save_pair
from converting import fails
from spacy.cli._util import app
from typer.testing import CliRunner

from spacy_ldnet.cli.convert import convert
from spacy_ldnet.loaders import create_encoder_loader_v1
from spacy_ldnet.models.encoder import build_ldnet_encoder_v1


def test_language_models_alone(tmp_path):
    both = save_pair(tmp_path)
    forward, backward = (tmp_path / name for name in ("ld0.th", "ld_0.th"))
    assert "E078" in fails(forward, tmp_path / "lm", "--maps", tmp_path / "test.pk")
    options = {"maps": tmp_path / "test.pk", "backward": backward}
    convert(forward, tmp_path / "lm", **options)
    sizes = {"width": 5, "embed": 6, "hidden": 4, "depth": 3}
    encoder = build_ldnet_encoder_v1(**sizes)
    create_encoder_loader_v1(path=tmp_path / "lm")(encoder)
    module = encoder.shims[0].module
    for name, weights in zip(("forward", "backward"), both):
        backbone = module.backbones[name]
        rows = [LM_WORDS.index(w) for w in ("<unk>", "\n", "the", "Ada", "London")]
        expected = weights["word_embed.weight"][rows]
        assert torch.equal(backbone.embedding.weight, expected)
        ours = backbone.rnn.rnns[2].weight_ih_l0
        assert torch.equal(ours, weights["rnn.layer.2.layer.weight_ih_l0"])
    result = CliRunner().invoke(app, ["ldnet", "info", str(tmp_path / "lm")])
    assert result.exit_code == 0, result.output
    (tmp_path / "a.txt").write_text("the Ada")
    arguments = ["ldnet", "perplexity", str(tmp_path / "lm"), str(tmp_path / "a.txt")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "E077" in result.output
    # Converted again it is replaced, but no file of others.
    convert(forward, tmp_path / "lm", **options)
    for out, error in (("lm", "E121"), ("mine", "E120"), (".", "E122")):
        (tmp_path / out).mkdir(exist_ok=True)
        (tmp_path / out / "dear").write_text("mine")
        said = fails(
            forward,
            tmp_path / out,
            "--maps",
            tmp_path / "test.pk",
            "--backward",
            backward,
        )
        assert error in said and (tmp_path / out / "dear").read_text() == "mine"
    tagger = Authors().save(tmp_path / "a.th")
    assert "E079" in fails(tagger, tmp_path / "x", "--backward", backward)
