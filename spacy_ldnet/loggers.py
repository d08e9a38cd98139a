"""What the gates do while they are trained, one JSON line for every evaluation."""

import json
import sys
from pathlib import Path
from typing import IO, Any, Callable, Dict, Optional, Tuple

from spacy.language import Language

from .callbacks import gated_of
from .models.gating import gate_shim

LogStep = Callable[[Optional[Dict[str, Any]]], None]


def create_gate_logger_v1(
    *, path: Path, component: str = "ldnet"
) -> Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]:
    """Write gates to a JSONL file; for `spacy.ChainLogger.v1` beside spaCy's own.

    path (Path): The file; it is begun anew, and its folder is made.
    component (str): Name of the component that holds the encoder.
    RETURNS (Callable): A logger for `[training.logger]`. Each line has `step`,
        `epoch`, `score`, `layers` (those that pruning would leave) and `gates` (a list
        for each direction, or for the transformer).
    RAISES (ValueError): E016 if the component holds no encoder with gates.
    """

    def setup(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> Tuple[LogStep, Callable[[], None]]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        file = Path(path).open("w", encoding="utf8")

        def log_step(info: Optional[Dict[str, Any]]) -> None:
            # spaCy calls this after every step, with None between evaluations.
            if info is None:
                return
            shim = gate_shim(gated_of(nlp, component)[0])
            line = {
                **{name: info.get(name) for name in ("step", "epoch", "score")},
                "layers": shim.live_layers(),
                "gates": shim.gates_of_parts(),
            }
            file.write(json.dumps(line) + "\n")
            file.flush()

        return log_step, file.close

    return setup
