"""The warm pair and its bench: what is kept between checks and what is not."""

from __future__ import annotations

from reflexa.sandbox import Program, Sandbox
from tests.sandbox.programs import BAD, GOOD, TESTS


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
