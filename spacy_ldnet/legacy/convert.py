"""Pipelines and language models from the authors' checkpoints."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, cast

import spacy
from spacy.language import Language
from thinc.api import Config, Model

from ..about import __version__
from ..errors import Errors
from ..iobes import TagScheme
from ..lm_directory import (
    CHECKSUMS,
    CONFIG_FILE,
    DIRECTIONS,
    FIRST_WORD_ROW,
    META_FILE,
    WORDS_FILE,
    checksums,
    vocabulary_hash,
    weights_file,
)
from ..models.encoder import find_encoders
from ..nn.crf import LinearChainCRF
from ..nn.encoder import LDNetEncoder
from ..nn.language_model import LanguageModel, LanguageModelConfig
from ..nn.serialize import module_to_bytes
from ..util import json_bytes
from .checkpoint import WORD_MAP, Checkpoint
from .model import SentenceShim, SentenceStack
from .weights import (
    END,
    UNKNOWN,
    Filler,
    build_crf,
    build_encoder,
    build_stack,
    check_config,
    lm_sizes,
    ordered_words,
    rows_of,
    symbol_row,
)

#: Their adaptive softmax has other clusters than torch's, and an encoder needs none.
SOFTMAX = ("soft_max.", "project.")


def write_language_models(
    checkpoints: Dict[str, Checkpoint], path: Path, *, lang: str
) -> None:
    """Write a directory like those of `ldnet pretrain`, without softmax.

    checkpoints (Dict[str, Checkpoint]): The forward and the backward model.
    path (Path): The directory.
    lang (str): Language of the tokenizer.
    RAISES (ValueError): E072 to E076 if a checkpoint does not fit together.
    """
    maps = [checkpoint.map(WORD_MAP) for checkpoint in checkpoints.values()]
    words = ordered_words(maps, (UNKNOWN, END))
    models = {name: _build(checkpoints[name], name, words) for name in DIRECTIONS}
    path.mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        (path / weights_file(name)).write_bytes(module_to_bytes(model))
    (path / WORDS_FILE).write_bytes(json_bytes(words))
    meta = {**_meta(words, lang), CHECKSUMS: checksums(path)}
    (path / META_FILE).write_bytes(json_bytes(meta))
    config = Config({"nlp": {"lang": lang}})
    (path / CONFIG_FILE).write_bytes(config.to_str().encode("utf8"))


def _build(checkpoint: Checkpoint, direction: str, words: List[str]) -> LanguageModel:
    filler = Filler(checkpoint)
    sizes = lm_sizes(checkpoint, "")
    config = LanguageModelConfig(
        embed=sizes.embed,
        hidden=max(1, sizes.hidden),
        depth=sizes.layers,
        unit=sizes.unit or "lstm",
        # None: their softmax is not converted.
        projection=0,
        activation="identity",
        cutoffs=(),
        dropout=0.0,
        layer_dropout=0.0,
        embed_dropout=0.0,
        output_dropout=0.0,
    )
    rows = FIRST_WORD_ROW + len(words)
    model = LanguageModel(config, rows=rows, direction=direction).eval()
    unknown, end = (symbol_row(checkpoint, WORD_MAP, s) for s in (UNKNOWN, END))
    theirs = rows_of(words, checkpoint.map(WORD_MAP), unknown, end)
    filler.fill_table(model.embedding, "word_embed.weight", theirs, WORD_MAP)
    for k, rnn in enumerate(model.rnn.rnns):  # type: ignore[union-attr, arg-type]
        filler.fill_rnn(rnn, f"rnn.layer.{k}.layer.")
    filler.used.update(n for n in checkpoint.tensors if n.startswith(SOFTMAX))
    filler.check_all_used()
    return model


def _meta(words: List[str], lang: str) -> Dict[str, Any]:
    return {
        "lang": lang,
        "spacy_ldnet_version": __version__,
        "spacy_version": spacy.__version__,
        "vocabulary": {
            "words": len(words),
            "rows": FIRST_WORD_ROW + len(words),
            "hash": vocabulary_hash(words),
        },
        "perplexity": {},
    }


def pair(forward: Checkpoint, backward: Checkpoint) -> Dict[str, Checkpoint]:
    """forward (Checkpoint): The forward language model.
    backward (Checkpoint): The backward one.
    RETURNS (Dict[str, Checkpoint]): Both, by direction.
    RAISES (ValueError): E079 if one of them is a tagger.
    """
    for checkpoint in (forward, backward):
        if checkpoint.is_tagger:
            raise ValueError(Errors.E079.format(path=checkpoint.path))
    return {"forward": forward, "backward": backward}


CHUNK_LABEL = "NP"
FACTORIES = {"ner": "crf_ner", "chunker": "crf_chunker"}


def build_pipeline(
    checkpoint: Checkpoint, *, lang: str = "en", task: str = "auto"
) -> Language:
    """checkpoint (Checkpoint): A tagger.
    lang (str): Language of the pipeline's tokenizer.
    task (str): `ner`, `chunk`, or `auto`: chunks if there is a label NP.
    RETURNS (Language): A pipeline of one component, `ner` or `chunker`.
    RAISES (ValueError): E072 to E076 if the checkpoint does not fit together.
    """
    filler = Filler(checkpoint)
    tags = sorted(checkpoint.map("y_map"), key=checkpoint.map("y_map").__getitem__)
    labels = _labels(tags)
    stack, words, characters = build_stack(filler)
    encoder = build_encoder(filler) if stack.config.context else None
    crf = build_crf(filler, labels, stack.config.width)
    check_config(checkpoint)
    filler.check_all_used()
    chunks = CHUNK_LABEL in labels if task == "auto" else task == "chunk"
    name = "chunker" if chunks else "ner"
    nlp = spacy.blank(lang)
    config = {"model": _model_config(stack, encoder and encoder[0])}
    pipe: Any = nlp.add_pipe(FACTORIES[name], name=name, config=config)
    _load(pipe.model, stack, words, characters, encoder, crf)
    for label in labels:
        pipe.cfg["labels"].append(label)
        nlp.vocab.strings.add(label)
    pipe.cfg["extra_tags"] = crf.n_tags - TagScheme(tuple(labels)).n_tags
    rate = (checkpoint.config or {}).get("droprate")
    if rate is not None:
        nlp.config["training"]["dropout"] = float(rate)
    return nlp


def _labels(tags: List[str]) -> List[str]:
    found = (tag.split("-", 1)[1] for tag in tags if "-" in tag)
    return list(dict.fromkeys(found))


def _model_config(
    stack: SentenceStack, encoder: Optional[LDNetEncoder]
) -> Dict[str, Any]:
    contextual = None
    if encoder is not None:
        config = encoder.config
        contextual = {
            "@architectures": "spacy-ldnet.LDNetEncoder.v1",
            "width": config.width,
            "embed": config.embed,
            "hidden": config.hidden,
            "depth": max(1, len(config.forward), len(config.backward)),
            "unit": config.unit,
            "dropout": 0.0,
            "sentence_end": True,
        }
    return {
        "@architectures": "spacy-ldnet.CRFTagger.v1",
        "constrained": False,
        "by_sentence": True,
        "tok2vec": {
            "@architectures": "spacy-ldnet.SentenceTok2Vec.v1",
            "width": stack.config.width,
            "contextual": contextual,
        },
    }


def _load(
    model: Model,
    stack: SentenceStack,
    words: List[str],
    characters: Dict[str, int],
    encoder: Optional[Tuple[LDNetEncoder, List[str]]],
    crf: LinearChainCRF,
) -> None:
    """Give the thinc model its networks."""
    tok2vec = model.layers[0]
    cast(SentenceShim, tok2vec.shims[0]).load(stack, words, characters)
    for node in find_encoders(model):
        node.shims[0].load(*encoder)  # type: ignore[attr-defined, misc]
    model.shims[0].module = crf  # type: ignore[attr-defined]
    model.set_dim("nO", crf.n_tags)
