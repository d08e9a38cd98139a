"""Where a model is trained: on one device, or on several through accelerate."""

import os
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, ContextManager, Dict, List, Tuple, Union

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import Errors
from .batchers import Share

#: Other processes wait while the first one tokenises the text.
TIMEOUT = timedelta(days=14)

Tensors = Dict[str, Tensor]


class OneDevice:
    """Plain torch.

    device (str): torch's name of the device.
    """

    share = Share()
    prepares_text = True

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)

    def place(self, model: nn.Module, optimizer: Optimizer) -> Tuple[Any, Any]:
        """model (nn.Module): The network, on the device already.
        optimizer (Optimizer): Its optimizer.
        RETURNS (Tuple): What to train with.
        """
        return model, optimizer

    def accumulate(self, model: nn.Module, last: bool) -> ContextManager[Any]:
        """model (nn.Module): What `place` returned.
        last (bool): Whether an update follows.
        RETURNS (ContextManager): For the forward and the backward pass.
        """
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """loss (Tensor): The loss of this process's share."""
        loss.backward()

    def clip(self, model: nn.Module, norm: float) -> None:
        """model (nn.Module): What `place` returned.
        norm (float): The largest norm of the gradient.
        """
        nn.utils.clip_grad_norm_(model.parameters(), norm)

    def agree(self, value: float) -> float:
        """value (float): Something measured.
        RETURNS (float): What the first process measured.
        """
        return value

    def collect(self, tensors: Tensors) -> List[Tensors]:
        """tensors (Dict[str, Tensor]): State of this process.
        RETURNS (List[Dict[str, Tensor]]): That of each process.
        """
        return [tensors]

    def scaler(self) -> Any:
        """RETURNS (Optional[GradScaler]): What scales the loss in half precision."""
        return None

    def wait(self) -> None:
        """Go on when all processes are here."""

    def close(self) -> None:
        """Leave the other processes, when the work is done."""


class SeveralDevices(OneDevice):
    """Several processes with one model, or mixed precision, through accelerate.

    RAISES (ValueError): E058 accelerate is not installed.
    """

    def __init__(self) -> None:
        try:
            from accelerate import Accelerator
            from accelerate.utils import (
                DistributedDataParallelKwargs,
                InitProcessGroupKwargs,
            )
        except ImportError:
            raise ValueError(Errors.E058) from None
        # A batch may have no word of the softmax's last clusters.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        timeout = InitProcessGroupKwargs(timeout=TIMEOUT)
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(), kwargs_handlers=[unused, timeout]
        )
        super().__init__(self.accelerator.device)
        state = self.accelerator
        self.share = Share(state.process_index, state.num_processes)
        self.prepares_text = state.is_local_main_process

    def place(self, model: nn.Module, optimizer: Optimizer) -> Tuple[Any, Any]:
        return self.accelerator.prepare(model, optimizer)

    def accumulate(self, model: nn.Module, last: bool) -> ContextManager[Any]:
        return nullcontext() if last else self.accelerator.no_sync(model)

    def backward(self, loss: Tensor) -> None:
        self.accelerator.backward(loss)

    def clip(self, model: nn.Module, norm: float) -> None:
        self.accelerator.clip_grad_norm_(model.parameters(), norm)

    def agree(self, value: float) -> float:
        from accelerate.utils import broadcast

        found = torch.tensor(value, dtype=torch.float64, device=self.device)
        return float(broadcast(found))

    def collect(self, tensors: Tensors) -> List[Tensors]:
        from accelerate.utils import gather_object

        return gather_object([{k: v.cpu() for k, v in tensors.items()}])

    def scaler(self) -> Any:
        return self.accelerator.scaler

    def wait(self) -> None:
        self.accelerator.wait_for_everyone()

    def close(self) -> None:
        # A process must not exit while a thread of torch's still ends what it had to
        # do with the others: seen once, Python stopped it midway, and that aborts.
        self.wait()
        self.accelerator.free_memory()
        self.accelerator.end_training()


Devices = Union[OneDevice, SeveralDevices]


def find_devices(device: str) -> Devices:
    """device (str): torch's name of the device, if this is the only process.
    RETURNS (Devices): Several where `accelerate launch` or `torchrun` started this.
    RAISES (ValueError): E058 accelerate is not installed.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no") != "no"
    return SeveralDevices() if several or precision else OneDevice(device)
