"""One worker slot: a candidate sandbox and a judge sandbox, and the running of one check at a time in them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from reflexa.errors import VerifierError
from reflexa.sandbox.bench import Bench
from reflexa.sandbox.process import SandboxProcess
from reflexa.sandbox.program import CaseResult, Limits, Outcome, Program
from reflexa.sandbox.report import Report, last_words
from reflexa.sandbox.text import plain
from reflexa.sandbox.wire import OutOfTimeError, receive, send


class Slot:
    """Two sandboxes, started by ``start`` when first needed. Used by one thread at a time."""

    def __init__(self, start: Callable[[], SandboxProcess]) -> None:
        self._start = start
        self._candidate: SandboxProcess | None = None
        self._bench = Bench(start)

    def check(self, program: Program, limits: Limits) -> Outcome:
        """Judges a program. Raises ``SandboxError`` on anomalies, after which the slot must be closed."""
        started = time.monotonic()
        deadline = started + limits.seconds
        cases: list[CaseResult] = []
        printed, detail, passed = "", "", True
        while True:
            try:
                report = self._run(program, len(cases), limits, deadline)
            except OutOfTimeError:
                return _timeout(program, limits, cases, time.monotonic() - started)
            cases += report.cases
            printed += report.printed
            detail = detail or report.detail
            passed = passed and report.passed
            # An answer that broke its process is given a fresh one for the remaining cases.
            if not (report.broken and report.cases and len(cases) < len(program.cases)):
                break
        cases += [_not_run(index, detail) for index in range(len(cases), len(program.cases))]
        return Outcome(
            status="passed" if passed and all(case.passed for case in cases) else "failed",
            cases=tuple(cases),
            detail=detail,
            stdout=plain(printed, limits.output_bytes),
            seconds=time.monotonic() - started,
            gameable=program.in_process,
        )

    def _run(self, program: Program, first_case: int, limits: Limits, deadline: float) -> Report:
        tests = {
            "entry_point": program.entry_point,
            "output_bytes": limits.output_bytes,
            "tests": "" if first_case else program.tests,
            "cases": program.cases[first_case:],
            "prelude": program.prelude,
        }
        self._candidate = self._candidate or self._start()
        if program.in_process:
            raw = self._together(self._candidate, tests | {"source": program.source}, limits, deadline)
        else:
            raw = self._apart(self._candidate, program, tests, limits, deadline)
        report = Report.parse(raw, first_case)
        if report.unsuited is not None and not program.cases:
            raise VerifierError(report.unsuited)
        return report

    def _apart(
        self, process: SandboxProcess, program: Program, tests: dict[str, Any], limits: Limits, deadline: float
    ) -> Any:
        answers, answers_end = socket.socketpair()
        ours, theirs = socket.socketpair()
        raw: Any = None
        with answers, theirs:
            with answers_end, ours:
                process.start_child(b"C", (answers_end, ours), limits)
            try:
                request = {
                    "source": program.source,
                    "entry_point": program.entry_point,
                    "output_bytes": limits.output_bytes,
                }
                self._bench.give(tests, theirs, limits, deadline)
                theirs.close()
                send(answers, request, deadline)
                raw = self._bench.take(deadline)
            finally:
                broken = isinstance(raw, dict) and isinstance(raw.get("broken"), str)
                process.ask_to_end(patiently=broken)
                self._bench.clear(reusable=_simply_passed(raw) and not program.cases)
                status = process.ended()
        if broken:
            raw["detail"] += last_words(status)
            for case in raw["cases"][-1:]:
                case["detail"] = case["detail"] if case["passed"] else raw["detail"]
        return raw

    def _together(self, process: SandboxProcess, request: dict[str, Any], limits: Limits, deadline: float) -> Any:
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
        if raw is None:
            why = f"the answer ended the process that its tests run in{last_words(status)}"
            return {"passed": False, "detail": why, "cases": [], "out": "", "broken": why}
        return raw

    def close(self) -> None:
        """Ends both sandboxes; the next check starts new ones."""
        self._bench.close()
        if self._candidate is not None:
            self._candidate.close()
            self._candidate = None


def _simply_passed(raw: Any) -> bool:
    return isinstance(raw, dict) and raw.get("passed") is True and not raw.get("broken") and not raw.get("unsuited")


def _timeout(program: Program, limits: Limits, cases: list[CaseResult], seconds: float) -> Outcome:
    detail = f"the time of {limits.seconds:g} s was over before the tests ended"
    rest = [_not_run(index, detail) for index in range(len(cases), len(program.cases))]
    return Outcome(status="timeout", cases=(*cases, *rest), detail=detail, seconds=seconds, gameable=program.in_process)


def _not_run(index: int, why: str) -> CaseResult:
    return CaseResult(name=f"case {index + 1}", passed=False, detail=why)
