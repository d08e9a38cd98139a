"""A tagger of the authors' code as a spaCy pipeline."""

from typing import Any, Dict, List, Optional, Tuple, cast

import spacy
from spacy.language import Language
from thinc.api import Model

from ..models.encoder import find_encoders
from ..models.sentence_tok2vec import SentenceShim
from ..nn.crf import LinearChainCRF
from ..nn.encoder import LDNetEncoder
from ..nn.iobes import TagScheme
from ..nn.sentence_stack import SentenceStack
from .checkpoint import Checkpoint
from .networks import build_crf, build_encoder, build_stack
from .sizes import check_config
from .weights import Filler

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
