"""What a transformer of spacy-transformers costs per word."""

from typing import List, Optional

from spacy.language import Language
from spacy.tokens import Doc
from torch import nn

#: spacy-transformers' own, and ours with gates.
FACTORIES = ("transformer", "layer_select_transformer")


def find_transformer(nlp: Language) -> Optional[str]:
    """RETURNS (Optional[str]): Name of the pipe that is a transformer."""
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory in FACTORIES:
            return name
    return None


def macs_of_transformer(nlp: Language, name: str, docs: List[Doc]) -> int:
    """Multiply-accumulates a word: of every linear layer for each word piece, and of
    attention for each pair of word pieces of a span. Spans overlap, and have markers at
    their edges: all that is computed counts, but padding.

    nlp (Language): The pipeline.
    name (str): The transformer's name in it.
    docs (List[Doc]): Documents to count on, without annotation of the transformer.
    RETURNS (int): Multiply-accumulates a word.
    """
    pipe = nlp.get_pipe(name)
    network = pipe.model.transformer  # type: ignore[attr-defined]
    # A pooler reads one piece a span, and spaCy has no use for it.
    linear = sum(
        module.weight.numel()
        for place, module in network.named_modules()
        if isinstance(module, nn.Linear) and "pooler" not in place.split(".")
    )
    config = network.config
    attention = 2 * config.num_hidden_layers * config.hidden_size
    total = words = 0
    for doc in pipe.pipe(docs):  # type: ignore[attr-defined]
        words += len(doc)
        for size in doc._.trf_data.wordpieces.attention_mask.sum(axis=1).tolist():
            total += size * linear + size * size * attention
    return round(total / words) if words else 0
