"""One worker slot: a candidate sandbox and a judge sandbox, and the running of one check at a time in them."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reflexa.errors import SandboxError, VerifierError
from reflexa.sandbox.process import SandboxProcess
from reflexa.sandbox.program import CaseResult, Limits, Outcome, Program
from reflexa.sandbox.text import plain

_TEXT_LIMIT = 2000
_MAX_REPORT = 4 << 20
_SEND_SECONDS = 5.0


class OutOfTimeError(Exception):
    """The check's wall-clock time is over."""


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


@dataclass
class Slot:
    """Two sandboxes, started when first needed. Used by one thread at a time."""

    start: Callable[[], SandboxProcess]
    _candidate: SandboxProcess | None = field(default=None, init=False)
    _judge: SandboxProcess | None = field(default=None, init=False)

    def check(self, program: Program, limits: Limits) -> Outcome:
        """Judges a program. Raises ``SandboxError`` on anomalies, after which the slot must be closed."""
        started = time.monotonic()
        deadline = started + limits.seconds
        cases: list[CaseResult] = []
        printed: list[str] = []
        detail = ""
        passed = True
        while True:
            rest = program.cases[len(cases) :]
            try:
                report = self._run(program, rest, len(cases), limits, deadline)
            except OutOfTimeError:
                return _timeout(program, limits, cases, time.monotonic() - started)
            cases += report.cases
            printed.append(report.printed)
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
            stdout=plain("".join(printed), limits.output_bytes),
            seconds=time.monotonic() - started,
            gameable=program.in_process,
        )

    def _run(
        self, program: Program, cases: tuple[str, ...], first_case: int, limits: Limits, deadline: float
    ) -> Report:
        request = limits.model_dump() | {"entry_point": program.entry_point}
        tests = {"tests": "" if first_case else program.tests, "cases": cases, "prelude": program.prelude}
        self._candidate = self._candidate or self.start()
        if program.in_process:
            raw = self._alone(self._candidate, request | tests | {"role": "both", "source": program.source}, deadline)
        else:
            self._judge = self._judge or self.start()
            answer = request | {"role": "candidate", "source": program.source}
            raw = self._split(self._candidate, self._judge, answer, request | tests | {"role": "judge"}, deadline)
        report = Report.parse(raw, first_case)
        if report.unsuited is not None and not program.cases:
            raise VerifierError(report.unsuited)
        return report

    def _split(
        self,
        candidate: SandboxProcess,
        judge: SandboxProcess,
        answer: dict[str, Any],
        tests: dict[str, Any],
        deadline: float,
    ) -> Any:
        answers, answers_end = socket.socketpair()
        reports, reports_end = socket.socketpair()
        ours, theirs = socket.socketpair()
        with answers, reports:
            with answers_end, reports_end, ours, theirs:
                candidate.start_child(answers_end, ours)
                judge.start_child(reports_end, theirs)
            raw: Any = None
            try:
                _send(answers, answer, deadline)
                _send(reports, tests, deadline)
                raw = _receive(reports, deadline)
            finally:
                patient = isinstance(raw, dict) and isinstance(raw.get("broken"), str)
                candidate.ask_to_end(patiently=patient)
                judge.ask_to_end(patiently=raw is None)
                candidate_status, judge_status = candidate.ended(), judge.ended()
            if raw is None:
                raise _vanished(judge_status)
            if patient:
                raw["detail"] = f"{raw['detail']}{_last_words(candidate_status)}"
                for case in raw["cases"][-1:]:
                    case["detail"] = raw["detail"] if not case["passed"] else case["detail"]
            return raw

    def _alone(self, process: SandboxProcess, request: dict[str, Any], deadline: float) -> Any:
        reports, theirs = socket.socketpair()
        with reports:
            with theirs:
                process.start_child(theirs)
            raw: Any = None
            try:
                _send(reports, request, deadline)
                raw = _receive(reports, deadline)
            finally:
                process.ask_to_end(patiently=raw is None)
                status = process.ended()
        if raw is None:
            why = f"the answer ended the process that its tests run in{_last_words(status)}"
            return {"passed": False, "detail": why, "cases": [], "out": "", "broken": why}
        return raw

    def close(self) -> None:
        """Ends both sandboxes; the next check starts new ones."""
        for process in (self._candidate, self._judge):
            if process is not None:
                process.close()
        self._candidate = self._judge = None


def _send(connection: socket.socket, request: dict[str, Any], deadline: float) -> None:
    body = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass")
    connection.settimeout(max(0.001, deadline - time.monotonic()))
    try:
        connection.sendall(struct.pack("!I", len(body)) + body)
    except TimeoutError as error:
        raise OutOfTimeError from error
    except OSError as error:
        raise SandboxError(f"a sandbox ended before it took its work: {error}") from error


def _receive(connection: socket.socket, deadline: float) -> Any:
    """The report; None where the process ended without one."""
    header = _exactly(connection, 4, deadline)
    if header is None:
        return None
    (size,) = struct.unpack("!I", header)
    if size > _MAX_REPORT:
        raise SandboxError(f"a report of {size} bytes was announced, at most {_MAX_REPORT} are read")
    body = _exactly(connection, size, deadline)
    try:
        return None if body is None else json.loads(body.decode("utf-8", "surrogatepass"))["report"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SandboxError("a report is malformed") from error


def _exactly(connection: socket.socket, size: int, deadline: float) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise OutOfTimeError
        connection.settimeout(left)
        try:
            piece = connection.recv(min(size - len(data), 1 << 16))
        except TimeoutError as error:
            raise OutOfTimeError from error
        except OSError:
            return None
        if not piece:
            return None
        data += piece
    return bytes(data)


def _timeout(program: Program, limits: Limits, cases: list[CaseResult], seconds: float) -> Outcome:
    detail = f"the time of {limits.seconds:g} s was over before the tests ended"
    rest = [_not_run(index, detail) for index in range(len(cases), len(program.cases))]
    return Outcome(status="timeout", cases=(*cases, *rest), detail=detail, seconds=seconds, gameable=program.in_process)


def _not_run(index: int, why: str) -> CaseResult:
    return CaseResult(name=f"case {index + 1}", passed=False, detail=why)


def _vanished(status: int | None) -> VerifierError:
    if status is None or _killed(status):
        return SandboxError("the tests' process was killed from outside, perhaps for want of memory")
    return VerifierError(f"the tests' process ended without a report{_last_words(status)}")


def _killed(status: int | None) -> bool:
    return status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _last_words(status: int | None) -> str:
    """How an answer's process ended. Raises ``SandboxError`` where it was killed from outside: it cannot do that."""
    if status is None:
        return ""
    if _killed(status):
        raise SandboxError("the answer's process was killed from outside, perhaps for want of memory")
    if os.WIFSIGNALED(status):
        return f" (ended by {signal.Signals(os.WTERMSIG(status)).name})"
    return f" (exit status {os.WEXITSTATUS(status)})"
