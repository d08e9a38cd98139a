"""Which layers go, if another pipeline says which stay."""

from functools import partial
from pathlib import Path
from typing import Callable, List

from thinc.api import Model
from wasabi import msg

from ..models.encoder import find_encoders
from ..models.gating import keep_only, layers_as_in
from ._facts import encoders_in, load_pipeline

#: Deletes layers of an encoder, in place.
Cut = Callable[[Model], None]


def find_cuts(encoders: List[Model], chosen: Path) -> List[Cut]:
    """encoders (List[Model]): Those of the pipeline that is pruned.
    chosen (Path): A pipeline with as many, whose layers are kept; ends the command if it
        has layers that they do not have.
    RETURNS (List[Cut]): What deletes the layers of each.
    """
    others = encoders_in(load_pipeline(chosen))
    if len(others) != len(encoders):
        msg.fail(
            f"'{chosen}' has {len(others)} encoders, the pipeline {len(encoders)}",
            "Name one that was pruned from this pipeline, or whose gates were trained.",
            exits=1,
        )
    if not all(find_encoders(encoder) for encoder in [*encoders, *others]):
        msg.fail(
            "--layers-of is for LD-Net encoders",
            "Of a transformer the lowest layers are kept: give their number, --layers.",
            exits=1,
        )
    places = [layers_as_in(*pair) for pair in zip(encoders, others)]
    if None in places:
        msg.fail(
            f"'{chosen}' has layers that the pipeline does not have",
            "Both have to come from the same language models, and it from this pipeline.",
            exits=1,
        )
    return [partial(keep_only, keep=keep) for keep in places if keep is not None]
