"""What a worker's processes report, checked before it is believed, and what their ends mean."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

from reflexa.errors import SandboxError, VerifierError
from reflexa.sandbox.program import CaseResult
from reflexa.sandbox.text import plain

_TEXT_LIMIT = 2000


@dataclass(frozen=True)
class Report:
    """What the judge's process said. ``broken`` tells why the candidate's process is of no more use."""

    passed: bool
    detail: str
    cases: tuple[CaseResult, ...]
    printed: str
    broken: bool
    unsuited: str | None

    @staticmethod
    def parse(raw: Any, first_case: int) -> Report:
        """Raises ``SandboxError`` for anything that the worker's code cannot have sent."""
        try:
            cases = tuple(
                CaseResult(
                    name=f"case {first_case + index + 1}",
                    passed=case["passed"] is True,
                    detail=plain(case["detail"], _TEXT_LIMIT),
                )
                for index, case in enumerate(raw["cases"])
            )
            unsuited = raw.get("unsuited")
            return Report(
                passed=raw["passed"] is True,
                detail=plain(raw["detail"], _TEXT_LIMIT),
                cases=cases,
                printed=raw["out"],
                broken=raw.get("broken") is not None,
                unsuited=None if unsuited is None else plain(unsuited, _TEXT_LIMIT),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise SandboxError(f"the judge's process sent no report: {error!r}"[:300]) from error


def vanished(status: int | None) -> VerifierError:
    if status is None or _killed(status):
        return SandboxError("the tests' process was killed from outside, perhaps for want of memory")
    return VerifierError(f"the tests' process ended without a report{last_words(status)}")


def _killed(status: int | None) -> bool:
    return status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def last_words(status: int | None) -> str:
    """How an answer's process ended. Raises ``SandboxError`` where it was killed from outside: it cannot do that."""
    if status is None:
        return ""
    if _killed(status):
        raise SandboxError("the answer's process was killed from outside, perhaps for want of memory")
    if os.WIFSIGNALED(status):
        return f" (ended by {signal.Signals(os.WTERMSIG(status)).name})"
    return f" (exit status {os.WEXITSTATUS(status)})"
