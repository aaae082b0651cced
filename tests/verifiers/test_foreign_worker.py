"""The other side of the pool, over a real socket."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from reflexa.sandbox.deadline import Deadline
from reflexa.sandbox.wire import receive_frame, send
from reflexa.tasks import load_suite
from reflexa.types import GeneratedCheck

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "support" / "inspect_examples.py"
START = "import sys; from reflexa.verifiers.foreign_worker import main; main(*sys.argv[1:])"


def started(spec: str) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    with theirs:
        worker = subprocess.Popen(
            [sys.executable, "-c", START, "inspect", spec],
            stdin=theirs.fileno(),
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )
    return ours, worker


def test_scorers_may_set_alarms_and_errors_come_back_as_words() -> None:
    check = load_suite(f"inspect:{FILE}@moods").tasks[0].check
    assert isinstance(check, GeneratedCheck)
    ours, worker = started(f"{FILE}@moods")
    deadline = Deadline(240)
    with ours:
        assert receive_frame(ours, deadline) == {"refused": None}
        replies = {}
        for answer in ("alarm", "break"):
            send(ours, {"entry": check.entry, "answer": answer}, deadline)
            replies[answer] = receive_frame(ours, deadline)
    assert worker.wait(60) == 0
    assert replies["alarm"]["parts"][0]["value"] == 1
    assert replies["break"] == {"error": "a scorer broke: RuntimeError: out of ink"}


def test_it_says_why_it_cannot_load() -> None:
    ours, worker = started("gone.py@task")
    with ours:
        refused = receive_frame(ours, Deadline(240))["refused"]
    assert "there is no file gone.py" in refused
    assert worker.wait(60) == 0
