"""Evaluate the trained pipelines, of every seed there is, on the same test set."""

from pathlib import Path
from typing import Any, Dict, Optional

import spacy
import srsly
import torch
import typer
from spacy.tokens import DocBin
from spacy.util import is_package, load_config
from wasabi import msg
from weasel.cli.main import PROJECT_LOCK

from spacy_ldnet.errors import Warnings
from spacy_ldnet.evaluation.cost import measure_speed, sample_words
from spacy_ldnet.evaluation.error_analysis import describe_errors, gold_pieces
from spacy_ldnet.evaluation.gold import read_gold
from spacy_ldnet.evaluation.scoring import evaluate_pipeline
from spacy_ldnet.evaluation.summary import (
    Evaluations,
    compare_rows,
    print_table,
    summarise,
    summarise_lms,
)
from spacy_ldnet.workflow.rows import (
    LANGUAGE_MODELS,
    TEACHER,
    compared_rows,
    find_models,
    find_trained,
    read_lm_metas,
    row_of,
    warn_of_other_data,
)
from spacy_ldnet.workflow.scripting import run, script_errors, write_json


def main(
    test_path: Path = typer.Argument(..., help="The test set (.spacy)", exists=True),
    output_dir: Path = typer.Argument(
        ..., help="Where to write results, bootstrap, errors, speed, lm and dev (.json)"
    ),
    training: Path = typer.Option(
        Path("training"),
        "--training",
        "-t",
        help="Directory with SEED/MODEL/model-best, the language models' (lm) included",
        exists=True,
        file_okay=False,
    ),
    corpus_meta: Optional[Path] = typer.Option(
        None,
        "--corpus-meta",
        "-c",
        help="meta.json of the corpus: where the labels are from",
    ),
    dev: Optional[Path] = typer.Option(
        None, "--dev", help="The dev set: the packaged pipeline is scored on it, too"
    ),
    packaged: str = typer.Option(
        "pruned",
        "--packaged",
        "-p",
        help="Directory below training/SEED of what is packaged",
    ),
    teacher: str = typer.Option(
        "",
        "--teacher",
        "-T",
        help="Pipeline whose words per second are measured as well",
    ),
    speed_words: int = typer.Option(
        20000,
        "--speed-words",
        "-w",
        help="Words of the test set to measure speed on",
        min=1,
    ),
    rounds: int = typer.Option(
        5,
        "--rounds",
        "-r",
        help="Rounds of the speed measurement, after one to warm up",
        min=1,
    ),
    threads: int = typer.Option(1, "--threads", help="PyTorch threads", min=1),
    draws: int = typer.Option(
        10000, "--draws", "-d", help="Resamples of the bootstrap", min=1
    ),
    cache: bool = typer.Option(
        True,
        "--cache/--no-cache",
        help="Use kept scores of pipelines that did not change",
    ),
) -> None:
    """Score the rows of the results on running text (and, where the labels are on
    given tokens, on those too), count their cost and measure their speed."""
    torch.set_num_threads(threads)
    meta = srsly.read_json(corpus_meta) if corpus_meta else {}
    is_teacher = meta.get("kind", "teacher") == "teacher"
    models = find_models(training)
    if not models:
        msg.fail(f"No trained pipelines in {training}", exits=1)
    warn_of_untrained(models)
    trained = {row: [*paths.values()] for row, paths in models.items()}
    for name in LANGUAGE_MODELS:
        trained[name] = [*find_trained(training, name).values()]
    warn_of_other_data(trained, test_path.parent, training.parent / PROJECT_LOCK)
    warn_of_other_labels(models, test_path)
    kept = output_dir / "cache" if cache else None
    evaluations = score_rows(models, test_path, kept, gold_tokens=not is_teacher)
    results = {row: summarise(by_seed) for row, by_seed in evaluations.items()}
    extra = {TEACHER: teacher} if is_teacher and teacher else {}
    if extra and not (is_package(teacher) or Path(teacher).exists()):
        msg.warn(f"The teacher {teacher} is not installed: its speed is not measured")
        extra = {}
    first = {row: str(next(iter(paths.values()))) for row, paths in models.items()}
    pipelines = {row: spacy.load(path) for row, path in {**first, **extra}.items()}
    gold = read_gold(test_path, next(iter(pipelines.values())))
    docs = [example.reference for example in gold]
    texts = sample_words(docs, speed_words)
    speed = measure_speed(pipelines, texts, rounds=rounds, threads=threads)
    for row in extra:
        results[row] = {"name": teacher, "note": "its labels are the reference"}
    for row, value in speed["words_per_second"].items():
        results[row]["words_per_second"] = value
    pairs = compared_rows(models)
    write_json(output_dir / "results.json", results)
    write_json(output_dir / "speed.json", speed)
    write_json(
        output_dir / "bootstrap.json", compare_rows(evaluations, pairs, draws=draws)
    )
    write_json(output_dir / "errors.json", find_errors(evaluations, docs))
    if dev is not None:
        own = {row: p for row, p in models.items() if row == row_of(packaged)}
        place = kept / "dev" if kept else None
        found = score_rows(own, dev, place, gold_tokens=False)
        write_json(
            output_dir / "dev.json", {row: summarise(r) for row, r in found.items()}
        )
    lms = read_lm_metas(training)
    if lms:
        summaries = {name: summarise_lms([*lms[name].values()]) for name in lms}
        write_json(output_dir / "lm.json", summaries)
    if is_teacher and corpus_meta:
        msg.info("The scores are agreement with the teacher, not with people")
    print_table({"": results}, speed["machine"])


def score_rows(
    models: Dict[str, Dict[str, Path]],
    gold: Path,
    kept: Optional[Path],
    *,
    gold_tokens: bool,
) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """models (Dict[str, Dict[str, Path]]): Row -> seed -> directory.
    gold (Path): Gold data.
    kept (Optional[Path]): Folder for the scores, which are kept until something changes.
    gold_tokens (bool): Also score on the given tokens.
    RETURNS (Dict[str, Dict[str, Dict[str, Any]]]): Row -> seed -> evaluation.
    RAISES (ScriptError): If one cannot be evaluated.
    """
    found: Dict[str, Dict[str, Dict[str, Any]]] = {}
    for row, paths in models.items():
        found[row] = {}
        for seed, path in paths.items():
            file = kept / f"{row}-{seed}.json" if kept else None
            with script_errors(f"{path} cannot be evaluated"):
                found[row][seed] = evaluate_pipeline(
                    path, gold, kept=file, gold_tokens=gold_tokens
                )
    return found


def find_errors(evaluations: Evaluations, docs: Any) -> Dict[str, Any]:
    """evaluations (Evaluations): Row -> seed -> evaluation.
    docs (List[Doc]): The test set.
    RETURNS (Dict[str, Any]): See `describe_errors`, of each row.
    """
    pieces = gold_pieces(docs)
    return {
        row: describe_errors(pieces, {seed: r["predicted"] for seed, r in runs.items()})
        for row, runs in evaluations.items()
    }


def warn_of_untrained(models: Dict[str, Dict[str, Path]]) -> None:
    """spaCy keeps the best of the models it evaluated, the first of them before any
    training: with too few updates there is no other.

    models (Dict[str, Dict[str, Path]]): Row -> seed -> directory.
    """
    for row, paths in models.items():
        for path in paths.values():
            training = load_config(path / "config.cfg", interpolate=True)["training"]
            steps, frequency = training["max_steps"], training["eval_frequency"]
            if 0 < steps < frequency:
                msg.warn(
                    f"{row} ({path}) is as it was before its {steps} updates",
                    f"It was evaluated at update 0 and every {frequency} only: lower "
                    "[training] eval_frequency (--vars.eval_frequency, of the CNN "
                    "--vars.peer_eval_frequency), or train for longer.",
                )


def warn_of_other_labels(models: Dict[str, Dict[str, Path]], test_path: Path) -> None:
    """Say which pipelines know no label, or not all, of the test set.

    models (Dict[str, Dict[str, Path]]): Row -> seed -> directory.
    test_path (Path): The test set.
    """
    docs = DocBin().from_disk(test_path).get_docs(spacy.blank("xx").vocab)
    wanted = {entity.label_ for doc in docs for entity in doc.ents}
    for row, paths in models.items():
        for path in paths.values():
            labels = srsly.read_json(path / "meta.json").get("labels", {})
            known = {label for own in labels.values() for label in own}
            if wanted - known:
                missing = ", ".join(sorted(wanted - known))
                values = {"labels": missing, "path": test_path, "hint": ""}
                msg.warn(Warnings.W053.format(name=f"{row} ({path})", **values))


if __name__ == "__main__":
    run(main)
