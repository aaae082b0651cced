"""The promises R6–R10, R16, R18 and R20, on real processes; in full: ``benchmarks/durability.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCALES = {
    "many_writers": 0.03,
    "killed_writers": 0.02,
    "cut_log": 0.05,
    "full_disk": 0.01,
    "locked": 0.01,
    "killed_migration": 0.1,
    "many_episodes": 0.03,
    "started_twice": 0.1,
}


@pytest.mark.parametrize("check", SCALES)
def test_the_promise_is_kept(check: str, folder: Path) -> None:
    command = [sys.executable, "benchmarks/durability.py", check, "--json"]
    options = ["--scale", str(SCALES[check]), "--folder", str(folder)]
    done = subprocess.run(command + options, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (outcome,) = json.loads(done.stdout)
    assert outcome["held"], outcome


def test_an_unknown_check_is_said_so() -> None:
    command = [sys.executable, "benchmarks/durability.py", "killed_writer"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown check killed_writer: choose from many_writers" in done.stderr
