"""What ``reflexa doctor`` tells of the sandbox: which levels can be had here, and what each one stops."""

from __future__ import annotations

from reflexa.errors import ReflexaError
from reflexa.sandbox.sandbox import Sandbox
from reflexa.sandbox.selftest import Act, try_acts
from reflexa.types import Frozen, SandboxLevel


class LevelReport(Frozen):
    """One level: whether it can be had, the reason why not, and what it stops (``acts``; empty where it cannot
    even be started)."""

    level: SandboxLevel
    available: bool
    reason: str = ""
    acts: tuple[Act, ...] = ()


def diagnose(prefix: tuple[str, ...] = ()) -> tuple[LevelReport, ...]:
    """Tries every level, strongest first. ``external`` is tried where ``prefix`` is given."""
    return tuple(_diagnose_level(level, prefix) for level in ("double", "strong", "external", "weak"))


def _diagnose_level(level: SandboxLevel, prefix: tuple[str, ...]) -> LevelReport:
    if level == "external" and not prefix:
        return LevelReport(level=level, available=False, reason="no isolation command is configured")
    try:
        with Sandbox.exactly(level, slots=1, prefix=prefix) as sandbox:
            return LevelReport(level=level, available=True, acts=try_acts(sandbox.check))
    except ReflexaError as error:
        return LevelReport(level=level, available=False, reason=str(error))
