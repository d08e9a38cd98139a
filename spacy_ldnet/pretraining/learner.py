"""A network, its optimizer and its schedule: what an update changes."""

from typing import Any, Dict, List, Optional

import torch
from torch import Tensor

from ..nn.dense_rnn import State
from ..nn.language_model import LanguageModel, detach_state
from ..nn.precision import runs_bfloat16
from .checkpoint import Checkpoint, Tensors
from .devices import Devices
from .feeds import Batch
from .schedules import Plateau, make_schedule
from .settings import PretrainingSettings


class Learner:
    """Learns batch by batch, and can be packed into a checkpoint between updates.

    network (LanguageModel): The network.
    settings (PretrainingSettings): Rates and the like.
    steps (int): Number of updates in all.
    devices (Devices): Where to train.
    done (int): How many of the updates earlier runs have done.
    """

    def __init__(
        self,
        network: LanguageModel,
        settings: PretrainingSettings,
        steps: int,
        devices: Devices,
        done: int = 0,
    ) -> None:
        self.devices = devices
        self.grad_clip = settings.grad_clip
        on_cpu = devices.device.type == "cpu"
        self.half = settings.precision == "bfloat16" and on_cpu and runs_bfloat16()
        self.network = network.to(devices.device)
        # Fused: one pass over the weights, a third of the time on a CPU.
        self.optimizer = torch.optim.Adam(network.parameters(), fused=True)
        schedule = make_schedule(settings.learn_rate)
        self.waits_for_plateau = isinstance(schedule, Plateau)
        self.schedule: Any = schedule.build(self.optimizer, steps, done)
        self.model, self.stepper = devices.place(self.network, self.optimizer)
        self.state: Optional[State] = None

    @property
    def learn_rate(self) -> float:
        """RETURNS (float): Rate of the next update."""
        return float(self.optimizer.param_groups[0]["lr"])

    def read(self, batch: Batch, *, share: float, update: bool) -> Tensor:
        """Read a batch forward and back.

        batch (Batch): What to read.
        share (float): Weight of its gradient.
        update (bool): Whether an update follows.
        RETURNS (Tensor): Mean loss a word, in nats.
        """
        device = self.devices.device
        counted = batch.counted
        self.model.train()
        half = torch.autocast("cpu", torch.bfloat16, enabled=self.half)
        with self.devices.accumulate(self.model, update), half:
            scores, after = self.model(
                torch.from_numpy(batch.words).to(device),
                torch.from_numpy(batch.targets).to(device),
                None if batch.fresh else self.state,
                None if counted is None else torch.from_numpy(counted).to(device),
            )
            loss = -scores.mean()
            self.devices.backward(loss * share if share != 1 else loss)
        self.state = detach_state(after)
        return loss.detach()

    def update(self) -> float:
        """Change the weights by the gradient read so far.

        RETURNS (float): The rate that it was done with.
        """
        rate = self.learn_rate
        self.devices.clip(self.model, self.grad_clip)
        self.stepper.step()
        self.stepper.zero_grad(set_to_none=True)
        if not self.waits_for_plateau:
            self.schedule.step()
        return rate

    def after_evaluation(self, perplexity: float) -> None:
        """perplexity (float): The latest one of the held-out text."""
        if self.waits_for_plateau:
            self.schedule.step(perplexity)

    def pack(self) -> Checkpoint:
        """RETURNS (Checkpoint): All that later updates depend on. In a training of
        several processes each has to call it.
        """
        tensors = {f"model.{k}": v for k, v in self.network.state_dict().items()}
        state = self.optimizer.state_dict()
        for number, values in state["state"].items():
            for name, value in values.items():
                tensors[f"optimizer.{number}.{name}"] = value
        for rank, own in enumerate(self.devices.collect(self._own_tensors())):
            tensors.update({f"process.{rank}.{k}": v for k, v in own.items()})
        facts: Dict[str, Any] = {
            "structure": self.network.structure(),
            "groups": state["param_groups"],
            "schedule": self.schedule.state_dict(),
        }
        if self.devices.scaler() is not None:
            facts["scaler"] = self.devices.scaler().state_dict()
        tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        return Checkpoint(tensors, facts)

    def unpack(self, checkpoint: Checkpoint) -> None:
        """checkpoint (Checkpoint): What `pack` returned."""
        tensors, facts = checkpoint.tensors, checkpoint.facts
        self.network.load_state_dict(_under("model", tensors))
        state: Dict[int, Tensors] = {}
        for name, value in _under("optimizer", tensors).items():
            number, key = name.split(".")
            state.setdefault(int(number), {})[key] = value
        self.optimizer.load_state_dict(
            {"state": state, "param_groups": facts["groups"]}
        )
        self.schedule.load_state_dict(facts["schedule"])
        if self.devices.scaler() is not None:
            self.devices.scaler().load_state_dict(facts["scaler"])
        own = _under(f"process.{self.devices.share.rank}", tensors)
        self.state = self._unpack_state(_under("state", own))
        torch.set_rng_state(own["random"])
        if "random_gpu" in own:
            torch.cuda.set_rng_state(own["random_gpu"], self.devices.device)

    def _own_tensors(self) -> Tensors:
        """What each process has of its own: carried state and random state."""
        own = {"random": torch.get_rng_state()}
        if self.devices.device.type == "cuda":
            own["random_gpu"] = torch.cuda.get_rng_state(self.devices.device)
        for layer, part in enumerate(self.state or []):
            parts = part if isinstance(part, tuple) else (part,)
            for number, tensor in enumerate(parts):
                own[f"state.{layer}.{number}"] = tensor
        return own

    def _unpack_state(self, tensors: Tensors) -> Optional[State]:
        layers: Dict[int, List[Tensor]] = {}
        for name in sorted(tensors, key=lambda name: [int(n) for n in name.split(".")]):
            tensor = tensors[name].to(self.devices.device)
            layers.setdefault(int(name.split(".")[0]), []).append(tensor)
        if not layers:
            return None
        return [tuple(p) if len(p) > 1 else p[0] for p in layers.values()]


def _under(prefix: str, tensors: Tensors) -> Tensors:
    """The tensors whose names begin so, without that."""
    start = prefix + "."
    return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
