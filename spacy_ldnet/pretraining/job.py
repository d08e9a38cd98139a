"""What the training of one direction needs to know."""

from dataclasses import dataclass
from pathlib import Path

from ..nn.language_model import LanguageModelConfig
from .batches import windows_per_epoch
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
    best (Path): Folder for the weights with the lowest perplexity.
    last (Path): Folder for the weights of the last measurement.
    device (str): torch's name of the device.
    threads (int): Threads to compute with; 0 for as many as torch likes.
    """

    direction: str
    model: LanguageModelConfig
    rows: int
    settings: PretrainingSettings
    seed: int
    corpus: Path
    best: Path
    last: Path
    device: str
    threads: int


def total_steps(length: int, settings: PretrainingSettings) -> int:
    """length (int): Length of the training text, symbols included.
    settings (PretrainingSettings): The [pretraining] section.
    RETURNS (int): Number of updates, if it does not stop early.
    """
    sizes = {"batch_size": settings.batch_size, "window": settings.window}
    steps = settings.max_epochs * windows_per_epoch(length, **sizes)
    return min(steps, settings.max_steps) if settings.max_steps else steps
