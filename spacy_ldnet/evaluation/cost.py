"""Cost of a pipeline's entities: components, multiply-accumulates, size and speed."""

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from thinc.api import Model
from thinc.compat import torch
from tqdm import tqdm

from ..describe import describe, macs_per_word, size_of
from ..models.shim import NetworkShim
from ..timing import (
    Words,
    count_words,
    describe_machine,
    interleave,
    make_docs,
    time_pipeline,
)

#: What a row of results says of the cost.
COSTS = ("layers_fwd", "layers_bwd", "lm_macs_per_word", "macs_per_word", "size_mb")
#: Factories of spaCy that neither write entities nor change tokens.
SILENT = frozenset(
    "tok2vec transformer curated_transformer tagger morphologizer parser senter "
    "sentencizer lemmatizer trainable_lemmatizer attribute_ruler textcat "
    "textcat_multilabel entity_linker spancat spancat_singlelabel span_finder "
    "doc_cleaner".split()
)
#: Factories that merge or split tokens.
RETOKENIZERS = frozenset(
    "merge_entities merge_noun_chunks merge_subtokens token_splitter".split()
)
#: spacy-transformers' own transformer, and ours with gates.
TRANSFORMERS = ("transformer", "layer_select_transformer")
#: Words of the sample on which a transformer's word pieces are counted.
SAMPLE_WORDS = 20_000


def entity_pipes(nlp: Language) -> List[str]:
    """The components that the entities come from.

    A trained component reads the text and the encoder that it listens to, nothing else.
    A component of rules may read all that stands before it, so that is kept.

    nlp (Language): A pipeline.
    RETURNS (List[str]): Their names, in order; empty if no component writes entities.
    """
    factories = {name: nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    writers = [
        name
        for name, factory in factories.items()
        if factory not in SILENT | RETOKENIZERS and _may_write_ents(nlp, name)
    ]
    needed = set(writers)
    for name in writers:
        if not isinstance(nlp.get_pipe(name), TrainablePipe):
            needed.update(nlp.pipe_names[: nlp.pipe_names.index(name)])
    for name in reversed(nlp.pipe_names):
        heard_by = getattr(nlp.get_pipe(name), "listening_components", [])
        if needed.intersection(heard_by):
            needed.add(name)
    kept = {name for name in needed if factories[name] not in RETOKENIZERS}
    return [name for name in nlp.pipe_names if name in kept]


def _may_write_ents(nlp: Language, name: str) -> bool:
    """Tell whether a component says that it writes entities, or says nothing at all."""
    assigns: List[str] = list(nlp.get_pipe_meta(name).assigns)
    if nlp.get_pipe_meta(name).factory == "span_ruler":
        return bool(nlp.get_pipe_config(name).get("annotate_ents"))
    return not assigns or any(
        attr.startswith(("doc.ents", "token.ent_iob", "token.ent_type"))
        for attr in assigns
    )


def labels_of(nlp: Language) -> List[str]:
    """RETURNS (List[str]): Labels of the components that the entities come from."""
    pipes = [nlp.get_pipe(name) for name in entity_pipes(nlp)]
    return [label for pipe in pipes for label in getattr(pipe, "labels", ())]


@contextmanager
def only_entities(nlp: Language) -> Iterator[None]:
    """nlp (Language): A pipeline that runs only what its entities need, meanwhile."""
    with nlp.select_pipes(enable=entity_pipes(nlp) or nlp.pipe_names):
        yield


def cost_of(nlp: Language, path: Path, texts: Sequence[Words]) -> Dict[str, Any]:
    """Layers, multiply-accumulates and size of a pipeline.

    nlp (Language): The pipeline.
    path (Path): Where it is saved.
    texts (Sequence[Words]): Documents on which a transformer's word pieces are counted.
    RETURNS (Dict[str, Any]): The values named in `COSTS`, and `kept`, the numbers of
        each direction's layers, if it has language models.
    """
    factories = {nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    transformer = find_transformer(nlp)
    facts: Dict[str, Any] = dict.fromkeys(COSTS[:3], 0)
    has_head_of_spacy = "ner" in factories or transformer is not None
    if "ldnet" in factories or not has_head_of_spacy:
        facts.update({k: v for k, v in describe(nlp).items() if k in (*COSTS, "kept")})
    if has_head_of_spacy or "macs_per_word" not in facts:
        facts["macs_per_word"] = macs_of_weights(nlp)
    if transformer is not None:
        facts["macs_per_word"] += macs_of_transformer(
            nlp, transformer, make_docs(nlp, texts)
        )
    return {**facts, "size_mb": size_of(path)}


def macs_of_weights(nlp: Language) -> int:
    """Multiply-accumulates per word of what entities need: every weight matrix of spaCy's
    layers is used once per word (hash embeddings and static vectors are only looked up),
    and our networks know theirs. Of a transformer, those of its head alone.

    nlp (Language): The pipeline; only its entity components are counted.
    RETURNS (int): Multiply-accumulates per word.
    """
    total = 0
    nodes = set()
    for name in entity_pipes(nlp) or nlp.pipe_names:
        model = getattr(nlp.get_pipe(name), "model", None)
        for node in model.walk() if isinstance(model, Model) else []:
            if node.id in nodes:
                continue
            nodes.add(node.id)
            if node.has_param("W"):
                total += node.get_param("W").size
            total += sum(
                macs_per_word(shim.weights)[1]
                for shim in node.shims
                if isinstance(shim, NetworkShim) and shim.is_built
            )
    return int(total)


def find_transformer(nlp: Language) -> Optional[str]:
    """RETURNS (Optional[str]): Name of the component that is a transformer."""
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory in TRANSFORMERS:
            return name
    return None


def macs_of_transformer(nlp: Language, name: str, docs: List[Doc]) -> int:
    """Multiply-accumulates per word: of every linear layer for each word piece, and of
    attention for each pair of word pieces of a span. Spans overlap, and have markers at
    their edges: all that is computed counts, except padding.

    nlp (Language): The pipeline.
    name (str): The transformer's name in it.
    docs (List[Doc]): Documents to count on, without annotation of the transformer.
    RETURNS (int): Multiply-accumulates per word.
    """
    from torch import nn

    pipe: Any = nlp.get_pipe(name)
    network = pipe.model.transformer
    # A pooler reads one piece per span, and spaCy has no use for it.
    linear = sum(
        module.weight.numel()
        for place, module in network.named_modules()
        if isinstance(module, nn.Linear) and "pooler" not in place.split(".")
    )
    config = network.config
    attention = 2 * config.num_hidden_layers * config.hidden_size
    total = words = 0
    for doc in pipe.pipe(docs):
        words += len(doc)
        for size in doc._.trf_data.wordpieces.attention_mask.sum(axis=1).tolist():
            total += size * linear + size * size * attention
    return round(total / words) if words else 0


def sample_words(docs: Sequence[Doc], limit: int) -> List[Words]:
    """The tokens of the first documents.

    docs (Sequence[Doc]): Documents.
    limit (int): Stop once there are this many words.
    RETURNS (List[Words]): Words and spaces of each document.
    """
    taken: List[Words] = []
    total = 0
    for doc in docs:
        if total >= limit:
            break
        taken.append(([t.text for t in doc], [bool(t.whitespace_) for t in doc]))
        total += len(doc)
    return taken


def measure_speed(
    pipelines: Mapping[str, Language],
    texts: Sequence[Words],
    *,
    rounds: int = 5,
    threads: int = 1,
) -> Dict[str, Any]:
    """Words per second of pipelines on tokens made beforehand. The pipelines take turns,
    so that a busy moment of the machine does not hit one alone.

    pipelines (Mapping[str, Language]): Name to pipeline.
    texts (Sequence[Words]): The documents to run on.
    rounds (int): How often each pipeline runs; the median counts.
    threads (int): PyTorch's threads (thinc's own matrix products use one).
    RETURNS (Dict[str, Any]): `words_per_second` of each pipeline, the `components` that
        ran, `words`, `rounds` and `machine`.
    """
    total = (rounds + 1) * len(pipelines)
    with tqdm(total=total, desc="Measuring speed", leave=False, disable=None) as bar:

        def run(nlp: Language) -> float:
            with only_entities(nlp):
                seconds = time_pipeline(nlp, texts)
            bar.update()
            return seconds

        runs = {name: partial(run, nlp) for name, nlp in pipelines.items()}
        with use_threads(threads):
            seconds = interleave(runs, rounds=rounds)
    n_words = count_words(texts)
    return {
        "words_per_second": {
            name: round(n_words / taken, 1) for name, taken in seconds.items()
        },
        "components": {name: entity_pipes(nlp) for name, nlp in pipelines.items()},
        "words": n_words,
        "rounds": rounds,
        "machine": describe_machine(threads),
    }


@contextmanager
def use_threads(number: int) -> Iterator[None]:
    """number (int): PyTorch's threads meanwhile. No effect without torch: numpy's networks
    compute with one thread.
    """
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
