"""Types of the package's thinc models."""

from typing import Any, Callable, List, NamedTuple, Optional

from spacy.tokens import Doc, Span
from thinc.api import Model
from thinc.types import Floats2d

#: Vectors of tokens: an encoder, what reads one, or a listener.
Tok2VecModel = Model[List[Doc], List[Floats2d]]
#: Scores of each token's tags.
CRFTaggerModel = Model[List[Doc], List[Floats2d]]
#: A registered function that cuts documents into spans.
SpanGetter = Callable[[List[Doc]], List[List[Span]]]
#: For each text, whether a token (row) may have a tag (column); None for any.
AllowedTags = Optional[List[Optional[Any]]]


class SoftTargets(NamedTuple):
    """A teacher's tag probabilities for some texts, and their share in the loss.

    targets (List[Optional[Floats2d]]): For each text the teacher's probabilities of
        each token's (row) tags (columns), all zero for a token without; None for a
        text that has no teacher.
    weight (float): Share of the divergence in the loss of a text with a teacher, the
        likelihood having the rest; from 0 to 1.
    temperature (float): Of the divergence, above 0.
    """

    targets: List[Any]
    weight: float
    temperature: float
