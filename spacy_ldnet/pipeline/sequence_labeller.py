"""The component behind `crf_ner` and `crf_chunker`: labelled spans by a CRF."""

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, SpanGroup
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Model, Ops, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..errors import Errors
from ..models.crf_tagger import Lesson
from ..models.encoder import check_range
from ..models.gating import budget_scores
from ..nn.iobes import OUTSIDE, Array, spans_of_each
from .annotations import (
    Prediction,
    allowed_tags,
    gold_ents,
    gold_spans,
    join_predictions,
    kept_tokens,
    make_spans,
    preset_tokens,
    read_prediction,
    same_tokens,
    set_doc_ents,
    without_overlap,
)
from .labelled_pipe import LabelledPipe
from .pieces import Pieces
from .soft_tags import KEY, pack_soft_tags, read_soft_tags


class SequenceLabeller(LabelledPipe):
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
        emissions = _select(self.model.ops, self.model.predict(docs), kept)
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

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch of examples.

        examples (Iterable[Example]): The examples; those without annotation, and
            tokens without, count for nothing.
        drop (float): The dropout rate.
        sgd (Optional[Optimizer]): The optimizer; None to collect gradients only.
        losses (Optional[Dict[str, float]]): Where the loss is added.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): E021 for an unknown label, E024 if the loss is not finite.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "SequenceLabeller.update")
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        docs = [eg.predicted for eg in examples]
        emissions, backprop = self.model.begin_update(docs)
        loss, d_emissions = self.get_loss(examples, emissions)
        # Also when nothing is annotated: a shared encoder waits for all its listeners.
        backprop(d_emissions)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: List[Floats2d]
    ) -> Tuple[float, List[Floats2d]]:
        """Find the loss and its gradient. The gradient of the CRF's own parameters is
        added to them, as if the backward pass had reached them.

        examples (Iterable[Example]): The examples.
        scores (List[Floats2d]): The model's output for them.
        RETURNS (Tuple[float, List[Floats2d]]): The loss per annotated token, and the
            gradient with respect to the output.
        RAISES (ValueError): E021 for an unknown label, E024 if the loss is not finite.
        """
        examples = list(examples)
        validate_examples(examples, "SequenceLabeller.get_loss")
        kept: List[Any] = [kept_tokens(eg.predicted) for eg in examples]
        gold = [self._gold(eg) for eg in examples]
        pieces = self._pieces([eg.predicted for eg in examples], kept)
        emissions = pieces.cut(_select(self.model.ops, scores, kept))
        loss, d_pieces = self.model.attrs["loss"](
            self.model,
            emissions,
            pieces.cut(gold),
            self._lesson(examples, kept, pieces),
        )
        d_kept = pieces.join(d_pieces, self.model.ops.xp.concatenate)
        if not numpy.isfinite(loss):
            raise ValueError(Errors.E024.format(name=self.name, loss=loss))
        d_scores = []
        for rows, tokens, d_rows in zip(scores, kept, d_kept):
            if len(tokens) < len(rows):
                d_all = self.model.ops.xp.zeros_like(rows)
                d_all[self.model.ops.asarray1i(tokens)] = d_rows
                d_rows = d_all
            d_scores.append(d_rows)
        return loss, d_scores

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The scorer's scores; with an LD-Net encoder inside
        the model, `ldnet_budget` and `ldnet_density` as well.
        """
        return {**super().score(examples, **kwargs), **budget_scores(self.model)}

    def _pieces(self, docs: List[Doc], kept: List[Any]) -> Pieces:
        return Pieces(docs, kept, self.model.attrs["by_sentence"])

    def _lesson(
        self, examples: List[Example], kept: List[Any], pieces: Pieces
    ) -> Optional[Lesson]:
        """What a teacher has left in the examples, where tokens are the same."""
        weight = self.distil_weight
        if not weight:
            return None
        chances = [
            read_soft_tags(eg.reference, len(k), self.labels, self.n_tags, self.name)
            if same_tokens(eg.predicted, eg.reference)
            else None
            for eg, k in zip(examples, kept)
        ]
        return Lesson(pieces.cut(chances), weight, self.distil_temperature)

    @property
    def _keeps_ents(self) -> bool:
        return self.write_ents and not self.cfg["overwrite"]

    def _gold(self, example: Example) -> Array:
        if self.write_ents:
            return gold_ents(example, self.labels, self.name)
        return gold_spans(example, self.cfg["spans_key"], self.labels, self.name)

    def labels_of(self, examples: Iterable[Example]) -> Iterable[str]:
        """RETURNS (Iterable[str]): The labels in the examples' gold standard."""
        for example in examples:
            spans = example.reference.ents
            if not self.write_ents:
                spans = example.reference.spans.get(self.cfg["spans_key"], [])
            yield from (span.label_ for span in spans)


def _select(ops: Ops, scores: List[Floats2d], kept: List[Any]) -> List[Floats2d]:
    """Rows of the tokens that are kept; where that is all, the array itself."""
    pairs = zip(scores, kept)
    return [r if len(r) == len(k) else r[ops.asarray1i(k)] for r, k in pairs]
