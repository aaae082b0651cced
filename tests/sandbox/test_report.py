"""Reports are checked before they are believed."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from reflexa.errors import SandboxError, VerifierError
from reflexa.sandbox.report import Report, last_words, vanished

_GOOD: dict[str, Any] = {"passed": True, "detail": "", "cases": [], "out": "", "broken": None, "unsuited": None}


def test_a_good_report() -> None:
    raw = _GOOD | {"passed": False, "detail": "\x1b[2J", "cases": [{"passed": False, "detail": "no"}]}
    report = Report.parse(raw, first_case=2)
    assert (report.passed, report.detail, report.broken) == (False, "\\x1b[2J", False)
    assert [(case.name, case.passed, case.detail) for case in report.cases] == [("case 3", False, "no")]


@pytest.mark.parametrize(
    "raw",
    [None, [], {}, _GOOD | {"cases": 1}, _GOOD | {"cases": [1]}, _GOOD | {"detail": 1}, _GOOD | {"unsuited": 1}],
)
def test_malformed_reports(raw: object) -> None:
    with pytest.raises(SandboxError):
        Report.parse(raw, first_case=0)


def test_only_true_is_passed() -> None:
    assert not Report.parse(_GOOD | {"passed": "yes"}, first_case=0).passed
    assert not Report.parse(_GOOD | {"cases": [{"passed": 1, "detail": ""}]}, first_case=0).cases[0].passed


def test_ends_of_processes() -> None:
    assert last_words(None) == ""
    assert last_words(3 << 8) == " (exit status 3)"
    assert last_words(int(signal.SIGSEGV)) == " (ended by SIGSEGV)"
    with pytest.raises(SandboxError, match="from outside"):
        last_words(int(signal.SIGKILL))
    assert isinstance(vanished(None), SandboxError)
    assert isinstance(vanished(int(signal.SIGKILL)), SandboxError)
    assert type(vanished(0)) is VerifierError
