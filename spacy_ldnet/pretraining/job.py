"""What the training of one direction needs to know."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from ..nn.language_model import LanguageModelConfig
from .settings import PretrainingSettings


@dataclass(frozen=True)
class TrainingJob:
    """All that the training of one direction needs; it can go to another process.

    direction (str): "forward" or "backward".
    model (LanguageModelConfig): Sizes and rates of the network.
    rows (int): Size of the vocabulary, symbols included.
    settings (PretrainingSettings): The [pretraining] section.
    seed (int): Seed of the whole run.
    corpus (Path): Folder of the indexed corpus.
    output (Path): Directory of the run.
    device (str): torch's name of the device.
    threads (int): Threads to compute with; 0 for as many as torch likes.
    identity (Dict[str, Any]): What a continuation has to share, as JSON data.
    base (Optional[Path]): Directory of the language models to begin with.
    resume (bool): Whether to go on from the latest checkpoint, if there is one.
    """

    direction: str
    model: LanguageModelConfig
    rows: int
    settings: PretrainingSettings
    seed: int
    corpus: Path
    output: Path
    device: str
    threads: int
    identity: Dict[str, Any]
    base: Optional[Path] = None
    resume: bool = False


def total_steps(batches: int, settings: PretrainingSettings) -> int:
    """batches (int): Batches of one epoch.
    settings (PretrainingSettings): The [pretraining] section.
    RETURNS (int): Number of updates, if it does not stop early.
    """
    steps = settings.max_epochs * batches // settings.accumulate_gradient
    return min(steps, settings.max_steps) if settings.max_steps else steps


def part_of(steps: int, settings: PretrainingSettings) -> Tuple[int, int]:
    """steps (int): Number of updates of the whole training.
    settings (PretrainingSettings): The [pretraining] section.
    RETURNS (Tuple[int, int]): The updates that this run begins after and ends with.
    """
    begin, end = (round(share * steps) for share in settings.part)
    return begin, end
