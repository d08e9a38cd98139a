"""What a small student gains from a teacher's labels, and from its probabilities."""

from pathlib import Path
from typing import Any, Dict, List

import spacy
import torch
import typer
from frontier import numbers
from lab.training import LABELS, SOFT, DistilTrainer, Student, all_students
from spacy.tokens import DocBin
from tqdm import tqdm

from spacy_ldnet.distillation.pseudo_labels import GOLD_SHARE, THRESHOLD, count_words
from spacy_ldnet.evaluation.cost import measure_speed
from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.evaluation.scoring import evaluate_pipeline
from spacy_ldnet.evaluation.summary import mean_and_std
from spacy_ldnet.lm_directory import find_source
from spacy_ldnet.timing import describe_machine
from spacy_ldnet.workflow.scripting import run, write_json, write_text

SPEED_WORDS, SPEED_ROUNDS = 5_000, 3
NAMES = {
    "gold": "gold data alone",
    "hard": "gold data and the teacher's tags",
    "soft": "gold data and the teacher's tag probabilities",
}


def summarise(
    teacher: Dict[str, Any], students: Dict[Student, Dict[str, Any]]
) -> Dict[str, Any]:
    """Join the seeds.

    teacher (Dict[str, Any]): Result of `evaluate_pipeline` of the teacher.
    students (Dict[Student, Dict[str, Any]]): The same of each student.
    RETURNS (Dict[str, Any]): `teacher` and each kind of student: `test_f` in percent,
        `macs_per_word`, `size_mb`.
    """
    groups: Dict[str, List[Dict[str, Any]]] = {"teacher": [teacher]}
    for student, scored in students.items():
        groups.setdefault(student.labels, []).append(scored)
    return {
        name: {
            "test_f": mean_and_std([100 * run["scores"]["ents_f"] for run in runs]),
            "macs_per_word": runs[0]["macs_per_word"],
            "size_mb": runs[0]["size_mb"],
        }
        for name, runs in groups.items()
    }


def markdown(results: Dict[str, Any]) -> str:
    """results (Dict[str, Any]): What `main` writes.
    RETURNS (str): A table.
    """
    rows = results["rows"]
    speeds = results["words_per_second"]
    lines = [
        "| learned from | test F1 | seeds | MACs a word | MB | words a second |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in rows.items():
        score = row["test_f"]
        title = NAMES.get(name, f"the teacher ({results['teacher']})")
        speed = speeds["teacher" if name == "teacher" else "student"]
        cells = [
            title,
            f"{score['mean']:.2f} ± {score['std']:.2f}",
            str(score["n"]),
            f"{row['macs_per_word']:,}",
            f"{row['size_mb']:,}",
            f"{speed:,.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def compare(
    teacher: str,
    trainer: DistilTrainer,
    students: List[Student],
    gold_share: float,
    results: Path,
) -> None:
    """Train the students and compare them with their teacher.

    teacher (str): Its name or folder.
    trainer (DistilTrainer): Trains one; the text is labelled already.
    students (List[Student]): The students.
    gold_share (float): Of gold data in the text that is labelled; it is reported.
    results (Path): JSON file; a table goes beside it.
    RAISES (ScriptError): If a training fails.
    """
    paths = {s: trainer.student(s) for s in tqdm(students, "Training")}
    test = trainer.corpus / "test.spacy"
    source = find_source(teacher)
    scored = evaluate_pipeline(source, test)
    runs = {
        student: evaluate_pipeline(path, test)
        for student, path in tqdm(paths.items(), "Scoring")
    }
    one = next((p for s, p in paths.items() if s.labels == SOFT), paths[students[0]])
    pair = {"teacher": spacy.load(source), "student": spacy.load(one)}
    texts = read_texts(test, pair["student"], SPEED_WORDS)
    speed = measure_speed(pair, texts, rounds=SPEED_ROUNDS)
    taught = DocBin().from_disk(trainer.mixed / "taught.spacy")
    value = {
        "teacher": teacher,
        "rows": summarise(scored, runs),
        "words_per_second": speed["words_per_second"],
        "settings": {
            "steps": trainer.steps,
            "layers": trainer.layers,
            "distil": trainer.distil,
            "gold_share": gold_share,
            "taught_words": count_words(taught),
        },
        "runs": [
            {**s._asdict(), "test_f": 100 * r["scores"]["ents_f"]}
            for s, r in runs.items()
        ],
        "machine": describe_machine(1),
    }
    write_json(results, value)
    write_text(results.with_suffix(".md"), markdown(value))
    print(markdown(value))


def main(
    teacher: str = typer.Argument(..., help="Pipeline with a crf_ner: name or folder"),
    corpus: Path = typer.Argument(..., help="Folder with train, dev and test.spacy"),
    text: Path = typer.Argument(..., help="Raw text for the teacher to label"),
    output: Path = typer.Argument(..., help="Folder for the trained pipelines"),
    results: Path = typer.Argument(..., help="JSON file; a table goes beside it"),
    training: Path = typer.Option(
        Path("training"), help="Where the language models are: SEED/lm/model-best"
    ),
    vectors: Path = typer.Option(Path("corpus/vectors"), help="The word vectors"),
    sentences: int = typer.Option(10_000, min=0, help="Sentences to label (0: all)"),
    layers: int = typer.Option(2, min=0, help="Layers of the students"),
    seeds: str = typer.Option("0,1,2", help="Seeds, with commas"),
    steps: int = typer.Option(2000, min=1, help="Updates of each student"),
    eval_frequency: int = typer.Option(200, min=1, help="Updates between evaluations"),
    weight: float = typer.Option(0.5, help="Of the divergence, 0 to 1"),
    temperature: float = typer.Option(1.0, help="Of the divergence, above 0"),
    threshold: float = typer.Option(THRESHOLD, help="Lowest tag probability to keep"),
    gold_share: float = typer.Option(
        GOLD_SHARE,
        min=0.0,
        max=0.95,
        help="Of the words that students of the teacher see",
    ),
) -> None:
    """Train students on gold data alone, with a teacher's tags, and with its tag
    probabilities, and compare them with the teacher. Finished trainings are kept."""
    torch.set_num_threads(1)
    trainer = DistilTrainer(
        directory=output,
        corpus=corpus,
        vectors=vectors,
        training=training,
        text=corpus,
        steps=steps,
        base_steps=steps,
        lm_epochs=0,
        eval_frequency=eval_frequency,
        layers=layers,
        distil={"weight": weight, "temperature": temperature},
    )
    trainer.label(teacher, text, sentences, threshold, gold_share)
    students = all_students(list(LABELS), numbers(seeds))
    compare(teacher, trainer, students, gold_share, results)


if __name__ == "__main__":
    run(main)
