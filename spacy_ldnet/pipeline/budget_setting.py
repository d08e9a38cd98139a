"""What a user wants to be left of an encoder, and what that means for it."""

from dataclasses import dataclass
from typing import Any, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..errors import Errors
from ..models.encoder import check_range
from ..models.gating import gate_shim
from .calibration import calibrate, macs_within

#: Those that count layers.
LAYER_KINDS = ("max_layers", "max_layers_per_direction")


@dataclass(frozen=True)
class BudgetSetting:
    """kind (str): `max_layers`, `max_layers_per_direction`, `max_lm_macs` or
        `min_words_per_second`.
    value (float): How much of it.
    """

    kind: str
    value: float

    @classmethod
    def from_limits(
        cls, limits: Dict[str, Optional[float]], *, required: bool
    ) -> Optional["BudgetSetting"]:
        """limits (Dict[str, Optional[float]]): Each kind, None for those not wanted.
        required (bool): Whether there has to be one.
        RETURNS (Optional[BudgetSetting]): The one that is given.
        RAISES (ValueError): E030 unless there is one, E013 for a value out of range.
        """
        given = {kind: value for kind, value in limits.items() if value is not None}
        if len(given) > 1 or (required and not given):
            names = " and ".join(given) or "none"
            remedy = "one of them" if given else "max_layers = 2, for example,"
            raise ValueError(Errors.E030.format(given=names, remedy=remedy))
        if not given:
            return None
        kind, value = next(iter(given.items()))
        if kind == "max_lm_macs":
            check_range(kind, value, 0 <= value <= 1, "it must be a share in [0, 1]")
        elif kind in LAYER_KINDS:
            check_range(kind, value, value >= 0, "it must be at least 0")
        else:
            check_range(kind, value, value > 0, "it must be above 0")
        return cls(kind, value)

    def resolve(self, nlp: Language, encoder: Model) -> Dict[str, Any]:
        """Turn it into what the encoder can count: layers or multiply-accumulates.

        nlp (Language): The pipeline, whose speed is measured if that is wanted.
        encoder (Model): The encoder; keeps what was measured.
        RETURNS (Dict[str, Any]): `max_layers`, `max_layers_per_direction` or `max_macs`.
        RAISES (ValueError): E031 if no pruning can reach the speed.
        """
        if self.kind in LAYER_KINDS:
            return {self.kind: int(self.value)}
        shim = gate_shim(encoder)
        if self.kind == "max_lm_macs":
            whole = [encoder.attrs["depth"]] * len(shim.parts)
            return {"max_macs": self.value * shim.macs_of(whole)}
        measured = calibrate(nlp, encoder)
        shim.cfg["calibration"] = {**measured, "wanted": self.value}
        return {"max_macs": macs_within(measured, self.value)}
