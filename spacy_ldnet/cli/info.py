"""`ldnet info`: the layers, the cost and the size of a pipeline."""

from pathlib import Path
from typing import Any, Dict, List

import spacy
import srsly
from spacy.cli._util import Arg, Opt
from spacy.language import Language
from thinc.api import Model
from wasabi import msg

from ..models.encoder import find_encoders
from ..models.gating import gates_by_direction, is_loaded
from ..models.shim import ModuleShim
from ._util import app

COLUMNS = (
    ("layers_fwd", "forward layers"),
    ("layers_bwd", "backward layers"),
    ("parameters", "parameters"),
    ("lm_macs_per_word", "MACs a word, language models"),
    ("macs_per_word", "MACs a word, all networks"),
)


@app.command("info")
def info_cli(
    # fmt: off
    pipeline: str = Arg(..., help="Installed pipeline or its directory"),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
    # fmt: on
) -> None:
    """Show which layers of a pipeline's LD-Net encoder are left, and what they cost."""
    info(pipeline, as_json=as_json)


def info(pipeline: str, *, as_json: bool = False) -> Dict[str, Any]:
    """pipeline (str): Name or directory of a pipeline.
    as_json (bool): Print JSON, not a table.
    RETURNS (Dict[str, Any]): See `describe`.
    """
    if not Path(pipeline).exists() and not spacy.util.is_package(pipeline):
        msg.fail(
            f"No pipeline '{pipeline}'",
            "Give the directory of a trained pipeline, or the name of an installed one.",
            exits=1,
        )
    facts = describe(spacy.load(pipeline))
    if as_json:
        print(srsly.json_dumps(facts, indent=2))
    else:
        print_facts([facts], [pipeline])
    return facts


def print_facts(rows: List[Dict[str, Any]], names: List[str]) -> None:
    """rows (List[Dict[str, Any]]): What `describe` gave.
    names (List[str]): Heading of each.
    """
    table = [(title, *(f"{row[key]:,}" for row in rows)) for key, title in COLUMNS]
    aligns = ("l", *("r" for _ in rows))
    msg.table(table, header=("", *names), divider=True, aligns=aligns)


def describe(nlp: Language) -> Dict[str, Any]:
    """nlp (Language): Any pipeline.
    RETURNS (Dict[str, Any]): `layers_fwd`, `layers_bwd`, `gates` by direction,
        `lm_macs_per_word`, `macs_per_word` (of our networks: language models,
        projection, characters at 5.3 a word, BiLSTMs, tag layer) and `parameters` of
        all components.
    """
    pipes = [getattr(pipe, "model", None) for _, pipe in nlp.pipeline]
    models = [model for model in pipes if isinstance(model, Model)]
    encoders = [e for m in models for e in find_encoders(m) if is_loaded(e)]
    gates = gates_by_direction(encoders[0]) if encoders else {}
    nodes = [node for model in models for node in model.walk()]
    shims = [s for n in nodes for s in n.shims if isinstance(s, ModuleShim)]
    modules = [s.module for s in shims if s.module is not None]
    return {
        "layers_fwd": len(gates.get("forward", [])),
        "layers_bwd": len(gates.get("backward", [])),
        "gates": gates,
        "lm_macs_per_word": sum(getattr(m, "lm_macs", 0) for m in modules),
        "macs_per_word": sum(getattr(m, "macs", 0) for m in modules),
        "parameters": _parameters(nodes, modules),
    }


def _parameters(nodes: List[Model], modules: List[Any]) -> int:
    own = sum(
        node.get_param(name).size
        for node in nodes
        for name in node.param_names
        if node.has_param(name)
    )
    return own + sum(p.numel() for module in modules for p in module.parameters())
