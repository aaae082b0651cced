"""The closed loop: run, export, train, compare, promote; round after round."""

from __future__ import annotations

from reflexa.improve.circle import Circle
from reflexa.improve.config import Canary, Costs, ImproveConfig, Ledger, Rival, Round
from reflexa.improve.method import Method, Step
from reflexa.improve.methods import METHODS, find_method
from reflexa.improve.rows import RowMethod
from reflexa.improve.workshop import CircleStoppedError, Suites, Workshop, check_apart

__all__ = [
    "METHODS",
    "Canary",
    "Circle",
    "CircleStoppedError",
    "Costs",
    "ImproveConfig",
    "Ledger",
    "Method",
    "Rival",
    "Round",
    "RowMethod",
    "Step",
    "Suites",
    "Workshop",
    "check_apart",
    "find_method",
]
