"""Making a corpus from labelled texts: merging answers, aligning spans with tokens, and
splitting the texts into train, dev and test.
"""

import hashlib
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

import spacy
import srsly
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans

from ..errors import Errors, Warnings
from ..util import SHOWN, check_output, check_range, list_files, write_folder
from .files import LabelledText, LabelReader, Place, Skipped
from .records import CharSpan, Kind, shorten

COMMAND = "ldnet corpus"
PARTS = ("train", "dev", "test")
REPORT_FILE = "report.json"
#: Sentences that are needed for a test part. A smaller one would measure nothing, and its
#: sentences help more in training.
MIN_FOR_TEST = 50
#: Words in file names that name a part.
NAMES_OF_PARTS = {
    "train": ("train", "training"),
    "dev": ("dev", "devel", "development", "val", "valid", "validation"),
    "test": ("test", "testing"),
}


@dataclass
class PartCounts:
    """Counts of a part.

    documents (int): Number of documents. Texts of unknown documents count as one each.
    texts (int): Number of spaCy docs.
    unlabelled (int): Number of docs without a span.
    sentences (int): Number of sentences, by the file or by spaCy's `sentencizer`.
    tokens (int): Number of tokens.
    spans (Dict[str, int]): Number of spans by label.
    """

    documents: int = 0
    texts: int = 0
    unlabelled: int = 0
    sentences: int = 0
    tokens: int = 0
    spans: Dict[str, int] = field(default_factory=dict)


@dataclass
class FileCounts:
    """Counts of a file.

    name (str): The file.
    forms (List[str]): Its form, or several.
    texts (int): Number of texts, before answers are merged.
    part (str): The part that the file name names, or "split".
    """

    name: str
    forms: List[str]
    texts: int
    part: str


@dataclass
class Misfit:
    """A span that does not match token boundaries.

    place (str): The line or document that it was read from.
    span (str): Its text.
    label (str): Its label.
    tokens (str): The text of the tokens that it overlaps.
    """

    place: str
    span: str
    label: str
    tokens: str

    def __str__(self) -> str:
        return f"{self.place}: {self.label} {self.span!r} in {self.tokens!r}"


@dataclass
class Report:
    """A report on the making of a corpus.

    files (List[FileCounts]): The files.
    parts (Dict[str, PartCounts]): The parts that were written.
    split_by (Optional[str]): The unit by which the files were split; None if they were
        not.
    skipped (List[Skipped]): Texts that were skipped, and the reasons.
    misfits (List[Misfit]): Spans that do not match token boundaries.
    overlapping (int): Number of spans that were dropped because a longer span overlaps
        them.
    trimmed (int): Number of spans that had spaces at their ends, which were removed.
    untokenised (int): Number of spans that match the tokens of their file, but not those
        of the language's tokenizer.
    warnings (List[str]): Coded warnings.
    """

    files: List[FileCounts] = field(default_factory=list)
    parts: Dict[str, PartCounts] = field(default_factory=dict)
    split_by: Optional[str] = None
    skipped: List[Skipped] = field(default_factory=list)
    misfits: List[Misfit] = field(default_factory=list)
    overlapping: int = 0
    trimmed: int = 0
    untokenised: int = 0
    warnings: List[str] = field(default_factory=list)


def make_corpus(
    files: Sequence[Path],
    output: Path,
    *,
    lang: str = "en",
    dev_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    spans_key: Optional[str] = None,
    alignment: str = "strict",
    n_sents: int = 0,
    text_key: str = "text",
    document_key: Optional[str] = None,
    strict: bool = False,
    overwrite: bool = False,
) -> Report:
    """Make train, dev and test from labels in any form.

    files (Sequence[Path]): Files of Prodigy, doccano, Label Studio, of the `entities`
        form, of columns, or `.spacy`. Files whose names say that they are dev or test
        (`dev.jsonl`, `my_test.iob`) become these parts. If there are none, all files are
        split.
    output (Path): Folder for `train.spacy`, `dev.spacy`, `test.spacy`, `report.json`.
    lang (str): Language of the tokenizer.
    dev_share (float): Share of the sentences for dev, from 0 to 0.4; 0 for no dev part.
    test_share (float): Share of the sentences for test.
    seed (int): Random seed that selects the held-out texts.
    spans_key (Optional[str]): Keep all spans, including overlapping ones, in this span
        group, for `spancat`. By default spans become entities, and only the longest of
        overlapping spans is kept.
    alignment (str): Treatment of spans that do not match token boundaries: "strict" drops
        them, and their tokens count as not annotated; "contract" shrinks them to the
        tokens inside; "expand" extends them to all tokens that they overlap.
    n_sents (int): Sentences per text, in columns without documents; 0 for ten, or fewer
        if there would be less than 20 texts.
    text_key (str): Key of the text in JSON.
    document_key (Optional[str]): Key of the document's name in JSON, if it is not one of
        `document`, `document_id`, `doc_id`.
    strict (bool): Raise an error for an unusable line instead of skipping it.
    overwrite (bool): Replace an earlier corpus of this command.
    RETURNS (Report): The report, which is also written to the output.
    RAISES (ValueError): If a setting, a file or the output cannot be used, or there are
        too few labelled texts.
    """
    for name, share in (("dev_share", dev_share), ("test_share", test_share)):
        check_range(name, share, 0 <= share <= 0.4, "it must be from 0 to 0.4")
    check_output(output, COMMAND, inputs=files)
    if not overwrite and output.is_dir() and list_files(output):
        raise ValueError(Errors.E175.format(path=output))
    nlp = _make_nlp(lang)
    reader = LabelReader(
        nlp,
        text_key=text_key,
        document_key=document_key,
        n_sents=n_sents,
        spans_key=spans_key,
        strict=strict,
    )
    report = Report(skipped=reader.skipped)
    pools: Dict[str, List[LabelledText]] = {}
    for path, part in _assign(files).items():
        forms, texts = reader.read(path)
        names = [form.value for form in forms]
        report.files.append(FileCounts(str(path), names, len(texts), part))
        pools.setdefault(part, []).extend(texts)
    _check_documents(pools, document_key)
    for part, texts in pools.items():
        pools[part] = _merge_answers(texts, report.skipped)
        for text in pools[part]:
            _annotate(text, nlp, spans_key, alignment, report)
    _check_spans(files, pools, spans_key, report.skipped)
    shares = {"dev": dev_share, "test": test_share}
    parts = _make_parts(pools, shares, seed, report)
    parts = _drop_duplicates(parts, report.skipped)
    report.parts = {
        part: _count(parts[part], spans_key) for part in PARTS if part in parts
    }
    report.skipped.sort(key=lambda s: (s.place.file, s.place.number))
    report.warnings += _find_warnings(report, alignment, lang)

    def write(folder: Path) -> None:
        folder.mkdir()
        for part, texts in parts.items():
            docs = DocBin(docs=[text.doc for text in texts])
            docs.to_disk(folder / f"{part}.spacy")
        settings = {"lang": lang, "seed": seed, "spans_key": spans_key}
        srsly.write_json(folder / REPORT_FILE, {**settings, **asdict(report)})

    write_folder(output, write, command=COMMAND, inputs=files)
    return report


def _make_nlp(lang: str) -> Language:
    try:
        return spacy.blank(lang)
    except ImportError as error:
        raise ValueError(Errors.E176.format(lang=lang, reason=error)) from error


def _assign(files: Sequence[Path]) -> Dict[Path, str]:
    """The part of each file by its name, or "split" for files to be split."""
    unique = list({path.resolve(): path for path in files}.values())
    parts = {path: _part_of(path) for path in unique}
    held_out = set(parts.values()) & {"dev", "test"}
    if len(unique) == 1 or not held_out:
        return dict.fromkeys(unique, "split")
    if held_out >= set(parts.values()):
        names = ", ".join(f"'{path}'" for path in unique)
        raise ValueError(Errors.E178.format(names=names))
    rest = "train" if "dev" in held_out else "split"
    return {p: part if part in held_out else rest for p, part in parts.items()}


def _part_of(path: Path) -> str:
    """The part that a file name names; empty if it names none or several."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    found = [part for part, names in NAMES_OF_PARTS.items() if {*names} & {*words}]
    return found[0] if len(found) == 1 else ""


def _check_documents(
    pools: Dict[str, List[LabelledText]], document_key: Optional[str]
) -> None:
    answers = [t for texts in pools.values() for t in texts if t.answers]
    if document_key and answers and all(text.document is None for text in answers):
        raise ValueError(Errors.E177.format(key=document_key, place=answers[0].place))


def _merge_answers(
    texts: Sequence[LabelledText], skipped: List[Skipped]
) -> List[LabelledText]:
    """Keep one of identical answers, and none of contradictory answers. A rejected answer
    contradicts an accepted answer with the same spans.
    """
    groups: Dict[Any, List[LabelledText]] = {}
    for number, text in enumerate(texts):
        key = text.doc.text if text.answers else number
        groups.setdefault(key, []).append(text)
    kept = []
    for group in groups.values():
        accepted = [text for text in group if not text.rejected]
        for text in group:
            if text.rejected:
                _skip(text, Kind.rejected, "its answer is 'reject'", skipped)
        other = next(
            (t for t in group if accepted and _contradicts(accepted[0], t)), None
        )
        if other is not None:
            for text in accepted:
                rival = accepted[0] if text is other else other
                start = shorten(text.doc.text)
                reason = f"{start} has another answer in {rival.place}"
                _skip(text, Kind.conflict, reason, skipped)
            continue
        kept += accepted[:1]
        for text in accepted[1:]:
            reason = f"the same text and spans as in {accepted[0].place}"
            _skip(text, Kind.repeated, reason, skipped)
    return kept


def _contradicts(one: LabelledText, other: LabelledText) -> bool:
    same: FrozenSet[CharSpan] = frozenset(one.spans)
    return (same == frozenset(other.spans)) == other.rejected


def _skip(text: LabelledText, kind: Kind, reason: str, skipped: List[Skipped]) -> None:
    skipped.append(Skipped(text.place, kind, reason))


def _annotate(
    text: LabelledText,
    nlp: Language,
    spans_key: Optional[str],
    alignment: str,
    report: Report,
) -> None:
    """Add the spans to the doc, as entities or as a span group."""
    doc = text.doc
    report.trimmed += text.trimmed
    found: Dict[Tuple[int, int, str], Span] = {}
    missing: Set[int] = set()
    for start, end, label in [] if text.annotated else text.spans:
        span = doc.char_span(start, end, label=label)
        if span is None:
            overlapped = doc.char_span(start, end, alignment_mode="expand") or doc[:0]
            values = (doc.text[start:end], label, overlapped.text)
            report.misfits.append(Misfit(str(text.place), *values))
            span = doc.char_span(start, end, label=label, alignment_mode=alignment)
        if span is None:
            missing.update(token.i for token in overlapped)
            continue
        found[span.start, span.end, label] = span
    spans = list(found.values())
    if not text.annotated and spans_key is not None:
        doc.spans[spans_key] = spans
    elif not text.annotated:
        kept = filter_spans(spans)
        report.overlapping += len(spans) - len(kept)
        missing -= {token.i for span in kept for token in span}
        doc.set_ents(kept, missing=[doc[i : i + 1] for i in sorted(missing)])
    if text.own_tokens and not doc.has_unknown_spaces:
        report.untokenised += _count_untokenised(doc, nlp, spans_key)


def _count_untokenised(doc: Doc, nlp: Language, spans_key: Optional[str]) -> int:
    if len(doc.text) > nlp.max_length:
        return 0
    spans = _spans(doc, spans_key)
    plain = nlp.make_doc(doc.text) if spans else doc
    return sum(plain.char_span(s.start_char, s.end_char) is None for s in spans)


def _spans(doc: Doc, spans_key: Optional[str]) -> List[Span]:
    return list(doc.ents if spans_key is None else doc.spans[spans_key])


def _check_spans(
    files: Sequence[Path],
    pools: Dict[str, List[LabelledText]],
    spans_key: Optional[str],
    skipped: List[Skipped],
) -> None:
    texts = [text for pool in pools.values() for text in pool]
    if any(_spans(text.doc, spans_key) for text in texts):
        return
    reasons = [f"{len(texts):,} without a span"] if texts else []
    for kind, number in Counter(s.kind for s in skipped).most_common():
        first = next(s for s in skipped if s.kind == kind)
        reasons.append(f"{number:,} {kind.value} ({first.place}: {first.reason})")
    names = ", ".join(f"'{path}'" for path in files)
    raise ValueError(Errors.E173.format(names=names, reasons="; ".join(reasons)))


def _make_parts(
    pools: Dict[str, List[LabelledText]],
    shares: Dict[str, float],
    seed: int,
    report: Report,
) -> Dict[str, List[LabelledText]]:
    """Split the texts of the files to be split, and add those of the other files."""
    parts = {part: list(pools[part]) for part in PARTS if part in pools}
    texts = pools.get("split")
    if texts is None:
        return parts
    wanted = [part for part in ("test", "dev") if shares[part] and part not in parts]
    sizes = {id(text): count_sentences(text.doc) for text in texts}
    total = sum(sizes.values())
    if "test" in wanted and (total < MIN_FOR_TEST or len(texts) < len(PARTS)):
        wanted.remove("test")
        values = {"sentences": total, "texts": len(texts), "least": MIN_FOR_TEST}
        report.warnings.append(Warnings.W070.format(**values))
    if len(texts) <= len(wanted):
        raise ValueError(Errors.E174.format(found=len(texts)))
    documents: Dict[str, List[LabelledText]] = {}
    for text in texts:
        name = text.document if text.document is not None else f"\0{id(text)}"
        documents.setdefault(name, []).append(text)
    groups, report.split_by = list(documents.values()), "document"
    if all(text.document is None for text in texts):
        report.split_by = "text"
    elif len(groups) <= len(wanted):
        groups = [[text] for text in texts]
        report.split_by = "text, since there are too few documents"
    groups.sort(key=lambda group: _rank(group, seed))
    for number, part in enumerate(wanted):
        weights = [sum(sizes[id(text)] for text in group) for group in groups]
        most = len(groups) - (len(wanted) - number)
        held = _hold_out(weights, shares[part] * total, most)
        parts[part] = [text for i in sorted(held) for text in groups[i]]
        groups = [group for i, group in enumerate(groups) if i not in held]
    kept = {id(text) for group in groups for text in group}
    parts["train"] = [text for text in texts if id(text) in kept]
    return parts


def _rank(group: Sequence[LabelledText], seed: int) -> bytes:
    """A position in a random order that depends only on the text, not on the file names
    or on other texts.
    """
    text = f"{seed}:{min(text.doc.text for text in group)}"
    return hashlib.sha256(text.encode("utf8")).digest()


def _hold_out(weights: Sequence[int], size: float, most: int) -> Set[int]:
    """Choose at least one group, from the first on, until their total is nearest to a
    size. Groups that are much larger than the size are skipped.
    """
    held: Set[int] = set()
    taken = 0
    for i, weight in enumerate(weights):
        if len(held) < most and taken + weight / 2 <= size:
            held.add(i)
            taken += weight
    return held or {weights.index(min(weights))}


def count_sentences(doc: Doc) -> int:
    """RETURNS (int): Number of annotated sentences, or of those that spaCy's
    `sentencizer` would find.
    """
    if doc.has_annotation("SENT_START"):
        return len(list(doc.sents))
    return sum(map(bool, Sentencizer().predict([doc])[0]))


def _drop_duplicates(
    parts: Dict[str, List[LabelledText]], skipped: List[Skipped]
) -> Dict[str, List[LabelledText]]:
    """Remove the texts of test from dev and train, and those of dev from train."""
    seen: Dict[str, Tuple[str, Place]] = {}
    left = {}
    for part in reversed(PARTS):
        kept, own = [], {}
        for text in parts.get(part, []):
            # The spaces between tokens of columns are unknown.
            key = "".join(text.doc.text.split())
            if key in seen:
                reason = f"the text is also in {seen[key][0]} ({seen[key][1]})"
                _skip(text, Kind.duplicate, reason, skipped)
            else:
                kept.append(text)
                own[key] = (part, text.place)
        seen.update(own)
        if part in parts:
            left[part] = kept
            if not kept:
                reason = skipped[-1].reason if parts[part] else "nothing is labelled"
                raise ValueError(Errors.E179.format(part=part, reason=reason))
    return {part: left[part] for part in PARTS if part in left}


def _count(texts: Sequence[LabelledText], spans_key: Optional[str]) -> PartCounts:
    counts = PartCounts(texts=len(texts))
    names = [text.document for text in texts]
    counts.documents = len({*names} - {None}) + names.count(None)
    labels: Counter = Counter()
    for text in texts:
        spans = _spans(text.doc, spans_key)
        counts.unlabelled += not spans
        counts.sentences += count_sentences(text.doc)
        counts.tokens += len(text.doc)
        labels.update(span.label_ for span in spans)
    counts.spans = dict(sorted(labels.items()))
    return counts


def _find_warnings(report: Report, alignment: str, lang: str) -> List[str]:
    warnings = []
    if report.misfits:
        values: Dict[str, Any] = {
            "number": len(report.misfits),
            "result": RESULTS[alignment],
            "some": _name_some(report.misfits),
        }
        warnings.append(Warnings.W071.format(**values))
    if report.untokenised:
        values = {"number": report.untokenised, "lang": lang}
        warnings.append(Warnings.W072.format(**values))
    train = report.parts["train"].spans
    for part in ("dev", "test"):
        counts = report.parts.get(part, PartCounts())
        lost = ", ".join(sorted(set(counts.spans) - set(train)))
        if lost:
            warnings.append(Warnings.W073.format(part=part, labels=lost))
    alike: Dict[str, Set[str]] = {}
    for label in [label for part in report.parts.values() for label in part.spans]:
        bare = re.sub(r"(?<=\w)[\s_-]+(?=\w)", "", label.casefold())
        alike.setdefault(bare, set()).add(label)
    for labels in alike.values():
        if len(labels) > 1:
            names = ", ".join(map(repr, sorted(labels)))
            warnings.append(Warnings.W074.format(labels=names))
    return warnings


#: The result for spans that do not match token boundaries.
RESULTS = {
    "strict": "They were dropped, and their tokens count as not annotated",
    "contract": "They were shrunk to the tokens inside them",
    "expand": "They were extended to the tokens that they overlap",
}


def _name_some(items: Sequence[object]) -> str:
    shown = "; ".join(map(str, items[:SHOWN]))
    more = len(items) - SHOWN
    return f"{shown}; and {more:,} more" if more > 0 else shown
