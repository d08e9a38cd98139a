"""Make a trained pipeline ready for `spacy package`: a copy in float16 that names its
sources, its licence, its scores and its limits, and whose config holds no path of the
machine it was trained on."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy
import spacy
import srsly
import typer
from spacy.util import load_config
from thinc.api import Config
from wasabi import MarkdownRenderer, msg

from spacy_ldnet.evaluation.gold import read_gold
from spacy_ldnet.evaluation.scoring import score
from spacy_ldnet.labelled.conll_labels import CONLL_LABELS
from spacy_ldnet.models.shim import NetworkShim
from spacy_ldnet.nn.serialize import round_to_half
from spacy_ldnet.util import MARK_FILE, write_folder
from spacy_ldnet.workflow.rows import row_of

#: What the mark in the folder says of who wrote it.
COMMAND = "scripts/meta.py"

#: The licence of a source that names none.
UNKNOWN = "not stated"
#: The score of a label with fewer entities in a test set would say nothing.
FEW = 20
# [initialize] and [corpora] only matter when training anew: their loaders and
# readers point at files that the package does not hold.
TRAINING_ONLY = ("vectors", "init_tok2vec", "before_init", "after_init")


def strip_paths(config: Config) -> Config:
    """Take what only made sense where the pipeline was trained out of its config.

    config (Config): Config of a trained pipeline, not interpolated.
    RETURNS (Config): A copy.
    """
    config = config.copy()
    config["paths"] = {key: None for key in config.get("paths", {})}
    initialize = config.get("initialize", {})
    for key in TRAINING_ONLY:
        if key in initialize:
            initialize[key] = None
    initialize["components"] = {}
    initialize["tokenizer"] = {}
    for reader in config.get("corpora", {}).values():
        if isinstance(reader, dict) and "path" in reader:
            reader["path"] = None
    return config


def write_half(folder: Path) -> None:
    """Write the weights and the word vectors of a pipeline in float16, which is half the
    size and as accurate. Our components widen the vectors when they are loaded.

    folder (Path): The pipeline, which is changed.
    """
    nlp = spacy.load(folder)
    is_ours = False
    for name, pipe in nlp.components:
        nodes = pipe.model.walk() if hasattr(pipe, "model") else []
        shims = [shim for node in nodes for shim in node.shims]
        ours = [s for s in shims if isinstance(s, NetworkShim) and s.is_built]
        for shim in ours:
            round_to_half(shim.module)
        is_ours |= bool(ours)
        if ours:
            pipe.to_disk(folder / name, exclude=["vocab"])
    vectors = folder / "vocab" / "vectors"
    # Other components would not widen them.
    if vectors.is_file() and is_ours:
        data = numpy.load(vectors)
        if numpy.abs(data).max(initial=0) < numpy.finfo("float16").max:
            with vectors.open("wb") as file:
                numpy.save(file, data.astype("float16"))


def join_licences(own: str, sources: List[Dict[str, Any]]) -> str:
    """own (str): Licence of the pipeline itself.
    sources (List[Dict[str, Any]]): What it was made of.
    RETURNS (str): What holds for all of it.
    """
    stated = (str(source.get("license") or "") for source in sources)
    found = [text for text in dict.fromkeys(stated) if text not in ("", own, UNKNOWN)]
    return f"{own} (code); data: {' / '.join(found)}" if found else own


def find_paths(data: Any, where: Tuple[str, ...] = ()) -> Iterator[Tuple[str, str]]:
    """Find values that look like local paths.

    data (Any): Config or JSON data.
    where (Tuple[str, ...]): Keys on the way to `data`.
    YIELDS (Tuple[str, str]): The key, dotted, and the value.
    """
    if isinstance(data, dict):
        for key, value in data.items():
            yield from find_paths(value, (*where, str(key)))
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from find_paths(value, where)
    elif isinstance(data, str) and data and "://" not in data:
        if Path(data).is_absolute() or ("/" in data and Path(data).exists()):
            yield ".".join(where), data


def join_meta(
    meta: Dict[str, Any],
    corpus: Dict[str, Any],
    vectors: Dict[str, Any],
    language_models: Dict[str, Any],
) -> Dict[str, Any]:
    """Add licence, sources and teacher to a pipeline's meta.

    meta (Dict[str, Any]): The trained pipeline's. Its sources are those of the pipeline
        that it started from, if there was one.
    corpus (Dict[str, Any]): meta.json of the corpus.
    vectors (Dict[str, Any]): meta.json of the word vectors.
    language_models (Dict[str, Any]): meta.json of the language models.
    RETURNS (Dict[str, Any]): A copy, with `teacher` if there was one.
    """
    meta = dict(meta)
    sources: List[Dict[str, Any]] = [
        *(meta.get("sources") or []),
        *(corpus.get("sources") or []),
    ]
    teacher = corpus.get("teacher")
    if isinstance(teacher, str):
        teacher = {"name": teacher}
    description = "Named entities on pruned language models (LD-Net), for the CPU."
    if teacher:
        meta["teacher"] = teacher
        described = " ".join(
            str(teacher[key]) for key in ("name", "version") if teacher.get(key)
        )
        description += (
            f" Trained on the annotations of {described}; the scores are agreement "
            "with them, not with people."
        )
        sources.append(
            {
                "name": f"{described} (the teacher)",
                "url": teacher.get("url", ""),
                "license": teacher.get("license", ""),
            }
        )
    if language_models.get("sources"):
        sources.append(
            {
                "name": f"text of the language models: {language_models['sources']}",
                "url": "",
                "license": language_models.get("license", ""),
            }
        )
    sources += vectors.get("sources") or []
    meta["sources"] = [*{source["name"]: source for source in sources}.values()]
    meta["description"] = description
    return meta


def score_sets(pipeline: Path, tests: Path) -> Dict[str, Dict[str, float]]:
    """pipeline (Path): The pipeline.
    tests (Path): Folder with a .spacy file for each test set.
    RETURNS (Dict[str, Dict[str, float]]): F1 in percent of each label that a set has
        `FEW` entities of, by set, on the tokens of the sets.
    """
    nlp = spacy.load(pipeline)
    found = {}
    for path in sorted(tests.glob("*.spacy")):
        examples = read_gold(path, nlp, gold_tokens=True)
        labels = Counter(ent.label_ for each in examples for ent in each.reference.ents)
        types = score(nlp, examples)["scores"]["ents_per_type"] or {}
        found[path.stem] = {
            label: round(100 * types[label]["f"], 1)
            for label, count in sorted(labels.items())
            if count >= FEW
        }
    return found


def write_notes(
    labels: Iterable[str],
    scores: Dict[str, Dict[str, float]],
    speed: Dict[str, Any],
    *,
    has_teacher: bool = False,
) -> str:
    """What `spacy package` puts at the end of the package's README.

    labels (Iterable[str]): Labels of the pipeline.
    scores (Dict[str, Dict[str, float]]): See `score_sets`.
    speed (Dict[str, Any]): `words_per_second`, and the machine's `processor`; may be empty.
    has_teacher (bool): Whether the labels of the sets are those of a teacher.
    RETURNS (str): Markdown.
    """
    md = MarkdownRenderer()
    if scores:
        columns = sorted({label for row in scores.values() for label in row})
        rows = [
            (name, *(str(row.get(label, "")) for label in columns))
            for name, row in scores.items()
        ]
        what = "Agreement with the teacher, F1" if has_teacher else "F1"
        md.add(md.title(3, f"{what} on test sets"))
        md.add(md.table(rows, ["set", *columns]))
    if speed:
        md.add(md.title(3, "Speed"))
        rate, processor = speed["words_per_second"], speed["processor"]
        md.add(f"{rate:,.0f} words per second ({processor}, one thread)")
    known = sorted(labels)
    if known:
        md.add(md.title(3, "Limits"))
        limits = f"The pipeline finds only these kinds of entities: {', '.join(known)}."
        if set(known) <= set(CONLL_LABELS):
            limits += " It finds no dates and no amounts."
        md.add(limits)
    return md.text


def main(
    source: Path = typer.Argument(
        ..., help="The trained pipeline", exists=True, file_okay=False
    ),
    output: Path = typer.Argument(..., help="Where to write the copy to package"),
    corpus_meta: Optional[Path] = typer.Option(
        None, "--corpus-meta", "-c", help="meta.json of the corpus", exists=True
    ),
    vectors_meta: Optional[Path] = typer.Option(
        None, "--vectors-meta", "-v", help="meta.json of the word vectors", exists=True
    ),
    lm_meta: Optional[Path] = typer.Option(
        None, "--lm-meta", help="meta.json of the language models", exists=True
    ),
    tests: Optional[Path] = typer.Option(
        None, help="Folder of test sets, for the scores in the meta", exists=True
    ),
    speed: Optional[Path] = typer.Option(
        None, help="speed.json of scripts/evaluate.py, for the speed in the meta"
    ),
    packaged: str = typer.Option(
        "pruned", help="Directory of the pipeline below training/SEED"
    ),
    name: str = typer.Option(
        "ldnet", "--name", "-n", help="Name of the pipeline, without the language"
    ),
    version: str = typer.Option(
        "0.1.0", "--version", "-V", help="Version of the pipeline"
    ),
    license_: str = typer.Option(
        "MIT",
        "--license",
        "-l",
        help="Licence of the pipeline itself; those of its sources are added",
    ),
) -> None:
    """Copy a pipeline for packaging, with a complete meta.json and without local
    paths."""
    corpus = srsly.read_json(corpus_meta) if corpus_meta else {}
    vectors = srsly.read_json(vectors_meta) if vectors_meta else {}
    models = srsly.read_json(lm_meta) if lm_meta else {}
    for name_needed in ("meta.json", "config.cfg"):
        if not (source / name_needed).is_file():
            msg.fail(
                f"'{source}' is no pipeline: there is no {name_needed} in it", exits=1
            )
    meta = join_meta(srsly.read_json(source / "meta.json"), corpus, vectors, models)
    licence = join_licences(license_, meta["sources"])
    meta.update(name=name, version=version, license=licence)
    if tests is not None:
        meta["scores"] = score_sets(source, tests)
    measured: Any = srsly.read_json(speed) if speed and speed.is_file() else {}
    rate = measured.get("words_per_second", {}).get(row_of(packaged))
    if rate is not None:
        processor = measured["machine"]["processor"]
        meta["speed"] = {"words_per_second": rate, "processor": processor}
    labels = [x for each in meta.get("labels", {}).values() for x in each]
    meta["notes"] = write_notes(
        labels,
        meta.get("scores", {}),
        meta.get("speed", {}),
        has_teacher="teacher" in meta,
    )
    config = strip_paths(load_config(source / "config.cfg"))
    left = [*find_paths(config), *find_paths(meta)]
    for file_path in sorted(source.rglob("cfg")):
        left.extend(find_paths(srsly.read_json(file_path), (file_path.parent.name,)))
    if left:
        msg.fail(
            "Local paths are left in the pipeline",
            "\n".join(f"{key} = {value}" for key, value in left),
            exits=1,
        )

    def write(fresh: Path) -> None:
        shutil.copytree(source, fresh, ignore=shutil.ignore_patterns(MARK_FILE))
        write_half(fresh)
        srsly.write_json(fresh / "meta.json", meta)
        config.to_disk(fresh / "config.cfg")

    inputs = [
        path
        for path in (source, corpus_meta, vectors_meta, lm_meta)
        if path is not None
    ]
    try:
        write_folder(output, write, command=COMMAND, inputs=inputs)
    except ValueError as err:
        msg.fail(f"'{output}' cannot be written", str(err), exits=1)
    msg.good(f"Ready to package: {output}")


if __name__ == "__main__":
    typer.run(main)
