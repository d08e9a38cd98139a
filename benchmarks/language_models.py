"""Held-out perplexity of LD-Net's language models beside baselines and variants."""

from pathlib import Path
from typing import Any, Dict, List

import torch
import typer
from _kneser_ney import KENLM, find_programs, measure_kneser_ney
from _project import ROOT
from _texts import Texts, prepare_texts
from _trainings import train_variant
from _variants import VARIANTS, resolve_variant
from wasabi import msg

from spacy_ldnet.timing import describe_machine
from spacy_ldnet.workflow.scripting import ScriptError, write_json, write_text

KNESER_NEY = "kneser_ney"
HEADER = ("model", "changed", "parameters", "updates", "forward", "backward")


def compare(
    texts: Texts,
    names: List[str],
    out_dir: Path,
    config_path: Path,
    results_path: Path,
    *,
    seed: int,
    order: int,
    directions: List[str],
    kenlm: Path,
) -> None:
    """Train and measure the models; the results are written after each of them.

    texts (Texts): The text.
    names (List[str]): The models: `kneser_ney` and names of variants.
    out_dir (Path): Gets a folder a model.
    config_path (Path): Config of the default.
    results_path (Path): JSON file of the results; a Markdown table goes beside it.
    seed (int): Seed of the trainings.
    order (int): Words in the longest n-gram.
    directions (List[str]): "forward", "backward" or both.
    kenlm (Path): Folder of KenLM's programs.
    RAISES (ScriptError): If a model cannot be trained.
    """
    report: Dict[str, Any] = {
        "text": {**texts.counts, "predicted": len(texts.dev)},
        "seed": seed,
        "rows": {},
    }
    for name in names:
        msg.divider(name)
        if name == KNESER_NEY:
            row = _kneser_ney(texts, out_dir / name, directions, order, kenlm)
        else:
            overrides = resolve_variant(name, config_path, texts.rows)
            row = train_variant(
                overrides,
                texts,
                out_dir / name,
                config_path,
                seed=seed,
                directions=directions,
            )
        report["rows"][name] = row
        report["machine"] = describe_machine(torch.get_num_threads())
        write_json(results_path, report)
        write_text(results_path.with_suffix(".md"), _markdown(report))
    msg.table(_cells(report), header=HEADER, divider=True, aligns=tuple("llrrrr"))
    msg.good("Wrote the results", results_path.as_posix())


def _kneser_ney(
    texts: Texts, work: Path, directions: List[str], order: int, kenlm: Path
) -> Dict[str, Any]:
    programs = find_programs(kenlm)
    measured = {
        direction: measure_kneser_ney(
            texts.train,
            texts.dev,
            work,
            direction=direction,
            order=order,
            programs=programs,
        )
        for direction in directions
    }
    ngrams = measured[directions[0]]["ngrams"]
    return {
        "overrides": {"order": order},
        "parameters": sum(ngrams),
        "ngrams": ngrams,
        "perplexity": {name: row["perplexity"] for name, row in measured.items()},
        "steps": {},
    }


def _cells(report: Dict[str, Any]) -> List[List[str]]:
    rows = []
    for name, row in report["rows"].items():
        changed = [f"{key.split('.')[-1]} {v}" for key, v in row["overrides"].items()]
        steps = max(row["steps"].values(), default=0)
        found = [row["perplexity"].get(d) for d in ("forward", "backward")]
        cells = [name, ", ".join(changed), f"{row['parameters']:,}"]
        cells += [f"{steps:,}" if steps else ""]
        rows.append(cells + ["" if v is None else f"{v:.1f}" for v in found])
    return rows


def _markdown(report: Dict[str, Any]) -> str:
    lines = [HEADER, ("---", "---", *["---:"] * 4), *_cells(report)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = report["text"]
    return (
        f"Held-out perplexity over {text['predicted']:,} predictions (words and one "
        f"symbol a text), {text['vocabulary_rows']:,} rows, "
        f"{text['train']['words']:,} training words, seed {report['seed']}; "
        f"for n-gram models, parameters are n-grams.\n\n{table}\n"
    )


def main(
    text: Path = typer.Argument(
        ROOT / "assets" / "brown", help="Folder of .txt files, one document each"
    ),
    out_dir: Path = typer.Option(
        ROOT / "training" / "benchmark", help="Folder for texts and models"
    ),
    results: Path = typer.Option(
        ROOT / "metrics" / "language_models.json", help="Gets the results"
    ),
    config: Path = typer.Option(
        ROOT / "configs" / "lm.cfg", help="Config of the default"
    ),
    models: str = typer.Option(
        ",".join([KNESER_NEY, *VARIANTS]), help="Which to train, commas between them"
    ),
    directions: str = typer.Option("forward", help="forward, backward or both"),
    share: float = typer.Option(0.05, min=0.0, max=0.5, help="Share to hold out"),
    order: int = typer.Option(5, min=2, max=6, help="Words in the longest n-gram"),
    seed: int = typer.Option(0, help="Seed of the split and of the trainings"),
    kenlm: Path = typer.Option(KENLM, help="Folder of KenLM's lmplz and query"),
) -> None:
    """Compare language models by held-out perplexity on the same text."""
    names = models.split(",")
    unknown = sorted(set(names) - {KNESER_NEY, *VARIANTS})
    if unknown:
        known = ", ".join([KNESER_NEY, *VARIANTS])
        msg.fail(f"Unknown models: {', '.join(unknown)}", f"Known: {known}", exits=1)
    wanted = ["forward", "backward"] if directions == "both" else [directions]
    try:
        texts = prepare_texts(text, out_dir, config, share=share, seed=seed)
        compare(
            texts,
            names,
            out_dir,
            config,
            results,
            seed=seed,
            order=order,
            directions=wanted,
            kenlm=kenlm,
        )
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
