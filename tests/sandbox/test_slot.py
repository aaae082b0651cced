"""One check in a slot: its cases, what ends in the middle of one, and when its time begins."""

from __future__ import annotations

import pytest

from reflexa.sandbox import Limits, Outcome, Program, Sandbox

ADD = "def add(a, b):\n    return a + b"
SLEEPS = "import time\ndef add(a, b):\n    if a == 2: time.sleep(60)\n    return a + b"
CASES = ("assert add(1, 1) == 2", "assert add(2, 2) == 4", "assert add(3, 3) == 6")
ENDS = (CASES[0], "import os; os._exit(0)", CASES[2])


def check(sandbox: Sandbox, program: Program, seconds: float = 30) -> Outcome:
    """What a slot makes of a program, with sandboxes that it has to start."""
    slot = sandbox._slots[0]
    slot.close()
    return slot.check(program, Limits(seconds=seconds))


@pytest.mark.parametrize("in_process", [False, True])
def test_all_cases_are_told(sandbox: Sandbox, in_process: bool) -> None:
    outcome = check(sandbox, Program(source=ADD, entry_point="add", cases=CASES, in_process=in_process))
    assert (outcome.status, [case.passed for case in outcome.cases]) == ("passed", [True] * 3)
    assert outcome.gameable is in_process


def test_where_a_case_ends_the_tests_the_cases_around_it_are_told_all_the_same(sandbox: Sandbox) -> None:
    outcome = check(sandbox, Program(source=ADD, entry_point="add", cases=ENDS))
    assert (outcome.status, [case.passed for case in outcome.cases]) == ("failed", [True, False, True])


def test_a_check_that_is_out_of_time_tells_of_every_case(sandbox: Sandbox) -> None:
    outcome = check(sandbox, Program(source=SLEEPS, entry_point="add", cases=CASES), seconds=0.5)
    assert (outcome.status, len(outcome.cases)) == ("timeout", 3)
    assert not any(case.passed for case in outcome.cases[1:])
