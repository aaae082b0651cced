from __future__ import annotations

from tests.cli.conftest import Recorded
from tests.cli.support import LESSON, Cli


def test_list_shows_the_newest_first(look: Cli) -> None:
    rows = look("runs", "list").out.splitlines()
    assert rows[0].split() == ["run", "name", "started", "suite", "model", "strategy", "feedback", "status", "solved"]
    names = [run["name"] for run in look("runs", "list", "--json").json]
    assert [name for name in names if name in ("first", "peeked")] == ["peeked", "first"]
    assert len(look("runs", "list", "--limit", "1", "--json").json) == 1


def test_an_empty_list_says_how_to_begin(cli: Cli) -> None:
    assert "reflexa run --task humaneval" in cli("runs", "list").out
    assert cli("runs", "list", "--json").json == []


def test_show_has_the_table_and_a_line_per_task(look: Cli) -> None:
    lines = look("runs", "show", "first").out.splitlines()
    rows = {line.split()[0]: line.split()[1:4] for line in lines if line.startswith("HumanEval/")}
    assert rows["HumanEval/0"] == ["yes", "✓", "0"]
    assert rows["HumanEval/1"] == ["yes", "✗", "✓"]
    assert rows["HumanEval/3"] == ["no", "✗", "✗"]
    assert "finished" in lines[1]


def test_show_json_has_every_attempt(look: Cli) -> None:
    shown = look("runs", "show", "first", "--json").json
    assert shown["name"] == "first"
    assert [task["task_id"] for task in shown["tasks"]] == [f"HumanEval/{n}" for n in range(4)]
    second = shown["tasks"][1]
    assert second["solved"] is True
    assert second["reflections"] == [LESSON]
    assert [(attempt["passed"], attempt["feedback_passed"]) for attempt in second["attempts"]] == [
        (False, False),
        (True, True),
    ]
    assert all(attempt["tokens"] > 0 for attempt in second["attempts"])
    assert sum(task["solved"] for task in shown["tasks"]) == shown["solved"] == 3


def test_one_task_is_shown_with_all_that_was_said(look: Cli) -> None:
    shown = look("runs", "show", "first", "--task", "1")
    assert "HumanEval/1: solved · stopped: the feedback passed" in shown.out
    assert "attempt 2 (handed in): hidden tests passed" in shown.out
    assert "returned None, expected" in shown.out
    assert LESSON in shown.out
    detail = look("runs", "show", "first", "--task", "HumanEval/1", "--json").json
    assert "def separate_paren_groups" in detail["attempts"][1]["answer"]
    assert detail["attempts"][0]["feedback"]
    assert detail["submitted"] == 1


def test_a_run_is_found_by_a_unique_start_of_its_id(look: Cli) -> None:
    run_id = look("runs", "show", "first", "--json").json["run_id"]
    assert look("runs", "show", run_id[:7], "--json").json["run_id"] == run_id


def test_unknown_runs_and_tasks_get_near_matches(look: Cli, recorded: Recorded) -> None:
    assert "did you mean first" in look("runs", "show", "firts").complaint
    unknown = look("runs", "show", "first", "--task", "HumanEval/99")
    assert unknown.code == 2
    assert "unknown task of run" in unknown.complaint
