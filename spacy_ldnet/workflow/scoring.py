"""Score one pipeline and count what it costs; unchanged ones are not run again."""

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import srsly
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example
from tqdm import tqdm
from wasabi import msg

from ..describe import describe, size_of
from ..labelled.label_sets import limit_to_label_set
from ..labelled.readers import LabelSetCorpus
from ..timing import make_docs
from .bootstrap import count_entities
from .entity_errors import entities_of
from .scripting import write_json
from .speed import entity_pipes, macs_of_weights, read_texts
from .transformer_cost import find_transformer, macs_of_transformer

SCORES = ("ents_p", "ents_r", "ents_f")
#: Words to count a transformer's word pieces on.
SAMPLE = 20_000
COSTS = ("layers_fwd", "layers_bwd", "lm_macs_per_word", "macs_per_word", "size_mb")

# Of what is kept: raised when it holds more than before.
FORMAT = 2


def evaluate_model(
    path: Path, test_path: Path, kept: Optional[Path], *, gold_tokens: bool
) -> Dict[str, Any]:
    """Score one pipeline and count its cost.

    path (Path): The pipeline.
    test_path (Path): The test set.
    kept (Optional[Path]): Where the result is kept; used if nothing changed.
    gold_tokens (bool): Score on the given tokens and sentences as well.
    RETURNS (Dict[str, Any]): `scores` as spaCy gives them, `counts` of entities
        a document, `predicted` entities, and the cost.
    """
    key = _fingerprint(path, test_path, gold_tokens)
    if kept is not None and kept.exists():
        result = srsly.read_json(kept)
        if result["key"] == key:
            msg.info(f"{path}: unchanged, scores kept")
            return result
    nlp = spacy.load(path)
    result = {"key": key, **score(nlp, test_path, gold_preproc=False)}
    if gold_tokens:
        result["gold_tokens"] = score(nlp, test_path, gold_preproc=True)["scores"]
    result.update(cost(nlp, path))
    transformer = find_transformer(nlp)
    if transformer is not None:
        sample = make_docs(nlp, read_texts(nlp, test_path, SAMPLE))
        result["macs_per_word"] += macs_of_transformer(nlp, transformer, sample)
    if kept is not None:
        write_json(kept, result)
    return result


def score(nlp: Language, test_path: Path, *, gold_preproc: bool) -> Dict[str, Any]:
    """Score entities as `spacy evaluate` does, and count them a document.

    nlp (Language): The pipeline.
    test_path (Path): The test set (.spacy).
    gold_preproc (bool): Give the pipeline the test set's tokens and sentences.
    RETURNS (Dict[str, Any]): `scores` (ents_p, ents_r, ents_f, ents_per_type),
        `counts`, a row of three a document, and `predicted`, its entities.
    """
    corpus = LabelSetCorpus(test_path, gold_preproc=gold_preproc)
    examples: List[Example] = list(corpus(nlp))
    with nlp.select_pipes(enable=entity_pipes(nlp)):
        docs = nlp.pipe(example.predicted for example in examples)
        progress = tqdm(docs, total=len(examples), desc="Evaluating", leave=False)
        for example, doc in zip(examples, progress):
            example.predicted = doc
    # Here, since the scorers of other pipelines would count all labels.
    examples = [limit_to_label_set(example) for example in examples]
    scores = Scorer(nlp).score(examples)
    wanted = (*SCORES, "ents_per_type")
    return {
        "scores": {name: scores.get(name) for name in wanted},
        "counts": [list(count_entities(example)) for example in examples],
        "predicted": [entities_of(example.predicted) for example in examples],
    }


def cost(nlp: Language, path: Path) -> Dict[str, Any]:
    """Layers, multiply-accumulates per word and size of a pipeline.

    nlp (Language): The pipeline.
    path (Path): Where it is saved.
    RETURNS (Dict[str, Any]): The values named in `COSTS`, and `kept`, the layers of
        each direction by their numbers, where there are language models.
    """
    factories = {nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    ours = "ldnet" in factories
    if not ours and ("ner" in factories or find_transformer(nlp)):
        info = dict.fromkeys(("layers_fwd", "layers_bwd", "lm_macs_per_word"), 0)
        info["macs_per_word"] = macs_of_weights(nlp)
    else:
        info = {k: v for k, v in describe(nlp).items() if k in (*COSTS, "kept")}
    return {**info, "size_mb": size_of(path)}


def _fingerprint(path: Path, test_path: Path, gold_tokens: bool) -> str:
    digest = hashlib.md5(f"{FORMAT} {spacy.__version__} {gold_tokens}".encode())
    files = sorted(f for f in path.rglob("*") if f.is_file())
    for file_path in [*files, test_path]:
        digest.update(str(file_path.name).encode("utf8"))
        digest.update(file_path.read_bytes())
    return digest.hexdigest()
