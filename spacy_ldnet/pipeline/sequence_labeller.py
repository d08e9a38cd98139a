"""The component behind `crf_ner` and `crf_chunker`: labelled spans by a CRF."""

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

import numpy
from spacy.tokens import Doc, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..models.encoder import check_range
from ..models.gating import budget_scores
from ..nn.iobes import OUTSIDE, spans_of_each
from .annotations import (
    Prediction,
    allowed_tags,
    join_predictions,
    kept_tokens,
    make_spans,
    preset_tokens,
    read_prediction,
    set_doc_ents,
    without_overlap,
)
from .learning_labeller import LearningLabeller, select_rows
from .soft_tags import KEY, pack_soft_tags


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
        soft_tags: int = 0,
        distil_weight: float = 0.0,
        distil_temperature: float = 1.0,
        scorer: Optional[Callable] = None,
    ) -> None:
        """vocab (Vocab): The shared vocabulary.
        model (Model[List[Doc], List[Floats2d]]): A `spacy-ldnet.CRFTagger.v1`.
        name (str): The component's name.
        write_ents (bool): Read and write `doc.ents`; if not, the span group.
        overwrite (bool): Replace the entities that a doc has already.
        spans_key (Optional[str]): The span group to write; None for none.
        scores (bool): Give the span group the probabilities of its spans.
        soft_tags (int): Leave the probabilities of each token's likeliest tags in the
            doc, so many of them; 0 for none.
        distil_weight (float): Of such probabilities in training, in [0, 1].
        distil_temperature (float): Theirs and the component's own, above 0.
        scorer (Optional[Callable]): The scoring method.
        RAISES (ValueError): E013 for a value out of range.
        """
        check_range("soft_tags", soft_tags, soft_tags >= 0, "it must not be negative")
        fits = 0 <= distil_weight <= 1
        check_range("distil_weight", distil_weight, fits, "it must be in [0, 1]")
        fits = distil_temperature > 0
        check_range(
            "distil_temperature", distil_temperature, fits, "it must be above 0"
        )
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
        # Not in `cfg`, which a saved component brings along: it may be another's teacher
        # or student by the config it is loaded with.
        self.soft_tags = soft_tags
        self.distil_weight = distil_weight
        self.distil_temperature = distil_temperature

    def predict(self, docs: Iterable[Doc]) -> List[Prediction]:
        """Find the spans of a batch of docs, without modifying them.

        docs (Iterable[Doc]): The docs.
        RETURNS (List[Prediction]): The spans of each.
        """
        docs = list(docs)
        kept: List[Any] = [kept_tokens(doc) for doc in docs]
        if not any(len(tokens) for tokens in kept):
            nothing = spans_of_each(kept)
            return [read_prediction(n, k, None, None) for n, k in zip(nothing, kept)]
        pieces = self._pieces(docs, kept)
        emissions = select_rows(self.model.ops, self.model.predict(docs), kept)
        emissions = pieces.cut(emissions)
        allowed = None
        taken = [preset_tokens(doc) for doc in docs] if self._keeps_ents else []
        if self._keeps_ents:
            rows = zip(docs, taken, kept)
            allowed = [allowed_tags(*row, self.labels, self.n_tags) for row in rows]
            allowed = pieces.cut(allowed)
        tags = self.model.attrs["decode"](self.model, emissions, allowed=allowed)
        ends: Sequence[Any] = [(None, None)] * len(tags)
        if self.cfg["scores"]:
            path_scores = self.model.attrs["path_scores"]
            ends = path_scores(self.model, emissions, tags, allowed=allowed)
        if self.extra_tags:
            # No label has them, so they are outside of spans, too.
            known = self.n_tags - self.extra_tags
            tags = [numpy.where(path < known, path, OUTSIDE) for path in tags]
        parts = zip(spans_of_each(tags), pieces.cut(kept), ends)
        found = [read_prediction(spans, tokens, *pair) for spans, tokens, pair in parts]
        found = pieces.join(found, join_predictions)
        if self.soft_tags:
            marginals = self.model.attrs["marginals"]
            chances = marginals(self.model, emissions, allowed=allowed)
            soft = pieces.join(chances, numpy.concatenate)
            found = [p._replace(soft=rows) for p, rows in zip(found, soft)]
        if self._keeps_ents:
            return [without_overlap(one, mask) for one, mask in zip(found, taken)]
        return found

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
            if prediction.soft is not None:
                packed = pack_soft_tags(prediction.soft, self.labels, self.soft_tags)
                doc.user_data[KEY] = packed

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
        for example in examples:
            spans = example.reference.ents
            if not self.write_ents:
                spans = example.reference.spans.get(self.cfg["spans_key"], [])
            yield from (span.label_ for span in spans)
