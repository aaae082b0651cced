"""The zygote, driven over its control socket as the controller drives it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox.deadline import Deadline
from reflexa.sandbox.launch import command, readable_paths
from reflexa.sandbox.process import SandboxProcess
from reflexa.sandbox.program import Limits
from reflexa.sandbox.wire import receive_frame, send
from reflexa.sandbox.worker.zygote import COMMAND, STATUS

_SOON = Deadline(3600)
_LIMITS = Limits()


@pytest.fixture(scope="module")
def zygote() -> Iterator[SandboxProcess]:
    config = {"readable": readable_paths(), "required": True, "tasks": 1 << 15}
    try:
        process = SandboxProcess(command("strong", ()), config)
    except SandboxError as error:
        pytest.skip(f"the level 'strong' is not to be had here: {error}")
    yield process
    process.close()


def _candidate(zygote: SandboxProcess, source: str) -> socket.socket:
    answers, answers_end = socket.socketpair()
    ours, theirs = socket.socketpair()
    with answers, answers_end, theirs:
        zygote.start_child(b"C", (answers_end, theirs), _LIMITS)
        send(answers, {"source": source, "entry_point": "f", "output_bytes": 0}, _SOON)
    return ours


def test_a_child_serves_and_ends(zygote: SandboxProcess) -> None:
    with _candidate(zygote, "def f(x): return x") as channel:
        assert receive_frame(channel, _SOON) == {"ready": True, "out": ""}
        send(channel, {"n": 1, "args": [[1]], "kwargs": {"dict": []}}, _SOON)
        assert receive_frame(channel, _SOON) == {"n": 1, "value": [1]}
    zygote.ask_to_end(patiently=True)
    assert zygote.ended() == 0


def test_a_child_that_stays_is_killed(zygote: SandboxProcess) -> None:
    with _candidate(zygote, "while True: pass") as channel:
        zygote.ask_to_end(patiently=False)
        assert zygote.ended() is None
        assert receive_frame(channel, _SOON) is None


def test_how_a_child_ended_is_told(zygote: SandboxProcess) -> None:
    with _candidate(zygote, "import os; os._exit(7)") as channel:
        assert receive_frame(channel, _SOON) is None
        zygote.ask_to_end(patiently=True)
        status = zygote.ended()
    assert status is not None
    assert os.WEXITSTATUS(status) == 7


def test_the_wire_format_is_fixed() -> None:
    assert (COMMAND.size, STATUS.size) == (struct.calcsize("!cQI"), 4)
