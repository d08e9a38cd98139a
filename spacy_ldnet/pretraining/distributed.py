"""The processes that train one model: a single one, or several through accelerate."""

import os
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, ContextManager, List, Tuple, Union

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import Errors
from .batchers import ProcessRank

#: How long the other processes wait while the first one tokenises the text.
TIMEOUT = timedelta(days=14)


class SingleProcess:
    """Training in this process, in plain torch.

    device (str): torch's name of the device.

    own (ProcessRank): This process.
    prepares_text (bool): Whether this process tokenises the text for its machine.
    """

    own = ProcessRank()
    prepares_text = True

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)

    @property
    def is_first(self) -> bool:
        """RETURNS (bool): Whether this process writes and reports."""
        return self.own.rank == 0

    def prepare(
        self, network: nn.Module, optimizer: Optimizer
    ) -> Tuple[nn.Module, Optimizer]:
        """network (nn.Module): The network, already on the device.
        optimizer (Optimizer): Its optimizer.
        RETURNS (Tuple[nn.Module, Optimizer]): The same, wrapped if need be.
        """
        return network, optimizer

    def accumulate(self, network: nn.Module, step: bool) -> ContextManager[Any]:
        """network (nn.Module): Of `prepare`.
        step (bool): Whether an update follows, so that gradients are exchanged.
        RETURNS (ContextManager): Context of the forward and the backward pass.
        """
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """loss (Tensor): Loss of this process."""
        loss.backward()

    def clip(self, network: nn.Module, norm: float) -> None:
        """network (nn.Module): Of `prepare`.
        norm (float): The largest norm of the gradient.
        """
        nn.utils.clip_grad_norm_(network.parameters(), norm)

    def broadcast(self, value: float) -> float:
        """value (float): A number of this process.
        RETURNS (float): The number of the first process.
        """
        return value

    def gather(self, value: Any) -> List[Any]:
        """value (Any): An object of this process, with tensors on the CPU.
        RETURNS (List[Any]): The objects of all processes.
        """
        return [value]

    def scaler(self) -> Any:
        """RETURNS (Optional[GradScaler]): Scales the loss in half precision."""
        return None

    def wait(self) -> None:
        """Wait until all processes are here."""

    def close(self) -> None:
        """End the communication with other processes."""


class Accelerated(SingleProcess):
    """Training in several processes, or in mixed precision, through accelerate.

    RAISES (ValueError): E058 if accelerate is not installed.
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
        # A batch may have no word of the last clusters of the softmax.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        timeout = InitProcessGroupKwargs(timeout=TIMEOUT)
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(), kwargs_handlers=[unused, timeout]
        )
        super().__init__(self.accelerator.device)
        state = self.accelerator
        self.own = ProcessRank(state.process_index, state.num_processes)
        self.prepares_text = state.is_local_main_process

    def prepare(
        self, network: nn.Module, optimizer: Optimizer
    ) -> Tuple[nn.Module, Optimizer]:
        network, optimizer = self.accelerator.prepare(network, optimizer)
        return network, optimizer

    def accumulate(self, network: nn.Module, step: bool) -> ContextManager[Any]:
        return nullcontext() if step else self.accelerator.no_sync(network)

    def backward(self, loss: Tensor) -> None:
        self.accelerator.backward(loss)

    def clip(self, network: nn.Module, norm: float) -> None:
        self.accelerator.clip_grad_norm_(network.parameters(), norm)

    def broadcast(self, value: float) -> float:
        from accelerate.utils import broadcast

        found = torch.tensor(value, dtype=torch.float64, device=self.device)
        return float(broadcast(found))

    def gather(self, value: Any) -> List[Any]:
        from accelerate.utils import gather_object

        return list(gather_object([value]))

    def scaler(self) -> Any:
        return self.accelerator.scaler

    def wait(self) -> None:
        self.accelerator.wait_for_everyone()

    def close(self) -> None:
        # A process must not exit while a thread of torch still communicates with the
        # others: Python may stop the thread midway, and that aborts the process.
        self.wait()
        self.accelerator.free_memory()
        self.accelerator.end_training()


Processes = Union[SingleProcess, Accelerated]


def find_processes(device: str) -> Processes:
    """device (str): torch's name of the device, for a single process.
    RETURNS (Processes): `Accelerated` if `accelerate launch` or `torchrun` started this
        process, else `SingleProcess`.
    RAISES (ValueError): E058 if accelerate is not installed.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no") != "no"
    return Accelerated() if several or precision else SingleProcess(device)
