"""The judge's bench: the judge sandbox of a slot, and the child in it that tests run in."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from reflexa.sandbox.deadline import Deadline
from reflexa.sandbox.process import SandboxProcess
from reflexa.sandbox.program import Limits
from reflexa.sandbox.report import vanished
from reflexa.sandbox.wire import pass_on, receive, send

_MOST_CHECKS = 200
"""By one child, so that what tests leave behind cannot pile up."""


class Bench:
    """Hands tests to a judge child and takes its report.

    A child may serve several checks, because what an answer can send it is plain data. It is replaced after any
    check that does not simply pass and after tests that are not a suite's own: those get a child to themselves.
    """

    def __init__(self, start: Callable[[], SandboxProcess]) -> None:
        self._start = start
        self._process: SandboxProcess | None = None
        self._child: socket.socket | None = None
        self._limits: Limits | None = None
        self._checks = 0

    def start(self) -> SandboxProcess:
        """Has the sandbox up, so that its start is no part of a check."""
        self._process = self._process or self._start()
        return self._process

    def waits(self) -> dict[int, float]:
        """As ``waits_of`` for the sandbox."""
        return {} if self._process is None else self._process.waits()

    def give(self, tests: dict[str, Any], channel: socket.socket, limits: Limits, deadline: Deadline) -> None:
        """Starts a check. ``channel`` leads to the candidate. Raises ``SandboxError``, ``OutOfTimeError``."""
        if self._child is not None and (tests["cases"] or limits != self._limits or self._checks >= _MOST_CHECKS):
            self.clear(reusable=False)
        if self._child is None:
            self._seat(limits)
        assert self._child is not None  # noqa: S101 - seated just now
        self._checks += 1
        pass_on(self._child, channel, deadline)
        send(self._child, tests, deadline)

    def _seat(self, limits: Limits) -> None:
        process = self.start()
        self._child, theirs = socket.socketpair()
        with theirs:
            process.start_child(b"J", (theirs,), limits)
        self._limits = limits
        self._checks = 0

    def take(self, deadline: Deadline) -> Any:
        """The report. Raises ``OutOfTimeError``, and ``SandboxError`` or ``VerifierError`` where none came."""
        assert self._child is not None  # noqa: S101 - a check was given before
        raw = receive(self._child, deadline)
        if raw is None:
            raise vanished(self._end(patiently=True))
        return raw

    def clear(self, reusable: bool) -> None:
        """Ends the child unless it may serve another check."""
        if self._child is not None and not reusable:
            self._end(patiently=False)

    def _end(self, patiently: bool) -> int | None:
        if self._child is None or self._process is None:
            return None
        self._child.close()
        self._child = None
        self._process.ask_to_end(patiently)
        return self._process.ended()

    def close(self) -> None:
        """Ends the sandbox; the next check starts a new one."""
        if self._child is not None:
            self._child.close()
            self._child = None
        if self._process is not None:
            self._process.close()
            self._process = None
