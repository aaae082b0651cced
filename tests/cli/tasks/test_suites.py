from __future__ import annotations

from pathlib import Path

from reflexa.agent.audit import Audit, Problem
from reflexa.cli.tasks.suites import _audit_text, _problems
from tests.cli.conftest import Recorded
from tests.cli.support import Cli


def test_audit_without_a_run_takes_all_runs_of_the_suite(recorded: Recorded, look: Cli, home: Path) -> None:
    found = look("tasks", "audit", "humaneval", "--json").json
    assert len(found["runs"]) >= 3
    assert found["attempts"]["n"] > 7
    assert found["references"][0]["wrong"] > 300


def test_an_audit_is_told_in_words() -> None:
    audit = Audit(
        verifier="visible",
        n=5,
        agree=3,
        false_failures=("t/1",),
        false_passes=("t/2: the prompt itself",),
        right=2,
        wrong=3,
        undecided=4,
    )
    assert _audit_text("solutions", audit, "tasks have none").splitlines() == [
        "solutions: visible accepts 1 of 2 right answers and rejects 2 of 3 wrong ones: "
        "it agrees with the judge on 60.0 %",
        "  1 right answers that it rejects: t/1",
        "  1 wrong answers that it accepts: t/2: the prompt itself",
        "  4 tasks have none",
    ]


def test_problems_are_told_by_kind_and_only_so_many() -> None:
    problems = [Problem(task=f"t/{number}", kind="wrong", detail="passes") for number in range(12)]
    told = _problems([*problems, Problem(task="t/0", kind="reference", detail="fails")]).splitlines()
    assert told[:3] == [
        "right answers that the judge rejects (1):",
        "  t/0: fails",
        "wrong answers that it accepts (12):",
    ]
    assert told[-1] == "  and 2 more"
    assert _problems([]) == "no problem: no prompt gives its answer away"
