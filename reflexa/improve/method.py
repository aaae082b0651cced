"""A method: how a round comes from the training split to a new checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from reflexa.improve.config import Ledger
from reflexa.improve.workshop import Workshop

Step = Callable[[Workshop, Ledger], Ledger]
"""Brings the ledger's last round on: does nothing where that is done, goes on where it had begun, and saves."""


@dataclass(frozen=True)
class Method(ABC):
    """One way round the circle.

    With ``restart`` every round begins again at the first model, and learns from what the newest one sampled.
    """

    name: str
    summary: str
    algorithm: str
    restart: bool = False

    @property
    @abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """What a round does, in this order, until it has a checkpoint, or has decided that it will have none."""
