"""The factories `crf_ner` and `crf_chunker` and their defaults."""

from typing import Any, Callable, Dict, List, Optional

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model
from thinc.types import Floats2d

from .sequence_labeller import SequenceLabeller

default_model_config = """
[model]
@architectures = "spacy-ldnet.CRFTagger.v1"
constrained = true
nO = null

[model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true
"""
DEFAULT_CRF_MODEL = Config().from_str(default_model_config)["model"]


@Language.factory(
    "crf_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": DEFAULT_CRF_MODEL,
        "overwrite": False,
        "spans_key": None,
        "soft_labels": None,
        "distil": None,
        "scorer": {"@scorers": "spacy-ldnet.ner_scorer.v1"},
    },
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_crf_ner(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    overwrite: bool,
    spans_key: Optional[str],
    soft_labels: Optional[float],
    distil: Optional[Dict[str, Any]],
    scorer: Optional[Callable],
) -> SequenceLabeller:
    """Create a component that writes `doc.ents`.

    model (Model[List[Doc], List[Floats2d]]): A `spacy-ldnet.CRFTagger.v1`.
    overwrite (bool): Replace entities and blocked tokens that a doc has already. If
        not, they stay, as with spaCy's `ner`, and the CRF's path goes through them.
    spans_key (Optional[str]): Write the entities to this span group, too, whose
        `attrs["scores"]` are their probabilities. None for no group.
    soft_labels (Optional[float]): As a teacher: keep each token's tag probabilities
        from this one on (for example 0.001) in `doc.user_data["ldnet_soft_tags"]`,
        which a `DocBin` keeps with `store_user_data`. None to keep none.
    distil (Optional[Dict[str, Any]]): As a student: how soft labels in the training
        data count, as `{"weight": 0.5, "temperature": 1.0}` (the defaults). The loss
        of a doc that has them is (1 - weight) * negative log likelihood + weight *
        temperature² * divergence of the tags' probabilities from the teacher's; that
        of any other doc is its negative log likelihood. None to leave them alone.
    scorer (Optional[Callable]): The scoring method.
    RETURNS (SequenceLabeller): The component.
    RAISES (ValueError): E101, E102 if `distil` or `soft_labels` can't be used.
    """
    return SequenceLabeller(
        nlp.vocab,
        model,
        name,
        write_ents=True,
        overwrite=overwrite,
        spans_key=spans_key,
        scores=spans_key is not None,
        scorer=scorer,
        soft_labels=soft_labels,
        distil=distil,
    )


@Language.factory(
    "crf_chunker",
    assigns=["doc.spans"],
    default_config={
        "model": DEFAULT_CRF_MODEL,
        "spans_key": "chunks",
        "scores": False,
        "scorer": {"@scorers": "spacy.spancat_scorer.v1"},
    },
    default_score_weights={
        "spans_chunks_f": 1.0,
        "spans_chunks_p": 0.0,
        "spans_chunks_r": 0.0,
    },
)
def make_crf_chunker(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    spans_key: str,
    scores: bool,
    scorer: Optional[Callable],
) -> SequenceLabeller:
    """Create a component that writes a span group.

    model (Model[List[Doc], List[Floats2d]]): A `spacy-ldnet.CRFTagger.v1`.
    spans_key (str): The span group that is read in training, and written (replaced).
    scores (bool): Put each span's probability into the group's `attrs["scores"]`.
    scorer (Optional[Callable]): The scoring method.
    RETURNS (SequenceLabeller): The component.
    """
    return SequenceLabeller(
        nlp.vocab,
        model,
        name,
        write_ents=False,
        overwrite=True,
        spans_key=spans_key,
        scores=scores,
        scorer=scorer,
    )
