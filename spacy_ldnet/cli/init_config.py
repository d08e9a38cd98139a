"""`ldnet init-config`: a training config for any heads on shared language models, or for
the labels that a trained pipeline is to learn.
"""

import shlex
import warnings
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from spacy.cli._util import COMMAND, Arg, Opt, string_to_list
from wasabi import msg

from ..errors import Errors, Warnings, suggest
from ._util import app


class Head(NamedTuple):
    """Settings of a component that depend on its task.

    reader (str): The component's own layers between the shared encoder and its model:
        `stack` is a BiLSTM over characters and the encoder, `encoder` is spaCy's
        convolutions over the encoder. Most heads need one of them: a tagger with `none`
        lost to spaCy's CNN.
    losses (float): The number of losses per word of a batch. Most heads sum them up, text
        categorizers have one per text, and `crf_ner` takes the mean.
    """

    reader: str
    losses: float


#: Transition-based heads learn slowly from a BiLSTM. With 100 sentences `ner` reached an
#: F1 of 62 with an encoder, 50 with a stack and 47 with none; `crf_ner` reached 65 with a
#: stack; `spancat` reached 40 with a stack and 23 with an encoder.
HEADS = {
    "ner": Head("encoder", 1),
    "crf_ner": Head("stack", 0),
    "tagger": Head("stack", 1),
    "morphologizer": Head("stack", 1),
    "parser": Head("encoder", 1),
    "senter": Head("stack", 1),
    "textcat": Head("none", 1 / 3),
    "textcat_multilabel": Head("none", 1 / 3),
    "spancat": Head("stack", 1),
}
#: Name of the shared encoder, which spaCy's own heads and commands look for.
ENCODER = "tok2vec"
WIDTH = 128
EVALUATIONS = 20
#: Updates, and words per batch, for a training text of WORDS words. Both grow with a
#: power of its size: 500,000 words get 4,500 updates of 600 words, as in `configs/ner.cfg`.
UPDATES, BATCH_WORDS, WORDS, POWER = 1100, 150, 4000, 0.29
MOST_UPDATES, MOST_BATCH_WORDS = 20_000, 600
#: Shares of the training texts in another case, without which a pipeline that reads any
#: case learns to rely on the case of the labelled texts.
OTHER_CASE = {"lower": 0.15, "upper": 0.05, "title": 0.05}
#: Highest rates for a trained pipeline, if it knows all labels of the training data, and if
#: not. With the higher one it forgets what it knows.
KNOWN_RATE, NEW_RATE = 0.0005, 0.003
#: Assumed words of the training text if it is not given.
DEFAULT_WORDS = 60_000
#: Gates need this many updates to close, however small the training text is.
FEWEST_GATED_UPDATES, GATE_WARMUP = 1500, 700
#: Weight of the gate penalty for one loss per word, as in `configs/prune.cfg`.
GATE_WEIGHT = 0.01
#: Output directories in the printed commands. The config for pruning reads the first.
TRAINED, GATED, PRUNED = "training/full", "training/gated", "training/pruned"


@app.command("init-config")
def init_config_cli(
    # fmt: off
    output_file: Path = Arg(..., help="File to save the config to", dir_okay=False),
    lm: Optional[str] = Opt(
        None,
        "--lm",
        help="Language models, or a pipeline made from them: a directory or an installed package",
    ),
    start: Optional[str] = Opt(
        None,
        "--start",
        help="Instead of --lm: a trained pipeline with a crf_ner, such as en_ldnet, that is to learn other labels",
    ),
    pipeline: str = Opt(
        "crf_ner",
        "--pipeline",
        "-p",
        help=f"Comma-separated names of components. Choices: {', '.join(HEADS)}",
    ),
    lang: Optional[str] = Opt(
        None,
        "--lang",
        "-l",
        help="Language code. By default the language of the language models",
    ),
    train_path: Optional[Path] = Opt(
        None,
        "--train",
        exists=True,
        help="Training data (.spacy file or folder). Its size sets the number of updates",
    ),
    dev_path: Optional[Path] = Opt(None, "--dev", exists=True, help="Evaluation data"),
    vectors: Optional[str] = Opt(
        None,
        "--vectors",
        help="Word vectors for heads with a BiLSTM: a directory or an installed package",
    ),
    prune: bool = Opt(
        False,
        "--prune",
        help="Also write OUTPUT_FILE_prune.cfg, which trains gates to find the layers that the pipeline needs",
    ),
    force_overwrite: bool = Opt(
        False, "--force", "-F", help="Force overwriting the output files"
    ),
    # fmt: on
) -> None:
    """
    Write a training config for any heads of spaCy, and `crf_ner`, on shared language models.

    The encoder replaces spaCy's `tok2vec`, under the same name. The numbers of updates and
    evaluations and the learning rate are set from the size of the training data.

    With --start the config trains a pipeline that finds other entities already. It keeps its
    encoder, its tagger and its speed, and learns the labels of the training data. With few
    labels this is best.
    """
    try:
        given = {
            "--pipeline": pipeline != "crf_ner",
            "--prune": prune,
            "--lang": lang is not None,
            "--vectors": vectors is not None,
        }
        check_start(lm, start, [name for name, is_given in given.items() if is_given])
        gated_file = output_file.with_name(f"{output_file.stem}_prune.cfg")
        files = [output_file, gated_file] if prune else [output_file]
        for path in files:
            if path.exists() and not force_overwrite:
                raise ValueError(Errors.E191.format(path=path))
        if start is not None:
            configs = [
                init_start_config(start, train_path=train_path, dev_path=dev_path)
            ]
        else:
            configs = [
                *init_config(
                    lm=str(lm),
                    pipeline=string_to_list(pipeline),
                    lang=lang,
                    train_path=train_path,
                    dev_path=dev_path,
                    vectors=vectors,
                )
            ]
        for path, config in zip(files, configs):
            save_config(config, path)
    except ValueError as error:
        msg.fail("The config could not be written", str(error), exits=1)
    print_commands(files, configs[0]["paths"])


def init_config(
    *,
    lm: str,
    pipeline: List[str],
    lang: Optional[str] = None,
    train_path: Optional[Path] = None,
    dev_path: Optional[Path] = None,
    vectors: Optional[str] = None,
) -> Tuple[Any, Any]:
    """Make the training config of a pipeline, and the config that trains its gates.

    lm (str): Language models, or a pipeline made from them: a directory or an installed
        package. They are loaded once, as a check.
    pipeline (List[str]): Names of components from `HEADS`.
    lang (Optional[str]): Language code; None for the language of the language models.
    train_path (Optional[Path]): Training data, a .spacy file or a folder of them.
    dev_path (Optional[Path]): Evaluation data.
    vectors (Optional[str]): Word vectors, for the heads with a BiLSTM of their own. If
        there is no such head, a warning (W079) says so.
    RETURNS (Tuple[Config, Config]): Both configs, complete. The second one sources the
        trained pipeline of the first.
    RAISES (ValueError): If a component is unknown, the training data has no documents, or
        the language models cannot be used.
    """
    # Imported here because spaCy imports this module in all of its commands.
    from spacy.cli.init_config import init_config as spacy_init_config
    from spacy.util import load_model_from_config

    from ..loaders import EncoderLoader
    from ..pruning.encoders import encoders_of

    heads = [name for name in dict.fromkeys(pipeline) if name != ENCODER]
    check_heads(heads)
    if vectors is not None and all(HEADS[name].reader != "stack" for name in heads):
        warnings.warn(Warnings.W079.format(heads=", ".join(heads)), stacklevel=2)
    lang = choose_lang(lm, lang)
    words = DEFAULT_WORDS if train_path is None else count_words(train_path)
    steps, batch_words = count_updates(words)
    gated_steps = max(steps // 2, FEWEST_GATED_UPDATES)
    # With "accuracy" text categorizers listen to the encoder.
    config = spacy_init_config(lang=lang, pipeline=heads, optimize="accuracy")
    config["paths"]["train"] = None if train_path is None else str(train_path)
    config["paths"]["dev"] = None if dev_path is None else str(dev_path)
    config["paths"]["vectors"] = vectors
    config["paths"]["lm"] = lm
    config["nlp"]["pipeline"] = [ENCODER, *heads]
    config["components"][ENCODER] = make_encoder(heads)
    for name in heads:
        model = config["components"][name]["model"]
        model["tok2vec"] = make_tok2vec(HEADS[name], vectors is not None)
    loader = {"@misc": "spacy-ldnet.EncoderLoader.v1", "path": "${paths.lm}"}
    config["initialize"]["components"][ENCODER] = {"encoder_loader": loader}
    # Some heads find nothing in the first half of the training.
    set_training(config, steps, patience=steps * 3 // 4, rate=0.003, warmup=steps // 20)
    config["training"]["batcher"] = make_batcher(batch_words)
    # For layers in spaCy's heads. The block of a stack has its own rate.
    config["training"]["dropout"] = 0.2
    nlp = load_model_from_config(config, auto_fill=True)
    # Unusable language models are reported now, not when the training starts.
    for encoder in encoders_of(nlp, ENCODER):
        EncoderLoader(Path(lm))(encoder)
    return nlp.config, make_gated(nlp.config, heads, gated_steps)


def init_start_config(
    start: str, *, train_path: Optional[Path] = None, dev_path: Optional[Path] = None
) -> Any:
    """Make the config that trains a pipeline on other labels.

    start (str): The trained pipeline: a directory or an installed package.
    train_path (Optional[Path]): Training data, a .spacy file or a folder of them.
    dev_path (Optional[Path]): Evaluation data.
    RETURNS (Config): The config. The encoder of the pipeline stays as it is. Its tagger
        gets the labels of the training data, and begins with the weights that it has.
    RAISES (ValueError): E129 for training data without documents, E150 if there is no
        such pipeline, E208 if it has no `crf_ner`, or several.
    """
    import spacy
    from spacy.cli.init_config import init_config as spacy_init_config
    from spacy.pipeline.tok2vec import Tok2Vec
    from spacy.util import load_model_from_config

    from ..lm_directory import find_source

    words = DEFAULT_WORDS if train_path is None else count_words(train_path)
    steps, batch_words = count_updates(words)
    trained = spacy.load(find_source(start))
    factories = {
        name: trained.get_pipe_meta(name).factory for name in trained.pipe_names
    }
    heads = [name for name, factory in factories.items() if factory == "crf_ner"]
    if len(heads) != 1:
        reason = f"it has {len(heads)} components of the factory crf_ner, not one"
        raise ValueError(Errors.E208.format(path=start, reason=reason))
    (head,) = heads
    encoders = [
        name
        for name, pipe in trained.pipeline
        if isinstance(pipe, Tok2Vec) and head in pipe.listening_components
    ]
    # It may refer to the encoder's block, of which the source alone is left.
    tagger = trained.config.interpolate()["components"][head]
    tagger["model"]["nO"] = None
    config = spacy_init_config(lang=str(trained.lang), pipeline=["ner"])
    config["paths"]["train"] = None if train_path is None else str(train_path)
    config["paths"]["dev"] = None if dev_path is None else str(dev_path)
    config["paths"]["start"] = start
    for name in ("tokenizer", "batch_size"):
        config["nlp"][name] = trained.config["nlp"][name]
    config["nlp"]["pipeline"] = [*encoders, head]
    sourced = {name: {"source": "${paths.start}"} for name in encoders}
    config["components"] = {**sourced, head: tagger}
    if trained.vocab.vectors.shape[1]:
        config["initialize"]["vectors"] = "${paths.start}"
    config["initialize"]["after_init"] = {
        "@callbacks": "spacy-ldnet.load_tagger.v1",
        "path": "${paths.start}",
        "component": head,
    }
    labels = set() if train_path is None else find_labels(train_path, trained.vocab)
    known = trained.get_pipe(head).labels  # type: ignore[attr-defined]
    rate = KNOWN_RATE if labels and labels <= {*known} else NEW_RATE
    set_training(config, steps, patience=steps * 3 // 4, rate=rate, warmup=steps // 20)
    config["training"]["batcher"] = make_batcher(batch_words)
    config["training"]["dropout"] = 0.5
    config["corpora"]["train"]["augmenter"] = {
        "@augmenters": "spacy-ldnet.style_augmenter.v1",
        **OTHER_CASE,
    }
    filled = load_model_from_config(config, auto_fill=True).config.copy()
    # spaCy writes the settings of what it has loaded instead.
    filled["components"].update(sourced)
    return filled


def check_start(lm: Optional[str], start: Optional[str], others: List[str]) -> None:
    """lm (Optional[str]): Language models to start from, if given.
    start (Optional[str]): A trained pipeline to start from, if given.
    others (List[str]): Options that only language models have, if given.
    RAISES (ValueError): E209 unless exactly one of both is given, or for an option that
        does not apply.
    """
    reason = ""
    if (lm is None) == (start is None):
        reason = "--lm or --start is needed, and not both"
    elif start is not None and others:
        reason = f"{', '.join(others)} cannot be combined with --start"
    if reason:
        raise ValueError(Errors.E209.format(reason=reason))


def check_heads(names: List[str]) -> None:
    """names (List[str]): Names of components.
    RAISES (ValueError): E190 if there are none, or for a name that is not in `HEADS`.
    """
    for name in names or [""]:
        if name not in HEADS:
            hint = suggest(name, HEADS)
            choices = ", ".join(HEADS)
            raise ValueError(Errors.E190.format(name=name, hint=hint, choices=choices))


def choose_lang(lm: str, lang: Optional[str]) -> str:
    """lm (str): Language models or a pipeline, by directory or name.
    lang (Optional[str]): The language that the user gave, if any.
    RETURNS (str): The given language, or that of the language models. If both are known
        and differ, a warning (W078) says so.
    RAISES (ValueError): E150 if there are no language models.
    """
    from ..lm_directory import find_source, read_meta

    own = read_meta(find_source(lm)).get("lang")
    if lang and own and lang != own:
        message = Warnings.W078.format(path=lm, found=own, lang=lang)
        warnings.warn(message, stacklevel=2)
    return lang or own or "en"


def count_updates(words: int) -> Tuple[int, int]:
    """words (int): Words of the training text.
    RETURNS (Tuple[int, int]): The number of updates, a multiple of `EVALUATIONS` so that
        the last update is evaluated, and the number of words per batch.
    """
    growth = (words / WORDS) ** POWER
    updates = min(UPDATES * growth, MOST_UPDATES)
    batch_words = min(max(BATCH_WORDS * growth, BATCH_WORDS), MOST_BATCH_WORDS)
    return max(round(updates / 100), 1) * 100, round(batch_words / 10) * 10


def count_words(path: Path) -> int:
    """path (Path): A .spacy file, or a folder of them.
    RETURNS (int): The number of tokens in them.
    RAISES (ValueError): E129 if there are none.
    """
    from spacy.tokens import DocBin
    from spacy.training.corpus import FILE_TYPE, walk_corpus

    files = walk_corpus(path, FILE_TYPE)
    count = sum(len(doc) for file in files for doc in DocBin().from_disk(file).tokens)
    if not count:
        raise ValueError(Errors.E129.format(path=path))
    return count


def find_labels(path: Path, vocab: Any) -> Set[str]:
    """path (Path): A .spacy file, or a folder of them.
    vocab (Vocab): Any vocab.
    RETURNS (Set[str]): The labels of the entities.
    """
    from spacy.tokens import DocBin
    from spacy.training.corpus import FILE_TYPE, walk_corpus

    docs = (
        d
        for f in walk_corpus(path, FILE_TYPE)
        for d in DocBin().from_disk(f).get_docs(vocab)
    )
    return {ent.label_ for doc in docs for ent in doc.ents}


def make_encoder(heads: List[str]) -> Dict[str, Any]:
    """heads (List[str]): The components that listen to the encoder.
    RETURNS (Dict[str, Any]): The config block of the shared encoder.
    """
    # A stack applies dropout to its inputs, so the encoder needs none of its own.
    dropout = 0.0 if any(HEADS[name].reader == "stack" for name in heads) else None
    model = {
        "@architectures": "spacy-ldnet.LDNetEncoder.v1",
        "width": WIDTH,
        "dropout": dropout,
        "precision": "auto",
    }
    return {"factory": "ldnet", "model": model}


def make_tok2vec(head: Head, vectors: bool) -> Dict[str, Any]:
    """head (Head): The kind of the component.
    vectors (bool): Whether there are word vectors.
    RETURNS (Dict[str, Any]): The config block of its model's `tok2vec`.
    """
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": WIDTH,
        "upstream": ENCODER,
    }
    if head.reader == "stack":
        return {
            "@architectures": "spacy-ldnet.StackedTok2Vec.v1",
            "width": 200,
            "dropout": 0.5,
            "precision": "auto",
            "chars": {"embed": 25, "hidden": 50, "width": 50, "rows": 1000},
            "vectors": {"trainable": False} if vectors else None,
            "contextual": listener,
        }
    if head.reader == "encoder":
        convolutions = {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": WIDTH,
            "window_size": 1,
            "maxout_pieces": 3,
            "depth": 2,
        }
        return {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": listener,
            "encode": convolutions,
        }
    return listener


def make_batcher(words: int) -> Dict[str, Any]:
    """words (int): Words of a batch.
    RETURNS (Dict[str, Any]): The config block of the batcher.
    """
    return {
        "@batchers": "spacy.batch_by_words.v1",
        "discard_oversize": False,
        "tolerance": 0.2,
        "size": words,
    }


def set_training(
    config: Any, steps: int, *, patience: int, rate: float, warmup: int
) -> None:
    """Set the number of updates and the learning rate of a training.

    They are written as numbers, not as references, because spaCy makes the optimizer from
    its block without the rest of the config.

    config (Config): The config to change.
    steps (int): Number of updates.
    patience (int): Updates without a better score after which the training ends; 0 for
        never.
    rate (float): Highest learning rate.
    warmup (int): Updates until the highest rate is reached.
    """
    training = config["training"]
    training["max_steps"] = steps
    training["eval_frequency"] = steps // EVALUATIONS
    training["patience"] = patience
    training["optimizer"] = {
        "@optimizers": "Adam.v1",
        "L2": 0.0,
        "grad_clip": 5.0,
        "use_averages": False,
        "learn_rate": {
            "@schedules": "warmup_linear.v1",
            "warmup_steps": warmup,
            "total_steps": steps,
            "initial_rate": rate,
        },
    }


def make_gated(config: Any, heads: List[str], steps: int) -> Any:
    """config (Config): The training config of the pipeline.
    heads (List[str]): The components that listen to the encoder.
    steps (int): Number of updates.
    RETURNS (Config): The config that continues the training with the gate penalty.
    """
    from spacy.schemas import ConfigSchema
    from spacy.util import combine_score_weights, registry

    gated = config.copy()
    del gated["paths"]["lm"], gated["initialize"]["components"][ENCODER]
    gated["paths"]["source"] = f"{TRAINED}/model-best"
    gated["paths"]["gate_log"] = f"{GATED}/gates.jsonl"
    # No patience: the score does not rise until most gates are closed.
    set_training(gated, steps, patience=0, rate=0.002, warmup=50)
    training = gated["training"]
    batch_words = training["batcher"]["size"]
    losses = [round(HEADS[name].losses * batch_words) for name in heads]
    training["before_update"] = {
        "@callbacks": "spacy-ldnet.gate_penalty.v1",
        "component": ENCODER,
        "weight": GATE_WEIGHT * max(1, *losses),
        "max_layers_per_direction": 1,
        "warmup": GATE_WARMUP,
    }
    training["logger"] = {
        "@loggers": "spacy-ldnet.GateLogger.v1",
        "path": "${paths.gate_log}",
        "component": ENCODER,
        "every": EVALUATIONS,
    }
    # A model within the budget always wins against one that exceeds it.
    weights = training["score_weights"]
    total = sum(weight or 0.0 for weight in weights.values())
    weights = {**weights, "ldnet_budget": total}
    # spaCy rounds the weights each time it loads a config, until they do not change.
    while weights != training["score_weights"]:
        training["score_weights"] = weights
        weights = combine_score_weights([weights])
    gated["components"] = {}
    gated = registry.fill(gated, schema=ConfigSchema)
    names = gated["nlp"]["pipeline"]
    gated["components"] = {name: {"source": "${paths.source}"} for name in names}
    return gated


def save_config(config: Any, path: Path) -> None:
    """config (Config): The config.
    path (Path): The file to write. Its folder is created if it is missing.
    RAISES (ValueError): E124 if it cannot be written.
    """
    from ..util import write_bytes

    write_bytes(path, config.to_bytes(interpolate=False))


def print_commands(files: List[Path], paths: Dict[str, Any]) -> None:
    """Print the commands that train and prune the pipeline.

    files (List[Path]): The config, and the one that trains the gates if there is one.
    paths (Dict[str, Any]): The paths in the config.
    """
    missing = [name for name in ("train", "dev") if paths[name] is None]
    data = "".join(f" --paths.{name} {name}.spacy" for name in missing)
    for path in files:
        msg.good("Saved config", path)
    msg.text("You can now train your pipeline:")
    print(f"{COMMAND} train {shlex.quote(str(files[0]))} --output {TRAINED}{data}")
    for path in files[1:]:
        print(f"{COMMAND} train {shlex.quote(str(path))} --output {GATED}{data}")
        print(f"{COMMAND} ldnet prune {GATED}/model-best {PRUNED}")
