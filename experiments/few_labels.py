"""F1 of several pipelines with few labels, over random choices of the training sentences."""

import random
import shutil
import statistics
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import spacy
import srsly
import typer
from lab.jobs import (
    Row,
    Runs,
    Settings,
    make_once,
    run_spacy,
    side_by_side,
    use_one_thread,
)
from lab.studies import (
    SETTINGS_FILE,
    check_choices,
    head_of_table,
    read_numbers,
    run_app,
    use_settings,
)
from lab.trainings import Stage, evaluate, run_stage, suit_data, train
from spacy.cli.init_config import init_config as spacy_init_config
from spacy.tokens import Doc, DocBin
from wasabi import msg

from spacy_ldnet.cli.init_config import init_config, init_start_config, save_config
from spacy_ldnet.evaluation.choose import choose_pipeline
from spacy_ldnet.evaluation.cost import measure_speed
from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.workflow.scripting import ScriptError, write_json

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
CNN, CNN_VECTORS, NO_LM = "cnn", "cnn-vectors", "no_lm"
CNN_PRETRAINED = "cnn-pretrained"
LDNET, PRUNED = "ldnet", "ldnet-pruned"
MINILM, CONTINUED = "minilm-crf", "continued"
#: Rows of the table.
TITLES = {
    CNN: "spaCy's CNN and `ner`",
    CNN_VECTORS: "spaCy's CNN and `ner`, word vectors",
    CNN_PRETRAINED: "the same, after `spacy pretrain`",
    NO_LM: "our tagger without language models",
    LDNET: "our tagger on all layers of `lm_en`",
    PRUNED: "the same, pruned",
    CONTINUED: "`en_ldnet`, trained on these labels",
    MINILM: "MiniLM and our CRF",
}
SYSTEMS = tuple(TITLES)
DEFAULT_SYSTEMS = (CNN, CNN_VECTORS, NO_LM, LDNET, PRUNED)
PARTS = ("train", "dev", "test")
#: The dev sentences are a share of the training sentences: nobody with 200 labelled
#: sentences has 1,000 more for dev.
DEV_SHARE = 0.2
#: Kept of each token.
ATTRS = ("ENT_IOB", "ENT_TYPE", "SENT_START")
#: Files below the folder of the study.
RUNS_FILE, SPEED_FILE = "runs.jsonl", "speed.json"
KEYS = ("corpus", "size", "draw", "system")
SPEED_WORDS = 20_000

app = typer.Typer(no_args_is_help=True)


class Cell(NamedTuple):
    """One choice of training sentences.

    corpus (str): Name of the corpus.
    size (int): The number of training sentences; 0 for all.
    draw (int): Number of the choice, which is also the seed of the trainings.
    """

    corpus: str
    size: int
    draw: int

    @property
    def name(self) -> str:
        """Its directory's name."""
        return f"{self.corpus}-{self.size or 'all'}-{self.draw}"


class Trained(NamedTuple):
    """A trained pipeline.

    pipeline (Path): Its directory.
    stages (List[Stage]): The commands that made it.
    facts (Row): What else is to be recorded.
    """

    pipeline: Path
    stages: List[Stage]
    facts: Row


@dataclass
class Study:
    """Trains every system on every choice of sentences.

    output (Path): Folder for the choices and the trained pipelines.
    corpora (Dict[str, Path]): Folders with train, dev and test.spacy.
    lm (str): Language models: a directory or an installed package.
    vectors (Path): Word vectors.
    transformer (str): Folder, or name on the hub, of the transformer.
    pretrained (str): Weights of the CNN with word vectors that `spacy pretrain` wrote.
    ready (Dict[str, Path]): The pipeline to continue for each corpus.
    updates (int): At most so many updates of a training; 0 for those of the configs.
    """

    output: Path
    corpora: Dict[str, Path]
    lm: str
    vectors: Path
    transformer: str = ""
    pretrained: str = ""
    ready: Dict[str, Path] = field(default_factory=dict)
    updates: int = 0

    def run(self, cell: Cell, system: str) -> Row:
        """Train and score a system.

        cell (Cell): The choice of sentences.
        system (str): One of `SYSTEMS`.
        RETURNS (Row): What is recorded.
        RAISES (ScriptError): If a command fails; its log is named.
        """
        folder = self.output / cell.name
        make_once(folder / "data", partial(self._choose, cell))
        counts: Any = srsly.read_json(folder / "data" / "counts.json")
        pipeline, stages, facts = self.systems[system](cell)
        test = self.corpora[cell.corpus] / "test.spacy"
        scores = evaluate(pipeline, test, folder / f"{system}-test.json")
        types = scores["ents_per_type"] or {}
        return {
            **dict(zip(KEYS, (*cell, system))),
            **counts,
            "f1": 100 * (scores["ents_f"] or 0.0),
            "f1_per_label": {k: 100 * v["f"] for k, v in sorted(types.items())},
            "seconds": round(sum(stage.seconds for stage in stages), 1),
            "updates": sum(stage.updates for stage in stages),
            "pipeline": pipeline.relative_to(self.output).as_posix(),
            "date": date.today().isoformat(),
            **facts,
        }

    @property
    def systems(self) -> Dict[str, Callable[[Cell], Trained]]:
        """The training of each system."""
        return {
            CNN: partial(self._cnn, CNN),
            CNN_VECTORS: partial(self._cnn, CNN_VECTORS),
            CNN_PRETRAINED: partial(self._cnn, CNN_PRETRAINED),
            NO_LM: self._no_lm,
            LDNET: self._ldnet,
            PRUNED: self._pruned,
            MINILM: self._minilm,
            CONTINUED: self._continued,
        }

    def _choose(self, cell: Cell, made: Path) -> None:
        """Write the sentences of a choice. Larger choices of a draw contain smaller ones."""
        made.mkdir()
        corpus = self.corpora[cell.corpus]
        found = {part: read_sentences(corpus / f"{part}.spacy") for part in PARTS[:2]}
        if cell.size > len(found["train"]):
            raise ScriptError(
                f"{corpus} has {len(found['train'])} training sentences, not {cell.size}",
                "Give smaller --sizes; 0 takes all.",
            )
        number = cell.size or len(found["train"])
        numbers = {"train": number, "dev": max(round(DEV_SHARE * number), 1)}
        counts = {}
        for part, sentences in found.items():
            random.Random(cell.draw).shuffle(sentences)
            chosen = sentences[: numbers[part]]
            counts[part] = len(chosen)
            doc_bin = DocBin(attrs=ATTRS, docs=chosen, store_user_data=True)
            doc_bin.to_disk(made / f"{part}.spacy")
        write_json(made / "counts.json", counts)

    # The systems

    def _train(self, cell: Cell, name: str, config: Path, settings: Settings) -> Stage:
        folder = self.output / cell.name
        data = {f"paths.{part}": folder / f"data/{part}.spacy" for part in PARTS[:2]}
        shared = {**data, "system.seed": cell.draw, **settings}
        return train(config, folder / name, shared, self.updates)

    def _suited(self, cell: Cell) -> Settings:
        return suit_data(self.output / cell.name / "data" / "train.spacy")

    def _cnn(self, name: str, cell: Cell) -> Trained:
        """What `spacy init config` recommends for a CPU."""
        config = self.output / cell.name / f"{name}.cfg"
        pretraining = name == CNN_PRETRAINED
        spacy_init_config(lang="en", pipeline=["ner"], pretraining=pretraining).to_disk(
            config
        )
        settings: Settings = {}
        if name != CNN:
            settings = {
                "paths.vectors": self.vectors,
                "components.tok2vec.model.embed.include_static_vectors": "true",
            }
        if pretraining:
            settings["paths.init_tok2vec"] = self.pretrained
        stage = self._train(cell, name, config, settings)
        return Trained(stage.best, [stage], {})

    def _no_lm(self, cell: Cell) -> Trained:
        settings = {**self._suited(cell), "paths.vectors": self.vectors}
        stage = self._train(cell, NO_LM, CONFIGS / "no_lm.cfg", settings)
        return Trained(stage.best, [stage], {})

    def _ldnet(self, cell: Cell) -> Trained:
        config = self._write_configs(cell)
        stage = self._train(cell, "full", config, {})
        return Trained(stage.best, [stage], {})

    def _pruned(self, cell: Cell) -> Trained:
        """The steps `own-prune`, `own-retrain` and `own-choose` of the workflow `own`. The
        result is the better pruned pipeline on dev, whether or not `own` takes it."""
        folder = self.output / cell.name
        (full,) = self._ldnet(cell).stages
        config = self._write_configs(cell)
        gated = self._train(
            cell,
            "gated",
            config.with_stem(f"{config.stem}_prune"),
            {"paths.source": full.best, "paths.gate_log": folder / "gates.jsonl"},
        )
        pruned = run_stage(
            folder / "pruned",
            lambda made: [
                "ldnet",
                "prune",
                gated.best,
                made / "model-best",
                "--no-speed",
            ],
        )
        options = {"layers-of": pruned.best}
        lm = run_stage(
            folder / "lm_pruned",
            lambda made: ["ldnet", "prune", self.lm, made / "model-best"],
            **options,
        )
        retrained = self._train(cell, "retrained", config, {"paths.lm": lm.best})
        compared = folder / "compared.json"
        paths = {"full": full.best, "pruned": pruned.best, "retrained": retrained.best}
        run_spacy(
            ["ldnet", "compare", *paths.values(), "--no-speed"],
            {"gold": folder / "data" / "dev.spacy", "output": compared, "draws": 1},
            compared.with_suffix(".log"),
        )
        found: Any = srsly.read_json(compared)
        choice = choose_pipeline(
            found,
            whole="full",
            pruned=["pruned", "retrained"],
            gold="dev",
            path=compared,
        )
        best = choice["best"]
        facts = {"best": best, "chosen": choice["chosen"], "dev_f1": choice["f1"]}
        stages = [full, gated, pruned, lm, retrained]
        return Trained(paths[best], stages, facts)

    def _write_configs(self, cell: Cell) -> Path:
        """The config that `ldnet init-config` writes. The one for pruning is next to it."""
        folder = self.output / cell.name

        def make(made: Path) -> None:
            train_path, dev_path = (folder / f"data/{part}.spacy" for part in PARTS[:2])
            configs = init_config(
                lm=self.lm,
                pipeline=["crf_ner"],
                lang="en",
                train_path=train_path,
                dev_path=dev_path,
            )
            for name, config in zip(("config", "config_prune"), configs):
                save_config(config, made / f"{name}.cfg")

        make_once(folder / "configs", make)
        return folder / "configs" / "config.cfg"

    def _minilm(self, cell: Cell) -> Trained:
        settings = {**self._suited(cell), "paths.transformer": self.transformer}
        stage = self._train(cell, MINILM, CONFIGS / "trf_crf.cfg", settings)
        return Trained(stage.best, [stage], {})

    def _continued(self, cell: Cell) -> Trained:
        """The config that `ldnet init-config --start` writes."""
        folder = self.output / cell.name
        train_path, dev_path = (folder / f"data/{part}.spacy" for part in PARTS[:2])
        ready = str(self.ready[cell.corpus])
        config = init_start_config(ready, train_path=train_path, dev_path=dev_path)
        path = folder / "continued.cfg"
        save_config(config, path)
        stage = self._train(cell, CONTINUED, path, {})
        return Trained(stage.best, [stage], {})


def read_sentences(path: Path) -> List[Doc]:
    """path (Path): A .spacy file.
    RETURNS (List[Doc]): Its sentences, each as a Doc. A Doc without sentences stays whole.
    RAISES (ScriptError): If there is no such file.
    """
    if not path.is_file():
        raise ScriptError(f"No {path}", "Run the corpus step first.")
    docs = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    return [
        sentence
        for doc in docs
        for sentence in (
            [span.as_doc(copy_user_data=True) for span in doc.sents]
            if doc.has_annotation("SENT_START")
            else [doc]
        )
    ]


@app.command("run")
def run_study(
    output: Path = typer.Argument(..., help="Folder of the study"),
    corpora: List[Path] = typer.Argument(
        ..., help="Folders with train, dev and test.spacy; their names are shown"
    ),
    lm: str = typer.Option("assets/lm_en", help="Language models"),
    vectors: Path = typer.Option(Path("corpus/vectors"), help="Word vectors"),
    transformer: str = typer.Option("", help=f"Folder or name, for {MINILM}"),
    pretrained: str = typer.Option("", help=f"Weights, for {CNN_PRETRAINED}"),
    ready: List[str] = typer.Option([], help=f"CORPUS=PIPELINE, for {CONTINUED}"),
    sizes: str = typer.Option("50,200,1000,0", help="Sentences, with commas; 0: all"),
    draws: int = typer.Option(3, min=1, help="Choices of sentences, and seeds"),
    systems: str = typer.Option(
        ",".join(DEFAULT_SYSTEMS), help=f"With commas, of: {', '.join(SYSTEMS)}"
    ),
    updates: int = typer.Option(0, min=0, help="At most so many updates (0: no limit)"),
    workers: int = typer.Option(2, min=1, help="Trainings at a time, one thread each"),
) -> None:
    """Train and score what is missing. A study that was stopped resumes."""
    study = Study(
        output=output,
        corpora={path.resolve().name: path for path in corpora},
        lm=lm,
        vectors=vectors,
        transformer=transformer,
        pretrained=pretrained,
        ready=read_pairs(ready),
        updates=updates,
    )
    wanted = check_choices("systems", systems.split(","), SYSTEMS)
    numbers = read_numbers("sizes", sizes)
    check_study(study, wanted)
    use_one_thread()
    settings = {
        "lm": lm,
        "vectors": str(vectors),
        "transformer": transformer,
        "pretrained": pretrained,
        "updates": updates,
    }
    use_settings(output, settings)
    runs = Runs(output / RUNS_FILE, KEYS)
    # One system after the other, since a pruned pipeline waits for its unpruned one.
    planned = [
        (Cell(corpus, size, draw), system)
        for draw in range(draws)
        for system in wanted
        for size in numbers
        for corpus in study.corpora
    ]

    def run(cell: Cell, system: str) -> None:
        runs.add(study.run(cell, system))
        is_done = all((*cell, other) in runs for other in wanted)
        if cell.draw and is_done:
            # The pipelines of the first draw are for the measurement of speed.
            shutil.rmtree(output / cell.name)

    missing = {
        (cell, system): partial(run, cell, system)
        for cell, system in planned
        if (*cell, system) not in runs
    }
    side_by_side(missing, workers)
    msg.good(f"{len(runs.rows)} runs", str(runs.path))


def read_pairs(texts: Sequence[str]) -> Dict[str, Path]:
    """texts (Sequence[str]): NAME=PATH.
    RETURNS (Dict[str, Path]): The paths by name.
    RAISES (ScriptError): If one is written otherwise.
    """
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, pair in zip(texts, pairs) if not all(pair)]
    if wrong:
        raise ScriptError(f"--ready '{wrong[0]}' is not CORPUS=PIPELINE")
    return {name: Path(path) for name, _, path in pairs}


def check_study(study: Study, systems: Sequence[str]) -> None:
    """RAISES (ScriptError): If something is missing that a system needs."""
    files = [
        path / f"{part}.spacy" for path in study.corpora.values() for part in PARTS
    ]
    if {CNN_VECTORS, CNN_PRETRAINED, NO_LM} & set(systems):
        files.append(study.vectors / "meta.json")
    if CNN_PRETRAINED in systems:
        if not study.pretrained:
            raise ScriptError("No weights of the CNN", "Give them as --pretrained.")
        files.append(Path(study.pretrained))
    if CONTINUED in systems:
        lacking = [name for name in study.corpora if name not in study.ready]
        if lacking:
            raise ScriptError(
                f"No pipeline to continue for {', '.join(lacking)}",
                "Give it as --ready CORPUS=PIPELINE, one that has not seen the corpus.",
            )
        files += [path / "meta.json" for path in study.ready.values()]
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise ScriptError(
            f"Missing: {', '.join(missing)}",
            "Corpora are made by scripts/corpus.py, vectors by scripts/vectors.py.",
        )
    if MINILM in systems and not study.transformer:
        raise ScriptError(
            f"No transformer for {MINILM}",
            "Give --transformer the folder that scripts/transformer.py writes.",
        )


@app.command("speed")
def measure(
    output: Path = typer.Argument(..., help="Folder of the study", exists=True),
    corpora: List[Path] = typer.Argument(..., help="The folders of the corpora"),
    size: int = typer.Option(200, min=0, help="Pipelines trained on so many sentences"),
    rounds: int = typer.Option(5, min=1, help="Rounds, after one to warm up"),
) -> None:
    """Measure the words per second of the first draw's pipelines, which take turns."""
    use_one_thread()
    runs = Runs(output / RUNS_FILE, KEYS)
    found: Dict[str, Any] = {}
    for corpus in corpora:
        name = corpus.resolve().name
        paths = {
            row["system"]: output / row["pipeline"]
            for row in runs.rows
            if (row["corpus"], row["size"], row["draw"]) == (name, size, 0)
        }
        if not paths:
            raise ScriptError(
                f"{output} has no pipelines of {name} with {size} sentences",
                "Run the study first, or give another --size.",
            )
        pipelines = {system: spacy.load(path) for system, path in paths.items()}
        test = corpus / "test.spacy"
        texts = read_texts(test, next(iter(pipelines.values())), SPEED_WORDS)
        found[name] = measure_speed(pipelines, texts, rounds=rounds)
        print(name, found[name]["words_per_second"])
    write_json(output / SPEED_FILE, {"size": size, "corpora": found})


@app.command("table")
def write_table(
    output: Path = typer.Argument(..., help="Folder of the study", exists=True),
    table: Path = typer.Argument(..., help="JSON file: docs/results/few_labels.json"),
    size: int = typer.Option(200, min=0, help="Minutes and the short table are of it"),
) -> None:
    """Write mean and spread of all runs as a table for the documentation."""
    runs = Runs(output / RUNS_FILE, KEYS)
    if not runs.rows:
        raise ScriptError(f"{output} has no runs", "Run the study first.")
    settings: Any = srsly.read_json(output / SETTINGS_FILE)
    speed = output / SPEED_FILE
    speeds: Any = srsly.read_json(speed)["corpora"] if speed.exists() else {}
    write_json(table, make_table(runs.rows, settings, speeds, size))
    msg.good(f"{len(runs.rows)} runs in {table}")


def make_table(
    rows: Sequence[Row], settings: Row, speeds: Dict[str, Any], size: int
) -> Dict[str, Any]:
    """rows (Sequence[Row]): The runs.
    settings (Row): What the study recorded about itself.
    speeds (Dict[str, Any]): Corpus -> see `measure_speed`.
    size (int): The number of sentences whose training time is shown.
    RETURNS (Dict[str, Any]): A table as those in docs/results.
    """
    groups: Dict[Tuple[str, str, int], List[Row]] = {}
    for row in sorted(rows, key=lambda row: row["draw"]):
        groups.setdefault((row["system"], row["corpus"], row["size"]), []).append(row)
    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    sizes = sorted({row["size"] for row in rows}, key=lambda n: (n == 0, n))
    heads = {
        (corpus, n): f"{corpus}, {f'{n:,}' if n else 'all'}"
        for corpus in corpora
        for n in sizes
        if any((system, corpus, n) in groups for system in TITLES)
    }
    minutes, words = f"minutes ({size:,})", "words/s"
    columns: List[Dict[str, Any]] = [{"name": "pipeline", "short": True}]
    for (_, n), head in heads.items():
        columns.append({"name": head, "format": "{:.1f}", "short": n == size})
    columns.append({"name": minutes, "format": "{:.1f}", "short": True})
    columns.append({"name": words, "format": "{:,.0f}", "short": True})
    lines = []
    for system, title in TITLES.items():
        line: Dict[str, Any] = {
            "pipeline": title,
            "short": system not in (NO_LM, PRUNED),
        }
        for (corpus, n), head in heads.items():
            found = groups.get((system, corpus, n), [])
            if found:
                line[head] = [round(row["f1"], 2) for row in found]
        timed = [
            row for corpus in corpora for row in groups.get((system, corpus, size), [])
        ]
        if timed:
            seconds = statistics.median(row["seconds"] for row in timed)
            line[minutes] = round(seconds / 60, 2)
        rates = [
            speeds[c]["words_per_second"].get(system) for c in corpora if c in speeds
        ]
        rates = [rate for rate in rates if rate]
        if rates:
            line[words] = round(statistics.median(rates))
        if len(line) > 2:
            lines.append(line)
    return {
        **head_of_table(
            "F1 on human labels by the number of training sentences",
            rows,
            settings,
            "draw",
        ),
        "columns": columns,
        "rows": lines,
    }


if __name__ == "__main__":
    run_app(app)
