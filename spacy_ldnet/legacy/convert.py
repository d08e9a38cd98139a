"""Conversion of the authors' checkpoints to pipelines and language models."""

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
from .model import SentenceShim
from .network import SentenceStack
from .weights import (
    END,
    UNKNOWN,
    WeightCopier,
    build_crf,
    build_encoder,
    build_stack,
    check_config,
    lm_sizes,
    ordered_words,
    rows_of,
    symbol_row,
)

#: Prefixes of their softmax. Its clusters differ from torch's, and encoders need none.
SOFTMAX = ("soft_max.", "project.")


def write_language_models(
    checkpoints: Dict[str, Checkpoint], path: Path, *, lang: str
) -> None:
    """Write a directory of language models like `ldnet pretrain`, but without softmax.

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
    copier = WeightCopier(checkpoint)
    sizes = lm_sizes(checkpoint, "")
    config = LanguageModelConfig(
        embed=sizes.embed,
        hidden=max(1, sizes.hidden),
        depth=sizes.layers,
        unit=sizes.unit or "lstm",
        # Without a softmax.
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
    copier.fill_table(model.embedding, "word_embed.weight", theirs, WORD_MAP)
    for k, rnn in enumerate(model.rnn.rnns):  # type: ignore[union-attr, arg-type]
        copier.fill_rnn(rnn, f"rnn.layer.{k}.layer.")
    copier.used.update(n for n in checkpoint.tensors if n.startswith(SOFTMAX))
    copier.check_all_used()
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
    """Check that two checkpoints are language models.

    forward (Checkpoint): The forward language model.
    backward (Checkpoint): The backward language model.
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
    """Convert a tagger to a pipeline.

    checkpoint (Checkpoint): The tagger.
    lang (str): Language of the pipeline's tokenizer.
    task (str): `ner`, `chunk`, or `auto`: chunks if there is a label NP.
    RETURNS (Language): A pipeline with one component, `ner` or `chunker`.
    RAISES (ValueError): E072 to E076 if the checkpoint does not fit together.
    """
    copier = WeightCopier(checkpoint)
    tags = sorted(checkpoint.map("y_map"), key=checkpoint.map("y_map").__getitem__)
    labels = _labels(tags)
    stack, words, characters = build_stack(copier)
    encoder = build_encoder(copier) if stack.config.context else None
    crf = build_crf(copier, labels, stack.config.width)
    check_config(checkpoint)
    copier.check_all_used()
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
    """Put the networks into the thinc model."""
    tok2vec = model.layers[0]
    cast(SentenceShim, tok2vec.shims[0]).load(stack, words, characters)
    for node in find_encoders(model):
        node.shims[0].load(*encoder)  # type: ignore[attr-defined, misc]
    model.shims[0].module = crf  # type: ignore[attr-defined]
    model.set_dim("nO", crf.n_tags)
