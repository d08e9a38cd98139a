"""What components with a set of labels have in common: the labels themselves."""

from itertools import islice
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.training import Example, validate_get_examples
from thinc.api import Optimizer

from ..errors import Errors
from ..models.words import in_vocab
from ..nn.crf import check_size
from ..nn.iobes import TagScheme
from .freezing import warn_if_frozen
from .upstream import check_upstreams

#: Examples that the model is initialised with.
N_SAMPLE = 10


class LabelledPipe(TrainablePipe):
    """A component whose model has the IOBES tags of its labels as output. The labels are
    in `cfg`, so that they are saved and loaded with it.
    """

    cfg: Dict[str, Any]

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The labels, in the order of their tags."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> List[str]:
        """RETURNS (List[str]): What `spacy init labels` writes for `initialize`."""
        return list(self.cfg["labels"])

    def add_label(self, label: str) -> int:
        """Add a label, also to a trained component: its tags start out unlikely.

        label (str): The label.
        RETURNS (int): 0 if it was there already, otherwise 1.
        RAISES (ValueError): E026 if it is not a string, E117 if it is blank, E116 if
            there are too many.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E026.format(label=label))
        if not label.strip():
            raise ValueError(Errors.E117.format(label=label))
        if label in self.cfg["labels"]:
            return 0
        if self.extra_tags:
            raise ValueError(Errors.E033.format(name=self.name))
        before = self.n_tags
        check_size(TagScheme((*self.labels, label)).n_tags)
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.model.has_dim("nO") and self.model.get_dim("nO") == before:
            self.set_output(self.n_tags)
        return 1

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
        labels (Optional[List[str]]): The labels, usually from a file that `spacy init
            labels` wrote. If None, all labels of the examples, sorted.
        RAISES (ValueError): E020 without labels, E022 if `nO` is not 1 + 4 * labels, E116
            for too many; E192 if a component listens to none that comes before it.
        """
        validate_get_examples(get_examples, "SequenceLabeller.initialize")
        if labels is None:
            labels = sorted(set(self.labels_of(get_examples())))
        every = {*self.labels, *map(str, labels)}
        check_size(TagScheme(tuple(every)).n_tags)
        for label in labels:
            self.add_label(label)
        if not self.labels:
            raise ValueError(Errors.E020.format(name=self.name))
        found = self.model.get_dim("nO") if self.model.has_dim("nO") else None
        if found not in (None, self.n_tags):
            message = Errors.E022.format(
                name=self.name,
                labels=len(self.labels),
                expected=self.n_tags,
                found=found,
            )
            raise ValueError(message)
        if nlp is not None:
            check_upstreams(nlp)
            warn_if_frozen(nlp, self.model, self.name)
        sample = [eg.predicted for eg in islice(get_examples(), N_SAMPLE)]
        docs = in_vocab(sample, self.vocab)
        ops = self.model.ops
        Y = [ops.alloc2f(len(doc), self.n_tags) for doc in docs]
        self.model.initialize(X=docs, Y=Y)

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
        drop: float = 0.0,
    ) -> Dict[str, float]:
        """RAISES (NotImplementedError): E023 always; there is no rehearsal here."""
        raise NotImplementedError(Errors.E023.format(name=self.name))

    @property
    def n_tags(self) -> int:
        """RETURNS (int): Number of tags: 1 + 4 * labels, and the extra ones."""
        return TagScheme(self.labels).n_tags + self.extra_tags

    @property
    def extra_tags(self) -> int:
        """RETURNS (int): Tags behind those of the labels that mean nothing to us; a
        converted component has them, so that its CRF is the authors'.
        """
        return self.cfg.get("extra_tags", 0)

    def labels_of(self, examples: Iterable[Example]) -> Iterable[str]:
        """RETURNS (Iterable[str]): The labels in the examples' gold standard."""
        raise NotImplementedError
