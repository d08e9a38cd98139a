"""What the README and the documentation show is run, page by page."""

import re

import pytest
import spacy
import srsly
from blocks import PAGES, ROOT, read_all, read_blocks
from shell import run_commands
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.util import registry
from thinc.api import Config, fix_random_seed
from toy import make_examples

BASE = ROOT / "configs" / "ner.cfg"
BLOCKS = read_all()


@pytest.mark.parametrize(
    "page", [p for p in PAGES if read_blocks(p)], ids=lambda p: p.stem
)
def test_blocks_of_a_page_run(page, workplace, capsys):
    fix_random_seed(0)
    namespace, printed = {"__name__": page.stem}, None
    for block in read_blocks(page):
        if block.file:
            path = workplace / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.code, encoding="utf8")
        if block.language == "python" and block.file is block.reason is None:
            capsys.readouterr()
            exec(compile(block.code, block.place, "exec"), namespace)
            printed = capsys.readouterr().out
        elif block.language == "ini":
            use_config(block)
        elif block.language == "bash" and block.reason is None:
            run_commands(block.code)
        elif block.language == "text" and printed is not None and not block.ready:
            assert printed == block.code, f"{block.place} is not what was printed"
        elif block.language == "json":
            assert [srsly.json_loads(line) for line in block.code.splitlines()]
        if block.language != "python":
            printed = None


def use_config(block):
    """Fill, build and train what a block configures, alone or as a part of ner.cfg."""
    code = block.code if "[nlp]" in block.code else with_parents(block.code)
    config = Config().from_str(code, interpolate=False)
    if "nlp" not in config:
        base = Config().from_disk(BASE, interpolate=False)
        base["paths"]["lm"] = "training/lm/model-best"
        config = base.merge(config)
    nlp = spacy.util.load_model_from_config(config.interpolate(), auto_fill=True)
    examples = [with_sentences(example) for example in make_examples(nlp)]
    nlp.initialize(lambda: examples)
    settings = nlp.config.interpolate()["training"]
    training = registry.resolve(settings, schema=ConfigSchemaTraining)
    if training["before_update"]:
        training["before_update"](nlp, {"step": 0, "epoch": 0})
    losses = nlp.update(examples)
    assert losses["ner"] > 0, block.place


def with_parents(code):
    """A part of a config with the sections that its own stand in."""
    names = re.findall(r"^\[([\w.]+)\]", code, flags=re.MULTILINE)
    parts = [name.split(".") for name in names]
    parents = {".".join(p[:end]) for p in parts for end in range(1, len(p))}
    return "\n".join(f"[{name}]" for name in sorted(parents - {*names})) + "\n" + code


def with_sentences(example):
    for number, token in enumerate(example.predicted):
        token.is_sent_start = number == 0
    return Example(example.predicted, example.reference)


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b.reason], ids=lambda b: b.place
)
def test_blocks_that_are_not_run_say_why(block):
    assert len(block.reason) > 10 and block.language in ("bash", "python")
    # Python only where it is of a package that is not installed here.
    assert block.language == "bash" or block.reason.startswith("needs ")
    pytest.skip(block.reason)


def test_every_block_has_a_language_that_is_checked():
    for block in BLOCKS:
        assert block.language in ("python", "ini", "bash", "text", "json"), block.place
        known = block.marker.startswith(("not run: ", "file: ", "command: ", "ready: "))
        assert known or not block.marker, block.place
