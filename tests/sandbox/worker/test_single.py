"""One role in a process of its own, over standard input and output."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from typing import Any

from reflexa.sandbox.bundle import BOOTSTRAP, worker_sources


def _frame(value: object) -> bytes:
    body = json.dumps(value).encode()
    return struct.pack("!I", len(body)) + body


def _play(role: str, request: dict[str, Any], *frames: object) -> list[Any]:
    config = {
        "role": role,
        "request": request,
        "readable": ["/"],
        "tasks": 1 << 15,
        "memory_bytes": 1 << 30,
        "processes": 8,
    }
    start = {"modules": worker_sources(), "main": "reflexa.sandbox.worker.single", "config": config}
    sent = b"".join(_frame(frame) for frame in (start, *frames))
    command = [sys.executable, "-I", "-S", "-c", BOOTSTRAP]
    data = subprocess.run(command, input=sent, capture_output=True, check=True).stdout
    said = []
    while data:
        (size,) = struct.unpack_from("!I", data)
        said.append(json.loads(data[4 : 4 + size]))
        data = data[4 + size :]
    return said


def test_candidate() -> None:
    request = {"source": "def f(x): return x + 1", "entry_point": "f", "output_bytes": 0}
    hello, reply = _play("candidate", request, {"n": "a", "args": [1], "kwargs": {"dict": []}})
    assert hello == {"ready": True, "out": ""}
    assert reply == {"value": 2, "n": "a"}


def test_both() -> None:
    tests = {"tests": "", "cases": ["assert f(1) == 2", "assert f(1) == 3"], "prelude": ""}
    request = {"source": "def f(x): return x + 1", "entry_point": "f", "output_bytes": 0, **tests}
    ((only),) = _play("both", request)
    assert [case["passed"] for case in only["report"]["cases"]] == [True, False]


def test_judge_reports_an_answer_that_hung_up() -> None:
    tests = {"entry_point": "f", "output_bytes": 0, "tests": "", "cases": ["assert f(1) == 2"], "prelude": ""}
    (only,) = _play("judge", tests)
    assert not only["report"]["passed"]
    assert "closed" in only["report"]["broken"]
