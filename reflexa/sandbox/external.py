"""Isolation by a command of the user's choice: two fresh processes per check, with this process in between."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from typing import Any, Literal

from reflexa.errors import SandboxError, VerifierError
from reflexa.sandbox.bundle import worker_sources
from reflexa.sandbox.deadline import Deadline
from reflexa.sandbox.pair import ended_together
from reflexa.sandbox.program import Limits
from reflexa.sandbox.wire import receive_frame, send

_MAIN = "reflexa.sandbox.worker.single"
_TASKS = 1 << 12
_KEPT_VARIABLES = ("PATH", "HOME", "DOCKER_HOST", "XDG_RUNTIME_DIR")
"""What isolation commands themselves need; they do not pass these on, and the worker clears its environment."""


class _Player:
    """One role, in a process of its own under the user's command."""

    def __init__(self, command: Sequence[str], config: dict[str, Any], deadline: Deadline) -> None:
        self.connection, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        try:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self.connection.close()
            raise SandboxError(f"the isolation command cannot be started: {error}") from error
        finally:
            theirs.close()
        try:
            send(self.connection, {"modules": worker_sources(), "main": _MAIN, "config": config}, deadline)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class ColdPair:
    """Runs each request in fresh processes. The command must run the one that follows it, with its standard streams."""

    def __init__(self, command: Sequence[str], readable: Sequence[str]) -> None:
        self._command = command
        self._readable = readable

    def _play(
        self, role: Literal["candidate", "judge", "both"], request: dict[str, Any], limits: Limits, deadline: Deadline
    ) -> _Player:
        config = {
            "role": role,
            "request": request,
            "readable": self._readable,
            "tasks": _TASKS,
            "memory_bytes": limits.memory_bytes,
            "processes": limits.processes,
        }
        return _Player(self._command, config, deadline)

    def start(self, apart: bool) -> None:
        """Nothing stays up between checks: starting is part of each."""

    def waits(self) -> dict[int, float]:
        """Unknown: the command may run its processes anywhere."""
        return {}

    def apart(self, answer: dict[str, Any], tests: dict[str, Any], limits: Limits, deadline: Deadline) -> Any:
        """As ``WarmPair.apart``."""
        with contextlib.ExitStack() as players:
            judge = self._play("judge", tests, limits, deadline)
            players.callback(judge.end)
            candidate = self._play("candidate", answer, limits, deadline)
            players.callback(candidate.end)
            return _relay(candidate.connection, judge.connection, deadline)

    def together(self, request: dict[str, Any], limits: Limits, deadline: Deadline) -> Any:
        """As ``WarmPair.together``."""
        player = self._play("both", request, limits, deadline)
        try:
            frame = receive_frame(player.connection, deadline)
        finally:
            player.end()
        return ended_together("") if frame is None else _report(frame)

    def close(self) -> None:
        """Nothing stays up between checks."""


def _relay(candidate: socket.socket, judge: socket.socket, deadline: Deadline) -> Any:
    """Carries calls to the candidate and its replies back, one for one, until the judge reports."""
    while True:
        reply = receive_frame(candidate, deadline)
        if reply is None:
            judge.shutdown(socket.SHUT_WR)
        else:
            send(judge, reply, deadline)
        said = receive_frame(judge, deadline)
        if said is None:
            raise VerifierError("the tests' process ended without a report")
        if isinstance(said, dict) and "report" in said:
            return said["report"]
        with contextlib.suppress(SandboxError):
            send(candidate, said, deadline)


def _report(frame: Any) -> Any:
    if not isinstance(frame, dict) or "report" not in frame:
        raise SandboxError("a report is malformed")
    return frame["report"]
