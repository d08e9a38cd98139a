"""The report's sentences: the answer, the corpus, machine and versions."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Dict, List, Tuple

from .run import Run
from .tables import ratio

PACKAGES = ("spacy-ldnet", "spacy", "thinc", "torch", "numpy", "spacy-transformers")

#: Sentences about ratios: what the subject has, divided by what another row has.
FACTORS = {
    "words_per_second": "it runs {:.1f} times as fast",
    "lm_macs_per_word": "its language models cost {:.2f} times as much",
    "size_mb": "it has {:.2f} times the size",
}


def answer(run: Run) -> List[str]:
    """RETURNS (List[str]): The answer to the report's question, in sentences."""
    subject = run.results[run.subject]
    f1 = subject["ents_f"]
    several = f", the mean of {f1['n']} seeds" if f1["n"] > 1 else ", one seed"
    begin = f"{run.subject} has an F1 of {f1['mean']:.2f} on the test set{several}"
    if subject.get("words_per_second"):
        begin += f", at {subject['words_per_second']:,.0f} words per second"
    if subject.get("size_mb"):
        begin += f" and with {subject['size_mb']:,.1f} MB on disk"
    sentences = [f"{begin}.", _left(run)]
    for name in run.results:
        if name != run.subject:
            sentences.append(_compare(run, name))
    if is_agreement(run):
        sentences.append(
            "The labels were written by the teacher, so that F1 is agreement with it, "
            "not with people."
        )
    return [sentence for sentence in sentences if sentence]


def _left(run: Run) -> str:
    """The number of layers that pruning left, if there is a row that has all of them."""
    keys = ("layers_fwd", "layers_bwd")
    left, whole = (
        [run.results.get(row, {}).get(key) for key in keys]
        for row in (run.subject, run.whole)
    )
    if None in (*left, *whole) or left == whole:
        return ""
    counts = ["+".join(map(str, side)) for side in (left, whole)]
    return (
        f"Of the language models' layers (forward + backward) it has {counts[0]}, "
        f"before pruning there were {counts[1]}."
    )


def _compare(run: Run, name: str) -> str:
    subject, other = run.results[run.subject], run.results[name]
    parts = []
    gain = run.difference(name)
    if gain is not None:
        sure = "" if gain[1] > 0 or gain[2] < 0 else ", not significant"
        more = f"{abs(gain[0]):.2f} {'better' if gain[0] > 0 else 'worse'}"
        parts.append(
            f"its F1 is {more if gain[0] else 'the same'} (95% interval "
            f"{gain[1]:+.2f} to {gain[2]:+.2f}{sure})"
        )
    for key, form in FACTORS.items():
        factor = ratio(subject, other, key)
        if factor is not None:
            parts.append(form.format(factor))
    about = run.title(name)
    where = f"{name} ({about})" if about else name
    return f"Compared with {where}: {', '.join(parts)}." if parts else ""


def is_agreement(run: Run) -> bool:
    """RETURNS (bool): Whether a teacher wrote the labels."""
    return run.corpus.get("kind") == "teacher"


def corpus_facts(run: Run) -> List[Tuple[str, Any]]:
    """RETURNS (List[Tuple[str, Any]]): Sources of text and labels."""
    corpus = run.corpus
    facts = []
    for source in corpus.get("sources", []):
        about = [source.get(key, "") for key in ("author", "license", "url")]
        facts.append((source.get("name", "source"), "; ".join(filter(None, about))))
    teacher = corpus.get("teacher")
    if teacher:
        name = f"{teacher.get('name', '')} {teacher.get('version', '')}".strip()
        facts.append(("teacher", f"{name} ({teacher.get('license', '')})"))
    if "seed" in corpus:
        facts.append(("seed of the split", corpus["seed"]))
    return facts


def run_facts(run: Run) -> List[Tuple[str, Any]]:
    """RETURNS (List[Tuple[str, Any]]): Seeds, machine and versions."""
    machine: Dict[str, Any] = run.speed.get("machine", {})
    seeds = run.results[run.subject].get("seeds", [])
    facts: List[Tuple[str, Any]] = [("seeds", ", ".join(map(str, seeds)))]
    facts += [(f"machine: {key}", value) for key, value in machine.items()]
    for key in ("words", "rounds"):
        if key in run.speed:
            facts.append((f"speed measurement: {key}", f"{run.speed[key]:,}"))
    for name in PACKAGES:
        try:
            facts.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return facts
