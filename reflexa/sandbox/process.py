"""One sandboxed interpreter, as the controller holds it: a zygote behind a control socket."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any, Literal

from reflexa.errors import SandboxError
from reflexa.sandbox.bundle import worker_sources
from reflexa.sandbox.program import Limits
from reflexa.sandbox.waits import waits_of
from reflexa.sandbox.worker.zygote import COMMAND, STATUS

_START_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
Role = Literal[b"C", b"J", b"B"]
"""Candidate, judge, or both in one process."""
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}


class SandboxProcess:
    """Starts children for checks, one at a time. Any failure to talk to it raises ``SandboxError``."""

    def __init__(self, command: Sequence[str], config: dict[str, Any]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._control, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self._control.close()
            self._errors.close()
            raise SandboxError(f"the sandbox cannot be started: {error}") from error
        finally:
            theirs.close()
        try:
            self._hand_over(config)
        except BaseException:
            self.close()
            raise

    def _hand_over(self, config: dict[str, Any]) -> None:
        self._control.settimeout(_START_SECONDS)
        start = {"modules": worker_sources(), "main": "reflexa.sandbox.worker.zygote", "config": config}
        body = json.dumps(start).encode()
        try:
            self._control.sendall(struct.pack("!I", len(body)) + body)
            answer = json.loads(self._receive(struct.unpack("!I", self._receive(4))[0]))
        except (OSError, EOFError) as error:
            raise SandboxError(f"the sandbox did not start: {self._complaint() or error}") from error
        if "ready" not in answer:
            raise SandboxError(f"the sandbox cannot confine itself: {answer.get('error')}")
        self._control.settimeout(_ANSWER_SECONDS)

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._control.recv(size - len(data))
            if not piece:
                raise EOFError("it ended")
            data += piece
        return data

    def _complaint(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._errors.seek(0)
        return self._errors.read(4000).decode("utf-8", "replace").strip()[-300:]

    def start_child(self, role: Role, sockets: Sequence[socket.socket], limits: Limits) -> None:
        """Forks a child that gets these sockets and plays a role."""
        message = COMMAND.pack(role, limits.memory_bytes, limits.processes)
        try:
            socket.send_fds(self._control, [message], [each.fileno() for each in sockets])
        except OSError as error:
            raise SandboxError(f"the sandbox is gone: {error}") from error

    def ask_to_end(self, patiently: bool) -> None:
        """Has the child killed, after a moment to end by itself where ``patiently``."""
        try:
            self._control.sendall(COMMAND.pack(b"W" if patiently else b"E", 0, 0))
        except OSError as error:
            raise SandboxError(f"the sandbox is gone: {error}") from error

    def ended(self) -> int | None:
        """The wait status of the child that was asked to end; None where it had to be killed."""
        try:
            (status,) = STATUS.unpack(self._receive(STATUS.size))
        except (OSError, EOFError) as error:
            raise SandboxError(f"the sandbox is gone: {error}") from error
        return None if status == -1 else int(status)

    def waits(self) -> dict[int, float]:
        """As ``waits_of`` for the zygote and its child."""
        return waits_of(self._process.pid)

    def close(self) -> None:
        """Ends the zygote and everything in it. Safe to call twice."""
        self._control.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_ANSWER_SECONDS)
        self._errors.close()
