"""Which layers go, if another pipeline, or language models, say which stay."""

from functools import partial
from typing import Callable, List

from thinc.api import Model
from wasabi import msg

from ..describe import encoders_in, load_pipeline
from ..lm_directory import LayersLeft, find_source, is_pipeline, layers_left
from ..models.encoder import find_encoders
from ..pruning.encoders import keep_only, layers_of

#: Deletes layers of an encoder, in place.
Cut = Callable[[Model], None]


def find_cuts(encoders: List[Model], chosen: str) -> List[Cut]:
    """encoders (List[Model]): Those of the pipeline that is pruned.
    chosen (str): Directory or name of a pipeline with as many, or of language models,
        whose layers are kept; ends the command if it has layers that they do not have.
    RETURNS (List[Cut]): What deletes the layers of each.
    RAISES (ValueError): E150 there is nothing of that name, E154 it is damaged.
    """
    if not all(find_encoders(encoder) for encoder in encoders):
        _refuse_transformers()
    others = _layers_of_each(chosen, len(encoders))
    wholes = [layers_of(encoder, only_open=False) for encoder in encoders]
    places = [layers.positions_in(whole) for layers, whole in zip(others, wholes)]
    if None in places:
        msg.fail(
            f"'{chosen}' has layers that the pipeline does not have",
            "Both have to come from the same language models, and it from this pipeline.",
            exits=1,
        )
    return [partial(keep_only, keep=keep) for keep in places if keep is not None]


def _layers_of_each(chosen: str, count: int) -> List[LayersLeft]:
    source = find_source(chosen)
    if not is_pipeline(source):
        return [layers_left(source)] * count
    others = encoders_in(load_pipeline(source))
    if len(others) != count:
        msg.fail(
            f"'{chosen}' has {len(others)} encoders, the pipeline {count}",
            "Name one that was pruned from this pipeline, or whose gates were trained.",
            exits=1,
        )
    if not all(find_encoders(encoder) for encoder in others):
        _refuse_transformers()
    return [layers_of(encoder) for encoder in others]


def _refuse_transformers() -> None:
    msg.fail(
        "--layers-of is for LD-Net encoders",
        "Of a transformer the lowest layers are kept: give their number, --layers.",
        exits=1,
    )
