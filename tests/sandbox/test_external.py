"""Isolation by a command of the user's. A command that isolates nothing stands in: the worker confines itself too."""

from __future__ import annotations

import shutil
import sys

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox import Limits, Program, Sandbox
from tests.sandbox.programs import BAD, GOOD, TESTS

_PATIENT = Limits(seconds=30)


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("python3") is None, reason="runs python3 behind a command")
def test_a_command_isolates() -> None:
    try:
        opened = Sandbox.open(prefix=("env",), slots=1)
    except SandboxError as error:
        pytest.skip(f"nothing isolates here: {error}")
    with opened as sandbox:
        assert sandbox.level == "external"
        for source, status in ((GOOD, "passed"), (BAD, "failed"), ("import os; os._exit(0)", "failed")):
            program = Program(source=source, entry_point="solve", tests=TESTS)
            assert sandbox.check(program, _PATIENT).status == status
            together = program.model_copy(update={"in_process": True})
            assert sandbox.check(together, _PATIENT).status == status
        endless = Program(source="def solve(xs):\n    while True: pass", entry_point="solve", tests=TESTS)
        assert sandbox.check(endless, Limits(seconds=0.5)).status == "timeout"


def test_a_command_that_cannot_run_is_refused() -> None:
    with pytest.raises(SandboxError, match="isolation command cannot be started"):
        Sandbox.exactly("external", prefix=("/nonexistent/isolation",))
    with pytest.raises(SandboxError, match="needs a command that isolates"):
        Sandbox.exactly("external")
