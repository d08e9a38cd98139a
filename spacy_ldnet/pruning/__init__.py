"""The life of a gate: trained under a penalty until a budget is met, logged, and deleted
with its layer.

spaCy imports this room wherever it is used, so torch is imported only where it is needed.
"""

from .callbacks import create_load_encoder_v1, create_train_layers_v1
from .encoders import budget_scores, encoders_in, find_gated
from .layers import (
    PruningReport,
    keep_only,
    prune_encoder,
    prune_language_models,
    prune_pipeline,
    prune_saved_pipeline,
)
from .logger import create_gate_logger_v1
from .penalty import create_gate_penalty_v1

__all__ = [
    "PruningReport",
    "budget_scores",
    "create_gate_logger_v1",
    "create_gate_penalty_v1",
    "create_load_encoder_v1",
    "create_train_layers_v1",
    "encoders_in",
    "find_gated",
    "keep_only",
    "prune_encoder",
    "prune_language_models",
    "prune_pipeline",
    "prune_saved_pipeline",
]
