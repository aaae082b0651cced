from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Recorded
from tests.cli.support import Cli


def test_audit_without_a_run_takes_all_runs_of_the_suite(recorded: Recorded, look: Cli, home: Path) -> None:
    found = look("tasks", "audit", "humaneval", "--json").json
    assert len(found["runs"]) >= 3
    assert found["attempts"]["n"] > 7
    shown = look("tasks", "audit", "humaneval").out
    assert "the suite's own solutions: feedback visible-examples agrees with the judge on" in shown
    assert "tasks have no visible examples" in shown
    assert "right answers that the feedback rejects: HumanEval/47" in shown
    assert "attempts of" in shown
