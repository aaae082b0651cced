"""The processes of one run: this one alone, or as many as ``torchrun`` or ``accelerate launch`` started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from reflexa.training.engine.batching import Share

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Which process this is, and the device that it computes on."""

    share: Share
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and tells progress."""
        return self.share.index == 0

    def sum(self, tensors: list[Tensor]) -> None:
        """Sums each tensor over all processes, in place."""
        if self.share.processes > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)

    def agree(self, answer: bool) -> bool:
        """Whether every process says yes."""
        votes = torch.tensor([float(answer)], device=self.device)
        self.sum([votes])
        return int(votes) == self.share.processes

    def gather(self, mine: T) -> list[T]:
        """What each process gives, in order, in every process."""
        if self.share.processes == 1:
            return [mine]
        given: list[T | None] = [None] * self.share.processes
        dist.all_gather_object(given, mine)
        return [each for each in given if each is not None]

    def wait(self) -> None:
        """Until all processes are here."""
        if self.share.processes > 1:
            dist.barrier()


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that this one belongs to; joins them if nobody has, and then leaves them at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield Processes(Share(), _device(0))
        return
    mine = not dist.is_initialized()
    if mine:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(Share(dist.get_rank(), dist.get_world_size()), _device(int(os.environ.get("LOCAL_RANK", "0"))))
    finally:
        if mine:
            dist.destroy_process_group()


def _device(local: int) -> torch.device:
    return torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
