"""spaCy's heads on shared language models, compared with the same heads on spaCy's CNN."""

import random
import statistics
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import pos_corpus
import spacy
import srsly
import typer
from lab.jobs import Row, Runs, Settings, side_by_side, use_one_thread
from lab.studies import (
    SETTINGS_FILE,
    call_of,
    check_choices,
    head_of_table,
    read_numbers,
    run_app,
    use_settings,
)
from lab.trainings import Stage, evaluate, train
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.converters import conllu_to_docs
from thinc.api import Config
from wasabi import msg

from spacy_ldnet.cli.init_config import ENCODER, save_config
from spacy_ldnet.cli.init_config import init_config as ldnet_config
from spacy_ldnet.evaluation.cost import use_threads
from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.lm_directory import LayerId
from spacy_ldnet.pruning import encoders_in, keep_only
from spacy_ldnet.timing import (
    Words,
    count_words,
    describe_machine,
    interleave,
    time_pipeline,
)
from spacy_ldnet.util import write_folder
from spacy_ldnet.workflow.documents import (
    Document,
    read_documents,
    split_documents,
)
from spacy_ldnet.workflow.scripting import ScriptError, script_errors, write_json

LDNET, CNN, BOW = "ldnet", "cnn", "bow"
TITLES = {
    LDNET: "on the shared language models",
    CNN: "on spaCy's CNN",
    BOW: "a bag of words, spaCy's choice for a CPU",
}
#: The encoder of `spacy init config --optimize efficiency`. For texts that command has no
#: encoder, and with `--optimize accuracy` a large one with vectors.
SMALL_CNN: Settings = {
    "paths.vectors": "null",
    "components.tok2vec.model.embed.include_static_vectors": "false",
    "components.tok2vec.model.encode.width": 96,
    "components.tok2vec.model.encode.depth": 4,
}
SPEED_WORDS = 20_000
RUNS_FILE, SPEED_FILE = "runs.jsonl", "speed.json"
SHARED_FILE = "shared.json"
KEYS = ("head", "seed", "system")
#: What the mark in the folder says of who wrote it.
COMMAND = "experiments/heads.py"
PARTS = ("train", "dev", "test")
#: Shorter paragraphs say too little of the category of their document.
MIN_WORDS = 50
#: Categories of the Brown corpus by the second letter of the file name.
CATEGORIES = {
    "a": "reportage",
    "b": "editorial",
    "c": "reviews",
    "d": "religion",
    "e": "hobbies",
    "f": "lore",
    "g": "belles_lettres",
    "h": "government",
    "j": "learned",
    "k": "fiction",
    "l": "mystery",
    "m": "science_fiction",
    "n": "adventure",
    "p": "romance",
    "r": "humor",
}
ENTITIES = ("PER", "LOC", "ORG", "MISC")

app = typer.Typer(no_args_is_help=True)


class Task(NamedTuple):
    """title (str): Name in the table.
    score (str): spaCy's name of the score.
    systems (Tuple[str, ...]): What is compared.
    """

    title: str
    score: str
    systems: Tuple[str, ...]


#: With exclusive categories the micro F1 is the share of texts that are right.
TASKS = {
    "tagger": Task("`tagger`: Brown tags, accuracy", "tag_acc", (LDNET, CNN)),
    "textcat": Task(
        "`textcat`: Brown categories, accuracy", "cats_micro_f", (LDNET, CNN, BOW)
    ),
    "spancat": Task("`spancat`: wikigold, F1", "spans_sc_f", (LDNET, CNN)),
    "morphologizer": Task(
        "`morphologizer`: GUM, accuracy of the features", "morph_acc", (LDNET, CNN)
    ),
    "parser": Task("`parser`: GUM, LAS", "dep_las", (LDNET, CNN)),
}
#: Heads whose data is the treebank.
SYNTAX = ("morphologizer", "parser")


@app.command("corpus")
def write_corpora(
    text: Path = typer.Argument(
        ..., help="The Brown corpus: what scripts/fetch.py wrote"
    ),
    tagged: Path = typer.Argument(..., help="Its tagged files, by --tagged"),
    entities: Path = typer.Argument(
        ..., help="Folder of wikigold: train, dev, test.spacy"
    ),
    output: Path = typer.Argument(..., help="Gets a folder for each head"),
    treebank: Optional[Path] = typer.Option(
        None, help="Folder of a treebank: one *-train, -dev and -test.conllu each"
    ),
    labelled: int = typer.Option(2000, min=0, help="Train texts of each (0: all)"),
    max_dev: int = typer.Option(400, min=0, help="Dev texts of each (0: all)"),
    max_test: int = typer.Option(0, min=0, help="Test texts of each (0: all)"),
    dev_share: float = typer.Option(0.06, help="Share of Brown's documents for dev"),
    test_share: float = typer.Option(0.16, help="Share of Brown's documents for test"),
    seed: int = typer.Option(0, help="Decides the split and the choice"),
) -> None:
    """Write train, dev and test of each head. Brown is split by document."""
    limits = dict(zip(PARTS, (labelled, max_dev, max_test)))
    pos_corpus.main(
        text,
        tagged,
        output / "tagger",
        **dict(zip(("labelled", "max_dev", "max_test"), limits.values())),
        dev_share=dev_share,
        test_share=test_share,
        seed=seed,
    )
    parts = split_documents(read_documents(text), dev_share, test_share, seed)
    nlp = spacy.blank("en")
    categories = {
        name: list(read_categories(nlp, part)) for name, part in parts.items()
    }
    spans = {name: read_spans(nlp, entities / f"{name}.spacy") for name in PARTS}
    data = {"textcat": categories, "spancat": spans}
    if treebank is not None:
        trees = {name: read_trees(treebank, name) for name in PARTS}
        data.update(dict.fromkeys(SYNTAX, trees))
    for head, docs in data.items():
        chosen = {n: choose(d, limits[n], seed) for n, d in docs.items()}
        write = partial(write_parts, chosen)
        with script_errors(f"'{output / head}' cannot be written"):
            write_folder(output / head, write, command=COMMAND, inputs=[text, entities])
        counts = ", ".join(f"{name}: {len(d):,} texts" for name, d in chosen.items())
        msg.good(f"{output / head}: {counts}")


def read_categories(nlp: Language, documents: Sequence[Document]) -> List[Doc]:
    """nlp (Language): The tokenizer.
    documents (Sequence[Document]): Documents of the Brown corpus.
    RETURNS (List[Doc]): Their longer paragraphs, each with the category of its document.
    RAISES (ScriptError): If a document is not of the Brown corpus.
    """
    docs = []
    for document in documents:
        category = CATEGORIES.get(document.name[1:2])
        if category is None:
            raise ScriptError(
                f"{document.name} is not a document of the Brown corpus",
                "Its files are called ca01.txt to cr09.txt, as scripts/fetch.py writes them.",
            )
        for doc in nlp.pipe(document.paragraphs):
            if len(doc) >= MIN_WORDS:
                doc.cats = {
                    name: float(name == category) for name in CATEGORIES.values()
                }
                docs.append(doc)
    return docs


def read_spans(nlp: Language, path: Path) -> List[Doc]:
    """nlp (Language): Whose vocabulary is used.
    path (Path): A .spacy file with entities.
    RETURNS (List[Doc]): Its Docs, with the entities as the spans of `spancat`.
    RAISES (ScriptError): If there is no such file.
    """
    if not path.is_file():
        raise ScriptError(f"No {path}", "Run the corpus step first.")
    docs = list(DocBin().from_disk(path).get_docs(nlp.vocab))
    for doc in docs:
        doc.spans["sc"] = list(doc.ents)
        doc.set_ents([])
    return docs


def read_trees(folder: Path, part: str) -> List[Doc]:
    """folder (Path): Folder of a treebank in CoNLL-U.
    part (str): The end of the name of one of its files.
    RETURNS (List[Doc]): A Doc for each sentence.
    RAISES (ScriptError): If there is not one such file.
    """
    files = list(folder.glob(f"*-{part}.conllu"))
    if len(files) != 1:
        raise ScriptError(
            f"'{folder}' has {len(files)} files *-{part}.conllu, not one",
            "Fetch the treebank: python -m spacy project assets experiments --extra",
        )
    text = files[0].read_text("utf-8")
    return list(conllu_to_docs(text, n_sents=1, no_print=True))


def choose(docs: List[Doc], limit: int, seed: int) -> List[Doc]:
    """RETURNS (List[Doc]): Some of the Docs by chance; all of them if `limit` is 0."""
    return random.Random(seed).sample(docs, limit) if 0 < limit < len(docs) else docs


def write_parts(parts: Dict[str, List[Doc]], folder: Path) -> None:
    """parts (Dict[str, List[Doc]]): Docs by part.
    folder (Path): Where each part becomes a .spacy file.
    """
    folder.mkdir()
    for name, docs in parts.items():
        # All that a head may learn; the heads of words are distances.
        attrs = ["SENT_START", "TAG", "POS", "MORPH", "HEAD", "DEP"]
        DocBin(attrs=attrs, docs=docs).to_disk(folder / f"{name}.spacy")


@app.command("run")
def run_study(
    corpora: Path = typer.Argument(..., help="What the command `corpus` wrote"),
    output: Path = typer.Argument(..., help="Folder of the study"),
    lm: str = typer.Option("assets/lm_en", help="Language models"),
    heads: str = typer.Option("", help="Heads, with commas (default: all with data)"),
    seeds: str = typer.Option("0", help="Seeds, with commas"),
    updates: int = typer.Option(0, min=0, help="At most so many updates (0: no limit)"),
    workers: int = typer.Option(2, min=1, help="Trainings at a time, one thread each"),
    rounds: int = typer.Option(5, min=1, help="Rounds of the measurement of speed"),
) -> None:
    """Train and score what is missing, then measure the words per second of the first
    seed's pipelines, which take turns."""
    named = heads.split(",") if heads else [h for h in TASKS if (corpora / h).is_dir()]
    if not named:
        raise ScriptError(f"{corpora} has no data of a head", "Run `corpus` first.")
    wanted = check_choices("heads", named, TASKS)
    numbers = read_numbers("seeds", seeds)
    use_one_thread()
    use_settings(output, {"lm": lm, "updates": updates})
    runs = Runs(output / RUNS_FILE, KEYS)

    def run(head: str, seed: int, system: str) -> None:
        folder = output / f"{head}-{seed}"
        data = corpora / head
        stage = train_head(head, system, data, lm, folder, seed, updates)
        name = TASKS[head].score
        scores = evaluate(
            stage.best, data / "test.spacy", folder / f"{system}-test.json"
        )
        runs.add(
            {
                **dict(zip(KEYS, (head, seed, system))),
                "score": 100 * (scores[name] or 0.0),
                "seconds": stage.seconds,
                "updates": stage.updates,
                "date": date.today().isoformat(),
            }
        )

    keys = [
        (h, n, system) for n in numbers for h in wanted for system in TASKS[h].systems
    ]
    missing = {key: partial(run, *key) for key in keys if key not in runs}
    side_by_side(missing, workers)
    found: Dict[str, Any] = {}
    for head in wanted:
        folder = output / f"{head}-{numbers[0]}"
        names = TASKS[head].systems
        pipelines = {name: spacy.load(folder / name / "model-best") for name in names}
        texts = read_texts(corpora / head / "test.spacy", pipelines[LDNET], SPEED_WORDS)
        found[head] = measure(pipelines, texts, rounds)
        print(head, found[head])
    write_json(output / SPEED_FILE, found)


def train_head(
    head: str, system: str, data: Path, lm: str, folder: Path, seed: int, updates: int
) -> Stage:
    """Train one head, once.

    head (str): One of `TASKS`.
    system (str): What it stands on.
    data (Path): Folder with train and dev.spacy.
    lm (str): Language models.
    folder (Path): Where config and pipeline go.
    seed (int): Seed of the training.
    updates (int): At most so many updates; 0 for no limit.
    RETURNS (Stage): The finished training.
    RAISES (ScriptError): If a command fails; its log is named.
    """
    paths = {part: data / f"{part}.spacy" for part in PARTS[:2]}
    config = folder / f"{system}.cfg"
    if system == LDNET:
        found, _ = ldnet_config(
            lm=lm,
            pipeline=[head],
            lang="en",
            train_path=paths["train"],
            dev_path=paths["dev"],
        )
    else:
        has_cnn = head == "textcat" and system == CNN
        optimize = "accuracy" if has_cnn else "efficiency"
        found = init_config(lang="en", pipeline=[head], optimize=optimize)
    save_config(found, config)
    settings: Settings = {f"paths.{name}": path for name, path in paths.items()}
    settings["system.seed"] = seed
    if head == "textcat" and system == CNN:
        settings.update(SMALL_CNN)
    return train(config, folder / system, settings, updates)


def measure(
    pipelines: Dict[str, Language], texts: Sequence[Words], rounds: int
) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): Words per second of all components of each pipeline."""
    calls: Dict[str, Callable[[], float]] = {
        name: partial(time_pipeline, nlp, texts) for name, nlp in pipelines.items()
    }
    with use_threads(1):
        seconds = interleave(calls, rounds=rounds)
    return {name: round(count_words(texts) / taken) for name, taken in seconds.items()}


@app.command("shared")
def measure_shared(
    data: Path = typer.Argument(
        ..., help="Tagged sentences, such as tagger/test.spacy"
    ),
    output: Path = typer.Argument(..., help="Folder of the study"),
    lm: str = typer.Option("assets/lm_en", help="Language models"),
    rounds: int = typer.Option(5, min=1, help="Rounds, after one to warm up"),
    words: int = typer.Option(SPEED_WORDS, min=1, help="Words of the data to read"),
) -> None:
    """Measure several heads on one encoder: tags, entities and sentences. The heads have
    random weights: speed does not depend on them."""
    use_one_thread()
    docs = list(DocBin().from_disk(data).get_docs(spacy.blank("en").vocab))
    ours, _ = ldnet_config(lm=lm, pipeline=["tagger", "crf_ner", "senter"], lang="en")
    whole, cut, alone = (init_heads(ours, docs) for _ in range(3))
    for encoder in encoders_in(cut):
        keep_only(encoder, {"forward": [LayerId(0)], "backward": [LayerId(0)]})
    for name in ("tagger", "senter"):
        alone.remove_pipe(name)
    theirs = init_heads(cnn_config(), docs)
    pipelines = {
        "`crf_ner` on all layers": alone,
        "`tagger`, `crf_ner`, `senter` on all layers": whole,
        "`tagger`, `crf_ner`, `senter` on 1+1 layers": cut,
        "`tagger`, `ner`, `senter` on one CNN": theirs,
    }
    texts = read_texts(data, whole, words)
    rates = measure(pipelines, texts, rounds)
    for name, rate in rates.items():
        print(f"{name}: {rate:,.0f} words/s")
    write_json(
        output / SHARED_FILE,
        {
            "words_per_second": rates,
            "commands": [call_of()],
            "machine": describe_machine(1),
            "date": date.today().isoformat(),
        },
    )


def cnn_config() -> Config:
    """RETURNS (Config): spaCy's CNN and three heads that all listen to it."""
    heads = ["tagger", "ner", "senter"]
    config = init_config(lang="en", pipeline=heads, optimize="efficiency")
    width = config["components"][ENCODER]["model"]["encode"]["width"]
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": width,
        "upstream": ENCODER,
    }
    for name in heads:
        config["components"][name]["model"]["tok2vec"] = dict(listener)
    return config


def init_heads(config: Config, docs: Sequence[Doc]) -> Language:
    """config (Config): Config of a pipeline.
    docs (Sequence[Doc]): Tagged sentences.
    RETURNS (Language): The pipeline, with random weights but those of language models.
    RAISES (ScriptError): If there are too few words.
    """
    config = config.copy()
    for section in ("corpora", "training"):
        config.pop(section, None)
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    sample = [Doc(nlp.vocab).from_bytes(doc.to_bytes()) for doc in docs[:1000]]
    long = next((doc for doc in sample if len(doc) > len(ENTITIES)), None)
    if long is None:
        raise ScriptError(f"No sentence has more than {len(ENTITIES)} words")
    labelled = [spacy.tokens.Span(long, i, i + 1, e) for i, e in enumerate(ENTITIES)]
    long.set_ents(labelled, default="outside")
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in sample])
    return nlp


@app.command("table")
def write_table(
    output: Path = typer.Argument(..., help="Folder of the study", exists=True),
    table: Path = typer.Argument(..., help="JSON file: docs/results/heads.json"),
    shared: Optional[Path] = typer.Argument(
        None, help="JSON file for the heads on one encoder: docs/results/shared.json"
    ),
) -> None:
    """Write the results as tables for the documentation."""
    runs = Runs(output / RUNS_FILE, KEYS)
    if not runs.rows:
        raise ScriptError(f"{output} has no runs", "Run the study first.")
    settings: Any = srsly.read_json(output / SETTINGS_FILE)
    speeds: Any = srsly.read_json(output / SPEED_FILE)
    write_json(table, make_table(runs.rows, settings, speeds))
    if shared is not None:
        found: Any = srsly.read_json(output / SHARED_FILE)
        write_json(shared, make_shared_table(found))
    msg.good(f"{len(runs.rows)} runs in {table}")


def make_table(
    rows: Sequence[Row], settings: Row, speeds: Dict[str, Dict[str, float]]
) -> Dict[str, Any]:
    """rows (Sequence[Row]): The runs.
    settings (Row): What the study recorded about itself.
    speeds (Dict[str, Dict[str, float]]): Head -> system -> words per second.
    RETURNS (Dict[str, Any]): A table as those in docs/results.
    """
    lines = []
    for head, task in TASKS.items():
        for system in task.systems:
            found = [r for r in rows if (r["head"], r["system"]) == (head, system)]
            if not found:
                continue
            seconds = statistics.median(row["seconds"] for row in found)
            line: Dict[str, Any] = {
                "head": task.title,
                "encoder": TITLES[system],
                "score": [round(row["score"], 2) for row in found],
                "minutes": round(seconds / 60, 2),
            }
            if system in speeds.get(head, {}):
                line["words/s"] = speeds[head][system]
            lines.append(line)
    return {
        **head_of_table("Heads of spaCy on human labels", rows, settings, "seed"),
        "columns": [
            {"name": "head"},
            {"name": "encoder"},
            {"name": "score", "format": "{:.2f}"},
            {"name": "words/s", "format": "{:,.0f}"},
            {"name": "minutes", "format": "{:.1f}"},
        ],
        "rows": lines,
    }


def make_shared_table(found: Row) -> Dict[str, Any]:
    """found (Row): What the command `shared` wrote.
    RETURNS (Dict[str, Any]): A table as those in docs/results.
    """
    return {
        "title": "Several heads on one encoder",
        "machine": f"{found['machine']['processor']}, one thread",
        "date": found["date"],
        "commands": found["commands"],
        "not_run": "they need the data of the study",
        "columns": [{"name": "pipeline"}, {"name": "words/s", "format": "{:,.0f}"}],
        "rows": [
            {"pipeline": name, "words/s": rate}
            for name, rate in found["words_per_second"].items()
        ],
    }


if __name__ == "__main__":
    run_app(app)
