"""Landlock in a process of its own, as it cannot be taken back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reflexa.sandbox.worker import landlock

_SCRIPT = """
import ctypes, sys
from reflexa.sandbox.worker import landlock
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
landlock.restrict([sys.argv[1], "/nonexistent/path"], ["/dev/null"])
def attempt(path, mode):
    try:
        open(path, mode).close()
    except OSError as error:
        return type(error).__name__
    return "done"
inside = sys.argv[1] + "/file"
print(attempt(inside, "r"), attempt(inside, "a"), attempt(sys.argv[2], "r"), attempt("/dev/null", "w"))
"""


@pytest.mark.skipif(sys.platform != "linux" or landlock.abi() == 0, reason="the kernel has no Landlock")
def test_only_what_was_named_can_be_opened(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    (inside / "file").write_text("x")
    outside.write_text("x")
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(inside), str(outside)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["done", "PermissionError", "PermissionError", "done"], ran.stderr
