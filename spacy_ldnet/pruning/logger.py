"""`GateLogger`: spaCy's training table with the open layers at the end of each line."""

import json
import sys
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.util import registry
from thinc.api import Model
from wasabi import row

from ..errors import Errors
from ..util import check_range
from .encoders import budget_scores, encoders_of, gate_shim


class WiderTable:
    """spaCy's console logger, with more cells at the end of each line.

    console (Callable): The logger that prints spaCy's table.
    nlp (Language): The pipeline in training.
    stdout (IO): Where the table goes.
    stderr (IO): Where its progress bar goes.
    columns (Dict[str, int]): Titles of the columns to add, and their widths.
    """

    def __init__(
        self,
        console: Callable,
        nlp: Language,
        stdout: IO,
        stderr: IO,
        columns: Dict[str, int],
    ) -> None:
        self._stdout = stdout
        self._widths = [max(len(title), width) for title, width in columns.items()]
        dashes = ["-" * width for width in self._widths]
        self._lines = [self._row(list(columns)), self._row(dashes)]
        self._step, self.finalize = console(nlp, self, stderr)

    def log_step(self, info: Optional[Dict[str, Any]], cells: Sequence[str]) -> None:
        """info (Optional[Dict[str, Any]]): The result of an update, from spaCy; None if
            the table gets no line.
        cells (Sequence[str]): The cells to add to the line.
        """
        if info is not None:
            self._lines = [self._row(cells)]
        self._step(info)

    def write(self, text: str) -> None:
        """text (str): Output of spaCy's logger: a line, then its end."""
        if text.endswith("\n") and self._lines:
            text = text[:-1] + "  " + self._lines.pop(0) + "\n"
        self._stdout.write(text)

    def flush(self) -> None:
        self._stdout.flush()

    def _row(self, cells: Sequence[str]) -> str:
        return row(list(cells), widths=self._widths, aligns="r", spacing=2)


LogStep = Callable[[Optional[Dict[str, Any]]], None]
Logger = Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]
Gates = Dict[str, List[float]]

#: Width of a gate in the console: a number in percent.
CELL = 3


def create_gate_logger_v1(
    *,
    path: Path,
    component: str = "ldnet",
    console: bool = True,
    progress_bar: Optional[str] = None,
    every: int = 0,
) -> Logger:
    """Show and log the gates during training, for `[training.logger]`, alone or first in
    `spacy.ChainLogger.v1`.

    The console shows spaCy's own table, with the number of open layers, the budget and
    the gates at the end of each line. Later loggers of the chain (MLflow, Weights &
    Biases, ClearML) find the numbers among the scores: `ldnet_layers`, `ldnet_budget` (1
    within the budget, else 0), `ldnet_density`, the budget (as `ldnet_max_layers`,
    `ldnet_max_layers_per_direction` or `ldnet_max_macs`), and `ldnet_gates.forward.0` and
    so on, by the layers' numbers in the unpruned network.

    path (Path): The JSONL file; it is overwritten, and its folder is made.
    component (str): Name of the component that holds the encoder.
    console (bool): Whether to show the table. False if another logger of the chain
        shows spaCy's (`spacy.ConsoleLogger`).
    progress_bar (Optional[str]): The table's progress bar, as in
        `spacy.ConsoleLogger.v3`: `train`, `eval` or None.
    every (int): Also write a line every so many updates, at least 0; 0 for evaluations
        only.
    RETURNS (Callable): The logger. Each line has `step`, `layers` (how many pruning
        would leave), `gates` (a list for each direction), `numbers` (of the layers, in
        the unpruned network) and `closed` (the step whose update closed the layer; null
        while it is open); those of evaluations also have `epoch` and `score`.
    RAISES (ValueError): E013 for a value out of range; when training begins E016 if
        the component holds no encoder with gates, E090 if the file cannot be written.
    """
    check_range("every", every, every >= 0, "it must be at least 0")

    def setup(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> Tuple[LogStep, Callable[[], None]]:
        watch = GateWatch(encoders_of(nlp, component)[0])
        table = None
        if console:
            spacys = registry.get("loggers", "spacy.ConsoleLogger.v3")
            table = WiderTable(
                spacys(progress_bar=progress_bar), nlp, stdout, stderr, watch.columns
            )
        file = _open(path)

        def log_step(info: Optional[Dict[str, Any]]) -> None:
            # spaCy calls this after every update, with None between evaluations.
            watch.update(info)
            if info is not None:
                watch.add_scores(info["other_scores"])
            if info is not None or (every and watch.step % every == 0):
                file.write(json.dumps(watch.line(info)) + "\n")
                file.flush()
            if table is not None:
                table.log_step(info, watch.cells)

        def finalize() -> None:
            file.close()
            if table is not None:
                table.finalize()

        return log_step, finalize

    return setup


class GateWatch:
    """The gates of an encoder after each update, and when they closed.

    encoder (Model): An encoder whose layers have gates, with its network.
    """

    def __init__(self, encoder: Model) -> None:
        self.encoder = encoder
        self.shim = gate_shim(encoder)
        self.step = -1
        self.layer_ids = self.shim.layer_ids()
        self.gates: Gates = self.shim.gates_by_direction()
        self.closed: Dict[str, List[Optional[int]]] = {
            name: [None for _ in gates] for name, gates in self.gates.items()
        }

    @property
    def budget(self) -> Optional[Any]:
        """RETURNS (Optional[Budget]): The budget, if gates are trained under one."""
        penalty = self.shim.penalty
        return None if penalty is None else penalty.budget

    @property
    def columns(self) -> Dict[str, int]:
        """RETURNS (Dict[str, int]): Titles for the console, and widths."""
        directions = {
            name.upper(): (CELL + 1) * len(ids) - 1
            for name, ids in self.layer_ids.items()
        }
        return {"LAYERS": 6, "BUDGET": 12, **directions}

    @property
    def cells(self) -> List[str]:
        """RETURNS (List[str]): The current cells for the console, one per column."""
        gates = [" ".join(map(_percent, values)) for values in self.gates.values()]
        budget = "-" if self.budget is None else str(self.budget)
        return [str(self.shim.n_open), budget, *gates]

    def update(self, info: Optional[Dict[str, Any]]) -> None:
        """info (Optional[Dict[str, Any]]): The result of an update, from spaCy."""
        self.step = self.step + 1 if info is None else info["step"]
        self.gates = self.shim.gates_by_direction()
        for name, gates in self.gates.items():
            closed = self.closed[name]
            for i, gate in enumerate(gates):
                if gate > 0:
                    closed[i] = None
                elif closed[i] is None:
                    closed[i] = self.step

    def add_scores(self, scores: Dict[str, Any]) -> None:
        """scores (Dict[str, Any]): The numbers for later loggers are added to it."""
        scores.update(budget_scores(self.encoder))
        scores["ldnet_layers"] = self.shim.n_open
        limit = {} if self.budget is None else self.budget.to_dict()
        scores.update({f"ldnet_{name}": value for name, value in limit.items()})
        scores["ldnet_gates"] = {
            name: dict(zip(map(str, self.layer_ids[name]), gates))
            for name, gates in self.gates.items()
        }

    def line(self, info: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        """info (Optional[Dict[str, Any]]): The result of an update, from spaCy.
        RETURNS (Dict[str, Any]): A line of the log.
        """
        scored = {} if info is None else {k: info.get(k) for k in ("epoch", "score")}
        return {
            "step": self.step,
            **scored,
            "layers": self.shim.n_open,
            "gates": self.gates,
            "numbers": self.layer_ids,
            "closed": self.closed,
        }


def _percent(gate: float) -> str:
    """A gate in percent: a dash if it is closed, never 0 if it is open."""
    return f"{max(1, round(100 * gate)) if gate > 0 else '-':>{CELL}}"


def _open(path: Path) -> IO[str]:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path).open("w", encoding="utf8")
    except OSError as error:
        raise ValueError(Errors.E090.format(path=path, reason=error.strerror)) from None
