"""The components `crf_ner` and `crf_chunker`: a CRF over IOBES tags."""

import warnings
from itertools import islice
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, SpanGroup
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..errors import Errors, Warnings
from ..iobes import OUTSIDE, Array, TagScheme, check_size, spans_of_each
from ..labelled.label_sets import (
    check_label_sets,
    find_open_tags,
    warn_of_lost_label_sets,
)
from ..models.doc_arrays import in_vocab
from ..models.shim import damage_of_component
from ..models.tok2vec import widen_vectors
from ..models.types import SoftTargets
from ..pruning.callbacks import warn_if_frozen
from ..pruning.encoders import budget_scores
from .soft_labels import (
    SOFT_TAGS,
    check_threshold,
    pack_soft_tags,
    read_distillation,
    read_soft_tags,
)
from .tag_encoding import (
    Prediction,
    Sequences,
    allowed_tags,
    decode_prediction,
    entity_mask,
    gold_ents,
    gold_spans,
    make_spans,
    merge_predictions,
    non_space_tokens,
    select_rows,
    set_doc_ents,
    token_indices,
    without_overlap,
)
from .upstream import check_upstreams

#: Examples that the model is initialised with.
N_SAMPLE = 10


class SequenceLabeller(TrainablePipe):
    """Find labelled spans that do not overlap: a CRF over the IOBES tags of the labels.

    Nothing is remembered across docs, and a doc's result does not depend on the other
    docs of its batch. Whitespace tokens are not part of the CRF's sequence.
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
            labels in the training data count; None to ignore them.
        RAISES (ValueError): E101, E102 if one of the last two can't be used.
        """
        check_threshold(soft_labels, name)
        # They belong to the run, not to the weights: so they are not in `cfg`, which is
        # loaded with the weights, and can be set in `spacy.load`.
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

    # Labels

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The labels, in the order of their tags."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> List[str]:
        """RETURNS (List[str]): What `spacy init labels` writes for `initialize`."""
        return list(self.cfg["labels"])

    @property
    def n_tags(self) -> int:
        """RETURNS (int): Number of tags: 1 + 4 * labels, and the extra ones."""
        return TagScheme(self.labels).n_tags + self.extra_tags

    @property
    def extra_tags(self) -> int:
        """RETURNS (int): Number of tags after those of the labels, which stand for no
        label. A converted component has two.
        """
        return self.cfg.get("extra_tags", 0)

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
        wider = TagScheme((*self.labels, label)).n_tags
        check_size(wider)
        if self.model.has_dim("nO") and self.model.get_dim("nO") == self.n_tags:
            self.set_output(wider)
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
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
            for too many; E192 if a component listens to none that comes before it; E200
            to E202 for a label set that does not fit the entities.
        """
        validate_get_examples(get_examples, "SequenceLabeller.initialize")
        if labels is None:
            labels = sorted(self._find_labels(get_examples()))
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
        if nlp is not None and self.write_ents:
            warn_of_lost_label_sets(nlp)
        elif nlp is not None:
            _warn_of_scores(nlp, self.name, self.cfg["spans_key"])

    def _find_labels(self, examples: Iterable[Example]) -> Iterable[str]:
        """The different labels in the examples' gold standard."""
        references = (example.reference for example in examples)
        if self.write_ents:
            # Found here, a mistake in the data does not wait for a batch that has it.
            return check_label_sets(references, self.labels, self.name)
        groups = (doc.spans.get(self.cfg["spans_key"], []) for doc in references)
        return {span.label_ for group in groups for span in group}

    def from_bytes(
        self, bytes_data: bytes, *, exclude: Iterable[str] = ()
    ) -> "SequenceLabeller":
        """RAISES (ValueError): E139 if the bytes are damaged."""
        widen_vectors(self.vocab)
        with damage_of_component(self.name):
            return super().from_bytes(bytes_data, exclude=exclude)

    def from_disk(
        self, path: Union[str, Path], *, exclude: Iterable[str] = ()
    ) -> "SequenceLabeller":
        """RAISES (ValueError): E139 if the files are damaged."""
        widen_vectors(self.vocab)
        with damage_of_component(self.name):
            return super().from_disk(path, exclude=exclude)

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> List[Prediction]:
        """Find the spans of a batch of docs, without modifying them.

        docs (Iterable[Doc]): The docs.
        RETURNS (List[Prediction]): The spans of each.
        """
        docs = in_vocab(list(docs), self.vocab)
        tokens = token_indices(docs)
        if not any(map(len, tokens)):
            return self._nothing(tokens)
        sequences = Sequences(docs, tokens, self.model.attrs["by_sentence"])
        emissions = select_rows(self.model.ops, self.model.predict(docs), tokens)
        emissions = sequences.split(emissions)
        allowed: Optional[List[Any]] = None
        taken: List[Array] = []
        if self.write_ents and not self.cfg["overwrite"]:
            taken = [entity_mask(doc) for doc in docs]
        if any(mask.any() for mask in taken):
            rows = zip(docs, taken, tokens)
            allowed = [allowed_tags(*row, self.labels, self.n_tags) for row in rows]
            allowed = sequences.split(allowed)
        attrs = self.model.attrs
        tags = attrs["decode"](self.model, emissions, allowed=allowed)
        ends: Sequence[Any] = [(None, None)] * len(tags)
        if self.cfg["scores"]:
            ends = attrs["path_scores"](self.model, emissions, tags, allowed=allowed)
        probs: Sequence[Any] = [None] * len(docs)
        if self.soft_labels is not None:
            rows = attrs["marginals"](self.model, emissions, allowed=allowed)
            probs = sequences.merge(rows, numpy.concatenate)
        if self.extra_tags:
            # No label has them, so they are outside of spans, too.
            known = self.n_tags - self.extra_tags
            tags = [numpy.where(path < known, path, OUTSIDE) for path in tags]
        parts = zip(spans_of_each(tags), sequences.split(tokens), ends)
        found = [decode_prediction(*part) for part in parts]
        found = sequences.merge(found, merge_predictions)
        if self.soft_labels is not None:
            found = [one._replace(probs=some) for one, some in zip(found, probs)]
        if allowed is not None:
            found = [without_overlap(one, mask) for one, mask in zip(found, taken)]
        return found

    def _nothing(self, tokens: List[Array]) -> List[Prediction]:
        """Predictions for docs without tokens, the same as in a batch with other docs."""
        none = numpy.zeros(0) if self.cfg["scores"] else None
        probs = None
        if self.soft_labels is not None:
            probs = numpy.zeros((0, self.n_tags))
        pairs = zip(spans_of_each(tokens), tokens)
        found = [decode_prediction(*pair, (none, none)) for pair in pairs]
        return [one._replace(probs=probs) for one in found]

    def set_annotations(self, docs: Iterable[Doc], scores: List[Prediction]) -> None:
        """Write what was found.

        docs (Iterable[Doc]): The docs.
        scores (List[Prediction]): What `predict` returned for them.
        """
        key, labels = self.cfg["spans_key"], self.labels
        for doc, prediction in zip(docs, scores):
            spans = make_spans(doc, prediction.spans, labels)
            if self.write_ents:
                set_doc_ents(doc, spans, overwrite=self.cfg["overwrite"])
            if key is not None:
                attrs = {}
                if prediction.scores is not None:
                    attrs["scores"] = prediction.scores
                doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs=attrs)
            if self.soft_labels is not None and prediction.probs is not None:
                doc.user_data[SOFT_TAGS] = pack_soft_tags(
                    prediction.probs,
                    non_space_tokens(*in_vocab([doc], self.vocab)),
                    len(doc),
                    labels,
                    self.soft_labels,
                )

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The scorer's scores; with an LD-Net encoder inside
        the model, `ldnet_budget` and `ldnet_density` as well.
        """
        return {**super().score(examples, **kwargs), **budget_scores(self.model)}

    # Training

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
        examples = self._in_own_vocab(examples)
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
        examples = self._in_own_vocab(examples)
        validate_examples(examples, "SequenceLabeller.get_loss")
        docs = [eg.predicted for eg in examples]
        tokens = token_indices(docs)
        gold = [self._gold_tags(eg) for eg in examples]
        sequences = Sequences(docs, tokens, self.model.attrs["by_sentence"])
        xp = self.model.ops.xp
        loss, d_sequences = self.model.attrs["loss"](
            self.model,
            sequences.split(select_rows(self.model.ops, scores, tokens)),
            sequences.split(gold),
            open_tags=self._open_tags(examples, sequences),
            soft_targets=self._soft_targets(examples, tokens, sequences),
        )
        if not numpy.isfinite(loss):
            raise ValueError(Errors.E024.format(name=self.name, loss=loss))
        d_scores = []
        d_docs = sequences.merge(d_sequences, xp.concatenate)
        for rows, index, d_rows in zip(scores, tokens, d_docs):
            if len(index) < len(rows):
                d_all = xp.zeros_like(rows)
                d_all[xp.asarray(index)] = d_rows
                d_rows = d_all
            d_scores.append(d_rows)
        return loss, d_scores

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

    def _in_own_vocab(self, examples: Iterable[Example]) -> List[Example]:
        """Examples whose tokens the component's own vocab describes."""
        examples = list(examples)
        if all(eg.predicted.vocab is self.vocab for eg in examples):
            return examples
        docs = in_vocab([eg.predicted for eg in examples], self.vocab)
        return [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]

    def _gold_tags(self, example: Example) -> Array:
        if self.write_ents:
            return gold_ents(example, self.labels, self.name)
        return gold_spans(example, self.cfg["spans_key"], self.labels, self.name)

    def _open_tags(
        self, examples: List[Example], sequences: Sequences
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
        return sequences.repeat(found)

    def _soft_targets(
        self, examples: List[Example], tokens: List[Array], sequences: Sequences
    ) -> Optional[SoftTargets]:
        if self.distil is None:
            return None
        rows = [
            read_soft_tags(eg, self.labels, index, self.n_tags, self.name)
            for eg, index in zip(examples, tokens)
        ]
        return SoftTargets(sequences.split(rows), *self.distil)


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
