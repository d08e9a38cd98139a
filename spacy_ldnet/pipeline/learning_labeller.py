"""How the component behind `crf_ner` and `crf_chunker` learns."""

from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from thinc.api import Ops, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..errors import Errors
from ..models.crf_loss import Teaching
from ..models.words import in_vocab
from ..nn.iobes import Array
from .annotations import gold_ents, gold_spans, kept_of_each
from .label_sets import find_open_tags
from .labelled_pipe import LabelledPipe
from .pieces import Pieces
from .soft_labels import Distillation, read_soft_tags


class LearningLabeller(LabelledPipe):
    """Update, loss and gold standard. Whitespace tokens are not part of the CRF's
    sequence.
    """

    write_ents: bool
    distil: Optional[Distillation]

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
        RAISES (ValueError): See `get_loss`.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = self._own(examples)
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
        RAISES (ValueError): E021 for an unknown label, E024 if the loss is not finite,
            E100 and E103 for soft labels that do not fit, E200 to E202 for a label set
            that does not.
        """
        examples = self._own(examples)
        validate_examples(examples, "SequenceLabeller.get_loss")
        docs = [eg.predicted for eg in examples]
        kept: List[Any] = kept_of_each(docs)
        gold = [self._gold(eg) for eg in examples]
        pieces = self._pieces(docs, kept)
        emissions = pieces.cut(select_rows(self.model.ops, scores, kept))
        loss, d_pieces = self.model.attrs["loss"](
            self.model,
            emissions,
            pieces.cut(gold),
            open_tags=self._open_tags(examples, pieces),
            teaching=self._teaching(examples, kept, pieces),
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

    def _own(self, examples: Iterable[Example]) -> List[Example]:
        """Examples whose tokens the component's own vocab describes."""
        examples = list(examples)
        if all(eg.predicted.vocab is self.vocab for eg in examples):
            return examples
        docs = in_vocab([eg.predicted for eg in examples], self.vocab)
        return [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]

    def _pieces(self, docs: List[Doc], kept: List[Any]) -> Pieces:
        return Pieces(docs, kept, self.model.attrs["by_sentence"])

    def _teaching(
        self, examples: List[Example], kept: List[Any], pieces: Pieces
    ) -> Optional[Teaching]:
        if self.distil is None:
            return None
        soft = [
            read_soft_tags(eg, self.labels, tokens, self.n_tags, self.name)
            for eg, tokens in zip(examples, kept)
        ]
        return Teaching(pieces.cut(soft), *self.distil)

    def _open_tags(
        self, examples: List[Example], pieces: Pieces
    ) -> Optional[List[Any]]:
        """Label sets are of entities: the spans of a group are all annotated."""
        if not self.write_ents:
            return None
        found = [
            find_open_tags(eg.reference, self.labels, self.n_tags, self.name)
            for eg in examples
        ]
        if all(tags is None for tags in found):
            return None
        return pieces.repeat(found)

    def _gold(self, example: Example) -> Array:
        if self.write_ents:
            return gold_ents(example, self.labels, self.name)
        return gold_spans(example, self.cfg["spans_key"], self.labels, self.name)


def select_rows(ops: Ops, scores: List[Floats2d], kept: List[Any]) -> List[Floats2d]:
    """Rows of the tokens that are kept; where that is all, the array itself."""
    pairs = zip(scores, kept)
    return [r if len(r) == len(k) else r[ops.asarray1i(k)] for r, k in pairs]
