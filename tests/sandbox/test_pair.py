"""The warm pair and its bench: what is kept between checks and what is not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from reflexa.sandbox import Limits, Program, Sandbox
from reflexa.sandbox.waits import waits_of
from tests.sandbox.programs import BAD, GOOD, TESTS

_NEEDED = 0.6
"""Seconds of CPU that a slow answer takes."""


def _status(sandbox: Sandbox, source: str) -> str:
    return sandbox.check(Program(source=source, entry_point="solve", tests=TESTS)).status


def test_good_and_bad_may_follow_in_any_order(sandbox: Sandbox) -> None:
    pattern = [GOOD, GOOD, BAD, GOOD, BAD, BAD, GOOD]
    assert [_status(sandbox, source) for source in pattern] == [
        "passed" if source is GOOD else "failed" for source in pattern
    ]


def test_tests_leave_their_names_behind_in_no_other_tests(sandbox: Sandbox) -> None:
    first = "leftover = 1\ndef check(candidate):\n    assert candidate([]) == 0"
    second = "def check(candidate):\n    assert candidate([]) == 0 and 'leftover' not in globals()"
    for tests in (first, second, first, second):
        assert sandbox.check(Program(source=GOOD, entry_point="solve", tests=tests)).status == "passed"


def test_the_start_of_a_sandbox_is_no_part_of_a_check() -> None:
    short = Limits(seconds=0.1)
    with Sandbox.open(slots=1) as sandbox:
        for each in range(3):
            sandbox._slots[0].close()
            outcome = sandbox.check(Program(source=GOOD, entry_point="solve", tests=TESTS), short)
            assert (each, outcome.status) == (each, "passed")


@pytest.mark.skipif(not waits_of(os.getpid()), reason="this system does not tell how long processes wait")
def test_an_answer_that_others_keep_from_the_cpu_gets_its_time(sandbox: Sandbox) -> None:
    """Eight processes share one CPU with an answer that needs three quarters of its seconds."""
    here = os.sched_getaffinity(0)
    source = f"import time\ndef solve(xs):\n    while time.process_time() < {_NEEDED}: pass\n    return sum(xs)"
    program = Program(source=source, entry_point="solve", tests="def check(candidate):\n    assert candidate([1]) == 1")
    pinned = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    cpu = min(here)
    others = [subprocess.Popen([sys.executable, "-c", pinned, str(cpu)]) for _ in range(8)]
    try:
        os.sched_setaffinity(0, {cpu})
        for slot in sandbox._slots:
            slot.close()  # the next ones start on that CPU
        outcome = sandbox.check(program, Limits(seconds=_NEEDED / 0.75))
    finally:
        os.sched_setaffinity(0, here)
        for slot in sandbox._slots:
            slot.close()
        for other in others:
            other.kill()
            other.wait()
    assert (outcome.status, outcome.detail) == ("passed", "")
