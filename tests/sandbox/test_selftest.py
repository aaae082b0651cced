"""The self-test fails closed."""

from __future__ import annotations

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox import CaseResult, Limits, Outcome, Program, Sandbox
from reflexa.sandbox.selftest import ACTS, require_confined, try_acts


def _leaky(program: Program, limits: Limits | None) -> Outcome:
    """A sandbox that stops nothing but the last act."""
    cases = [CaseResult(name=str(index), passed=index == 0) for index in range(len(ACTS))]
    return Outcome(status="failed", cases=(*cases, CaseResult(name="last", passed=True)))


def _dead(program: Program, limits: Limits | None) -> Outcome:
    return Outcome(status="failed", cases=tuple(CaseResult(name="", passed=False, detail="no") for _ in program.cases))


def test_every_act_is_stopped(sandbox: Sandbox) -> None:
    acts = try_acts(sandbox.check)
    assert [act.name for act in acts] == list(ACTS)
    assert [act.name for act in acts if not act.stopped] == []


def test_a_sandbox_that_stops_too_little_is_refused() -> None:
    with pytest.raises(SandboxError, match=r"must be impossible: file read outside, .*TCP"):
        require_confined("strong", _leaky)
    with pytest.raises(SandboxError, match="file read outside") as caught:
        require_confined("external", _leaky)
    assert "fork" not in str(caught.value)
    require_confined("weak", _leaky)


def test_a_sandbox_in_which_nothing_runs_is_refused() -> None:
    with pytest.raises(SandboxError, match="harmless program does not run"):
        require_confined("weak", _dead)
