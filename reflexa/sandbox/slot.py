"""One worker slot: runs one check at a time, anew for the remaining cases where an answer breaks its process."""

from __future__ import annotations

import time
from typing import Any, Protocol

from reflexa.errors import SandboxError, VerifierError
from reflexa.sandbox.deadline import Deadline, OutOfTimeError
from reflexa.sandbox.program import CaseResult, Limits, Outcome, Program
from reflexa.sandbox.report import Report
from reflexa.sandbox.text import plain


class Pair(Protocol):
    """Where answers and tests run: ``pair.WarmPair`` or ``external.ColdPair``."""

    def start(self, apart: bool) -> None: ...

    def waits(self) -> dict[int, float]: ...

    def apart(self, answer: dict[str, Any], tests: dict[str, Any], limits: Limits, deadline: Deadline) -> Any: ...

    def together(self, request: dict[str, Any], limits: Limits, deadline: Deadline) -> Any: ...

    def close(self) -> None: ...


class Slot:
    """Used by one thread at a time."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def check(self, program: Program, limits: Limits) -> Outcome:
        """Judges a program. Raises ``SandboxError`` on anomalies, after which the slot must be closed."""
        self._pair.start(apart=not program.in_process)
        started = time.monotonic()
        deadline = Deadline(limits.seconds, self._pair.waits)
        cases: list[CaseResult] = []
        printed, detail, passed = "", "", True
        at_once = len(program.cases)
        while True:
            try:
                report = self._run(program, slice(len(cases), len(cases) + at_once), limits, deadline)
            except OutOfTimeError:
                return _timeout(program, limits, cases, time.monotonic() - started)
            except SandboxError:
                raise
            except VerifierError as error:
                # A case ended the process of the tests: one by one, only that case fails.
                if not program.cases:
                    raise
                if at_once > 1:
                    at_once = 1
                    continue
                report = _ended_by_case(len(cases), str(error))
            cases += report.cases
            printed += report.printed
            detail = detail or report.detail
            passed = passed and report.passed
            if len(cases) >= len(program.cases) or not report.cases:
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

    def _run(self, program: Program, cases: slice, limits: Limits, deadline: Deadline) -> Report:
        answer = {
            "source": program.source,
            "entry_point": program.entry_point,
            "output_bytes": limits.output_bytes,
        }
        tests = {
            "entry_point": program.entry_point,
            "output_bytes": limits.output_bytes,
            "tests": "" if cases.start else program.tests,
            "cases": program.cases[cases],
            "prelude": program.prelude,
        }
        if program.in_process:
            raw = self._pair.together(tests | answer, limits, deadline)
        else:
            raw = self._pair.apart(answer, tests, limits, deadline)
        report = Report.parse(raw, cases.start)
        if len(report.cases) > len(program.cases[cases]):
            raise SandboxError("a report has more cases than were run")
        if report.unsuited is not None and not program.cases:
            raise VerifierError(report.unsuited)
        return report

    def close(self) -> None:
        """Ends everything; the next check starts anew."""
        self._pair.close()


def _timeout(program: Program, limits: Limits, cases: list[CaseResult], seconds: float) -> Outcome:
    detail = f"the time of {limits.seconds:g} s was over before the tests ended"
    rest = [_not_run(index, detail) for index in range(len(cases), len(program.cases))]
    return Outcome(status="timeout", cases=(*cases, *rest), detail=detail, seconds=seconds, gameable=program.in_process)


def _ended_by_case(index: int, why: str) -> Report:
    return Report(passed=False, detail=why, cases=(_not_run(index, why),), printed="", broken=True, unsuited=None)


def _not_run(index: int, why: str) -> CaseResult:
    return CaseResult(name=f"case {index + 1}", passed=False, detail=why)
