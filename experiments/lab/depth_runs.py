"""Train the points of a transformer's frontier: fewer and fewer of its layers."""

from dataclasses import dataclass
from pathlib import Path

from thinc.api import Model

from lab.points import Point
from lab.runs import FrontierTrainer
from spacy_ldnet.pruning import prune_encoder


@dataclass
class DepthTrainer(FrontierTrainer):
    """Trains points on a transformer, which all begin with one tagger a seed.

    transformer (str): Folder, or name on the hub, of the transformer.
    """

    transformer: str = ""
    gated: str = "depth_prune"
    finetuned: str = "depth_finetune"

    def own_base(self, seed: int) -> Path:
        """seed (int): Seed of the training.
        RETURNS (Path): The tagger on all layers of the transformer.
        """
        settings = {"paths.transformer": self.transformer}
        path = self.directory / str(seed) / "base"
        return self._spacy_train(path, "depth", seed, self.base_steps, settings)

    def choose(self, encoder: Model, point: Point) -> None:
        """Cut the top: the only choice of layers that reads nothing anew.

        encoder (Model): The transformer; its other layers are deleted.
        point (Point): The budget.
        """
        prune_encoder(encoder, point.budget)
