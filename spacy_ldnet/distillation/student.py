"""Students: pipelines that learn from gold data and from the labels of a teacher."""

import sys
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config

from ..errors import Errors
from ..pipeline.soft_labels import read_distillation
from ..sharding.progress import TextReport
from ..util import check_choice
from .pseudo_labels import GOLD_SHARE, THRESHOLD, teach

#: What students learn from: gold data, the teacher's tags, or their probabilities.
GOLD, HARD, SOFT = KINDS = ("gold", "hard", "soft")
#: The folder of the pseudo-labels, next to the students.
PSEUDO_LABELS = "pseudo_labels"


def distil(
    config_path: Path,
    teacher: str,
    text: Path,
    output: Path,
    *,
    kinds: Sequence[str] = (SOFT,),
    weight: float = 0.5,
    temperature: float = 1.0,
    sentences: int = 20_000,
    threshold: float = THRESHOLD,
    gold_share: float = GOLD_SHARE,
    held_out: Sequence[Path] = (),
    overrides: Optional[Mapping[str, Any]] = None,
    use_gpu: int = -1,
    report: Optional[TextReport] = None,
) -> Dict[str, Path]:
    """Let a teacher label text, and train a student of each kind on it.

    config_path (Path): Training config of the student. Its [paths] train is the gold
        data; the texts of its [paths] dev are not labelled.
    teacher (str): See `teach`; so are `text`, `sentences`, `threshold`, `gold_share`,
        `held_out` and `report`.
    output (Path): Folder for the pseudo-labels, and KIND/model-best.
    kinds (Sequence[str]): What the students learn from, of `KINDS`.
    weight (float): Share of the divergence in the loss of a `soft` student, 0 to 1.
    temperature (float): Of teacher and student, above 0.
    overrides (Optional[Mapping[str, Any]]): Settings of the config, such as
        "paths.train".
    use_gpu (int): Number of the GPU, which has been set up; -1 for the CPU.
    RETURNS (Dict[str, Path]): Kind -> the trained student.
    RAISES (ValueError): E013 for an unknown kind, E101 for weight or temperature, E186
        for a config that cannot train a student; see also `teach`.
    """
    for kind in kinds:
        check_choice("labels", kind, KINDS)
    setting = {"weight": weight, "temperature": temperature}
    read_distillation(setting, teacher)
    paths = load_config(config_path, overrides=dict(overrides or {}))["paths"]
    for name in ("train", "dev"):
        if not paths.get(name) or not Path(paths[name]).is_file():
            reason = f"[paths] {name} is {paths.get(name)!r}, which is no file of docs"
            raise ValueError(Errors.E186.format(path=config_path, reason=reason))
    gold, dev = Path(paths["train"]), Path(paths["dev"])
    pseudo_labels = output / PSEUDO_LABELS
    if set(kinds) != {GOLD}:
        teach(
            *(teacher, gold, text, pseudo_labels),
            sentences=sentences,
            threshold=threshold,
            gold_share=gold_share,
            held_out=[dev, *held_out],
            report=report,
        )
    return {
        kind: train_student(
            config_path,
            output / kind,
            data=gold if kind == GOLD else pseudo_labels,
            setting=setting if kind == SOFT else None,
            overrides=overrides,
            use_gpu=use_gpu,
        )
        for kind in dict.fromkeys(kinds)
    }


def train_student(
    config_path: Path,
    output: Path,
    *,
    data: Path,
    setting: Optional[Dict[str, float]],
    overrides: Optional[Mapping[str, Any]] = None,
    use_gpu: int = -1,
) -> Path:
    """Train as `spacy train` does, with the `distil` setting of the student's crf_ner,
    also where the config sources it from another pipeline.

    config_path (Path): The training config.
    output (Path): Folder for model-best and model-last.
    data (Path): [paths] train.
    setting (Optional[Dict[str, float]]): `weight` and `temperature`; None for hard
        labels.
    overrides (Optional[Mapping[str, Any]]): More settings of the config.
    use_gpu (int): Number of the GPU, which has been set up; -1 for the CPU.
    RETURNS (Path): The best student.
    RAISES (ValueError): E186 if there is not one crf_ner.
    """
    settings = {**(overrides or {}), "paths.train": str(data)}
    config = load_config(config_path, overrides=settings, interpolate=False)
    nlp = init_nlp(config, use_gpu=use_gpu)
    set_distillation(nlp, setting, config_path)
    output.mkdir(parents=True, exist_ok=True)
    train(nlp, output, use_gpu=use_gpu, stdout=sys.stdout, stderr=sys.stderr)
    return output / "model-best"


def set_distillation(
    nlp: Language, setting: Optional[Dict[str, float]], config_path: Path
) -> None:
    """nlp (Language): A student; its crf_ner gets the setting, in its config as well.
    setting (Optional[Dict[str, float]]): See `train_student`.
    config_path (Path): Its config, for the error.
    RAISES (ValueError): E186 if there is not one crf_ner.
    """
    crfs = [p for p in nlp.pipe_names if nlp.get_pipe_meta(p).factory == "crf_ner"]
    if len(crfs) != 1:
        reason = f"it has {len(crfs)} components of the factory crf_ner"
        raise ValueError(Errors.E186.format(path=config_path, reason=reason))
    crf: Any = nlp.get_pipe(crfs[0])
    crf.distil = read_distillation(setting, crfs[0])
    nlp.get_pipe_config(crfs[0])["distil"] = setting
