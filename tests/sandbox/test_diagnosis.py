"""What the doctor is told."""

from __future__ import annotations

from reflexa.sandbox import diagnose
from reflexa.sandbox.selftest import ACTS


def test_each_level_is_available_or_has_a_reason() -> None:
    reports = diagnose()
    assert [report.level for report in reports] == ["double", "strong", "external", "weak"]
    for report in reports:
        assert report.available == (not report.reason)
        assert [act.name for act in report.acts] == (list(ACTS) if report.available else [])
    for report in reports[:2]:
        assert all(act.stopped for act in report.acts)
    assert reports[2].reason == "no isolation command is configured"
