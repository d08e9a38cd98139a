"""The component behind `crf_ner` and `crf_chunker`: labelled spans by a CRF."""

import warnings
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

import numpy
from spacy.language import Language
from spacy.tokens import Doc, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..errors import Warnings
from ..models.gating import budget_scores
from ..models.words import in_vocab
from ..nn.iobes import OUTSIDE, spans_of_each
from .annotations import (
    Prediction,
    allowed_tags,
    join_predictions,
    kept_of_each,
    kept_tokens,
    make_spans,
    preset_tokens,
    read_prediction,
    set_doc_ents,
    without_overlap,
)
from .label_sets import check_label_sets
from .learning_labeller import LearningLabeller, select_rows
from .soft_labels import SOFT_TAGS, check_threshold, pack_soft_tags, read_distillation


class SequenceLabeller(LearningLabeller):
    """Find labelled spans that do not overlap: a CRF over IOBES tags.

    Entities keep no memory across docs, and a doc's result does not depend on the
    other docs of its batch. Whitespace tokens are not part of the CRF's sequence.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], List[Floats2d]],
        name: str = "crf_ner",
        *,
        write_ents: bool = True,
        overwrite: bool = False,
        spans_key: Optional[str] = None,
        scores: bool = False,
        scorer: Optional[Callable] = None,
        soft_labels: Optional[float] = None,
        distil: Optional[Dict[str, Any]] = None,
    ) -> None:
        """vocab (Vocab): The shared vocabulary.
        model (Model[List[Doc], List[Floats2d]]): A `spacy-ldnet.CRFTagger.v1`.
        name (str): The component's name.
        write_ents (bool): Read and write `doc.ents`; if not, the span group.
        overwrite (bool): Replace the entities that a doc has already.
        spans_key (Optional[str]): The span group to write; None for none.
        scores (bool): Give the span group the probabilities of its spans.
        scorer (Optional[Callable]): The scoring method.
        soft_labels (Optional[float]): Keep tag probabilities from this on with each
            doc, for a student; None to keep none.
        distil (Optional[Dict[str, Any]]): `weight` and `temperature` with which soft
            labels in the training data count; None to leave them alone.
        RAISES (ValueError): E101, E102 if one of the last two can't be used.
        """
        check_threshold(soft_labels, name)
        # They belong to the run, not to the weights: so they are not in `cfg`, which is
        # loaded with these, and can be set in `spacy.load`.
        self.soft_labels = soft_labels
        self.distil = read_distillation(distil, name)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.write_ents = write_ents
        self.cfg: Dict[str, Any] = {
            "labels": [],
            "overwrite": overwrite,
            "scores": scores,
            "spans_key": spans_key,
        }

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
    ) -> None:
        """Collect the labels and initialise the model.

        get_examples (Callable[[], Iterable[Example]]): Returns examples.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[List[str]]): The labels; None for all of the examples, sorted.
        RAISES (ValueError): See LabelledPipe; E200 to E202 for a label set that does
            not fit the entities.
        """
        super().initialize(get_examples, nlp=nlp, labels=labels)
        if nlp is not None and not self.write_ents:
            _warn_of_scores(nlp, self.name, self.cfg["spans_key"])

    def predict(self, docs: Iterable[Doc]) -> List[Prediction]:
        """Find the spans of a batch of docs, without modifying them.

        docs (Iterable[Doc]): The docs.
        RETURNS (List[Prediction]): The spans of each.
        """
        docs = in_vocab(list(docs), self.vocab)
        kept: List[Any] = kept_of_each(docs)
        if not any(len(tokens) for tokens in kept):
            return self._nothing(kept)
        pieces = self._pieces(docs, kept)
        emissions = select_rows(self.model.ops, self.model.predict(docs), kept)
        emissions = pieces.cut(emissions)
        allowed = None
        taken = [preset_tokens(doc) for doc in docs] if self._keeps_ents else []
        if taken:
            rows = zip(docs, taken, kept)
            allowed = [allowed_tags(*row, self.labels, self.n_tags) for row in rows]
            allowed = pieces.cut(allowed)
        tags = self.model.attrs["decode"](self.model, emissions, allowed=allowed)
        ends: Sequence[Any] = [(None, None)] * len(tags)
        if self.cfg["scores"]:
            path_scores = self.model.attrs["path_scores"]
            ends = path_scores(self.model, emissions, tags, allowed=allowed)
        chances: List[Any] = [None] * len(docs)
        if self.soft_labels is not None:
            marginals = self.model.attrs["marginals"]
            rows = marginals(self.model, emissions, allowed=allowed)
            chances = pieces.join(rows, numpy.concatenate)
        if self.extra_tags:
            # No label has them, so they are outside of spans, too.
            known = self.n_tags - self.extra_tags
            tags = [numpy.where(path < known, path, OUTSIDE) for path in tags]
        parts = zip(spans_of_each(tags), pieces.cut(kept), ends)
        found = [read_prediction(spans, tokens, *pair) for spans, tokens, pair in parts]
        found = pieces.join(found, join_predictions)
        found = [one._replace(chances=some) for one, some in zip(found, chances)]
        if taken:
            return [without_overlap(one, mask) for one, mask in zip(found, taken)]
        return found

    def _nothing(self, kept: List[Any]) -> List[Prediction]:
        """For docs without any token the same as they have in company."""
        none = numpy.zeros(0) if self.cfg["scores"] else None
        chances = None
        if self.soft_labels is not None:
            chances = numpy.zeros((0, self.n_tags))
        pairs = zip(spans_of_each(kept), kept)
        found = [read_prediction(*pair, none, none) for pair in pairs]
        return [one._replace(chances=chances) for one in found]

    def set_annotations(self, docs: Iterable[Doc], scores: List[Prediction]) -> None:
        """Write what was found.

        docs (Iterable[Doc]): The docs.
        scores (List[Prediction]): What `predict` returned for them.
        """
        key = self.cfg["spans_key"]
        for doc, prediction in zip(docs, scores):
            spans = make_spans(doc, prediction.spans, self.labels)
            if self.write_ents:
                set_doc_ents(doc, spans, overwrite=self.cfg["overwrite"])
            if key is not None:
                attrs = {}
                if prediction.scores is not None:
                    attrs["scores"] = prediction.scores
                doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs=attrs)
            if self.soft_labels is not None and prediction.chances is not None:
                doc.user_data[SOFT_TAGS] = pack_soft_tags(
                    prediction.chances,
                    kept_tokens(*in_vocab([doc], self.vocab)),
                    len(doc),
                    self.labels,
                    self.soft_labels,
                )

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The scorer's scores; with an LD-Net encoder inside
        the model, `ldnet_budget` and `ldnet_density` as well.
        """
        return {**super().score(examples, **kwargs), **budget_scores(self.model)}

    @property
    def _keeps_ents(self) -> bool:
        return self.write_ents and not self.cfg["overwrite"]

    def labels_of(self, examples: Iterable[Example]) -> Iterable[str]:
        """RETURNS (Iterable[str]): The labels in the examples' gold standard."""
        references = (example.reference for example in examples)
        if self.write_ents:
            # Found here, a mistake in the data does not wait for a batch that has it.
            return check_label_sets(references, self.labels, self.name)
        groups = (doc.spans.get(self.cfg["spans_key"], []) for doc in references)
        return (span.label_ for group in groups for span in group)


def _warn_of_scores(nlp: Language, name: str, key: str) -> None:
    """Warn if a training would choose its best model by a score that is not there: the
    default score weights of the factory are for its default `spans_key`.
    """
    config = nlp.config.interpolate()
    corpus = config["corpora"].get("train") or {}
    if corpus.get("path", "") is None:
        return  # A pipeline that is made in Python is not trained by `spacy train`.
    given = {f"spans_{_spans_key(pipe)}_f" for _, pipe in nlp.components}
    defaults = nlp.get_factory_meta("crf_chunker").default_score_weights or {}
    for score, weight in config["training"]["score_weights"].items():
        if weight and score in defaults and score not in given:
            message = Warnings.W047.format(name=name, key=key, score=score)
            warnings.warn(message, stacklevel=2)


def _spans_key(pipe: Any) -> Any:
    cfg = getattr(pipe, "cfg", None)
    return cfg.get("spans_key") if isinstance(cfg, dict) else getattr(pipe, "key", None)
