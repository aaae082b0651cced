"""The warm pair of a slot: a candidate sandbox and a judge sandbox that stay up between checks."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from reflexa.sandbox.bench import Bench
from reflexa.sandbox.deadline import Deadline
from reflexa.sandbox.process import SandboxProcess
from reflexa.sandbox.program import Limits
from reflexa.sandbox.report import last_words
from reflexa.sandbox.wire import receive, send


class WarmPair:
    """Runs requests in two sandboxes, started by ``start`` when first needed."""

    def __init__(self, start: Callable[[], SandboxProcess]) -> None:
        self._start = start
        self._candidate: SandboxProcess | None = None
        self._bench = Bench(start)

    def start(self, apart: bool) -> None:
        """Has the sandboxes up that a check needs, the judge's where tests run ``apart``."""
        self._started()
        if apart:
            self._bench.start()

    def waits(self) -> dict[int, float]:
        """As ``waits_of`` for both sandboxes."""
        return self._bench.waits() | ({} if self._candidate is None else self._candidate.waits())

    def apart(self, answer: dict[str, Any], tests: dict[str, Any], limits: Limits, deadline: Deadline) -> Any:
        """Runs an answer in one sandbox and its tests in the other. Gives the judge's report as it came.

        Raises ``OutOfTimeError``, ``SandboxError`` and ``VerifierError``.
        """
        process = self._started()
        answers, answers_end = socket.socketpair()
        ours, theirs = socket.socketpair()
        raw: Any = None
        with answers, theirs:
            with answers_end, ours:
                process.start_child(b"C", (answers_end, ours), limits)
            try:
                self._bench.give(tests, theirs, limits, deadline)
                theirs.close()
                send(answers, answer, deadline)
                raw = self._bench.take(deadline)
            finally:
                broken = isinstance(raw, dict) and isinstance(raw.get("broken"), str)
                process.ask_to_end(patiently=broken)
                self._bench.clear(reusable=_simply_passed(raw) and not tests["cases"])
                status = process.ended()
        if broken:
            raw["detail"] += last_words(status)
            for case in raw["cases"][-1:]:
                case["detail"] = case["detail"] if case["passed"] else raw["detail"]
        return raw

    def together(self, request: dict[str, Any], limits: Limits, deadline: Deadline) -> Any:
        """Runs an answer and its tests in one process. Gives the report as it came; raises as ``apart`` does."""
        process = self._started()
        reports, theirs = socket.socketpair()
        raw: Any = None
        with reports:
            with theirs:
                process.start_child(b"B", (theirs,), limits)
            try:
                send(reports, request, deadline)
                raw = receive(reports, deadline)
            finally:
                process.ask_to_end(patiently=raw is None)
                status = process.ended()
        return raw if raw is not None else ended_together(last_words(status))

    def _started(self) -> SandboxProcess:
        self._candidate = self._candidate or self._start()
        return self._candidate

    def close(self) -> None:
        """Ends both sandboxes; the next check starts new ones."""
        self._bench.close()
        if self._candidate is not None:
            self._candidate.close()
            self._candidate = None


def ended_together(words: str) -> dict[str, Any]:
    """The report of tests whose process the answer ended."""
    why = f"the answer ended the process that its tests run in{words}"
    return {"passed": False, "detail": why, "cases": [], "out": "", "broken": why}


def _simply_passed(raw: Any) -> bool:
    return isinstance(raw, dict) and raw.get("passed") is True and not raw.get("broken") and not raw.get("unsuited")
