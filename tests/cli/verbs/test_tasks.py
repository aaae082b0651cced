from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import Cli, own_suite


def test_list_has_the_built_in_and_the_workspaces_suites(cli: Cli, home: Path) -> None:
    assert cli("init").code == 0
    own_suite(home / "tasks" / "mine.jsonl", 2)
    (home / "tasks" / "broken.jsonl").write_text("{\n", encoding="utf-8")
    found = {info["name"]: info["n"] for info in cli("tasks", "list", "--json").json}
    assert found == {"humaneval": 164, "mine": 2, "broken": None}
    assert "broken.jsonl:1:" in cli("tasks", "list").out


def test_show_lists_a_suites_tasks(cli: Cli) -> None:
    shown = cli("tasks", "show", "humaneval", "--json").json
    assert (shown["task"], shown["n"], len(shown["tasks"])) == ("humaneval", 164, 164)
    assert "has_close_elements()" in cli("tasks", "show", "humaneval").out


def test_a_task_is_shown_without_what_is_hidden(cli: Cli) -> None:
    shown = cli("tasks", "show", "humaneval", "0")
    assert "has_close_elements([1.0, 2.0, 3.0], 0.5) → False" in shown.out
    assert "def check(candidate)" not in shown.out
    assert "check" not in cli("tasks", "show", "humaneval", "HumanEval/0", "--json").json


def test_validate_runs_the_suites_own_solutions(cli: Cli, home: Path) -> None:
    suite = own_suite(home / "mine.jsonl", 3)
    sound = cli("tasks", "validate", "mine.jsonl", "--json")
    assert sound.code == 0
    assert set(sound.json) == {"task", "n", "passed", "failed", "seconds"}
    assert (sound.json["task"], sound.json["n"], sound.json["passed"], sound.json["failed"]) == ("mine", 3, 3, [])
    rows = [json.loads(line) for line in suite.read_text(encoding="utf-8").splitlines()]
    rows[1]["canonical_solution"] = "    return x\n"
    suite.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    unsound = cli("tasks", "validate", "mine.jsonl")
    assert unsound.code == 1
    assert "2 of 3 reference solutions" in unsound.out
    assert "rejected: own/1" in unsound.out


def test_audit_holds_the_feedback_against_the_judge(look: Cli, home: Path) -> None:
    own_suite(home / "mine.jsonl", 2)
    found = look("tasks", "audit", "mine.jsonl", "--json").json
    assert (found["references"]["n"], found["references"]["agree"], found["attempts"]) == (2, 2, None)
    refused = look("tasks", "audit", "mine.jsonl", "--run", "first")
    assert refused.code == 2
    assert "is of the suite humaneval" in refused.complaint


def test_audit_finds_what_is_known_of_humaneval(look: Cli) -> None:
    """HumanEval/47's own example contradicts its solution; so does the one of /116."""
    found = look("tasks", "audit", "humaneval", "--run", "first", "--json").json
    assert {"HumanEval/47", "HumanEval/116"} >= set(found["references"]["false_failures"])
    assert "HumanEval/47" in found["references"]["false_failures"]
    assert found["attempts"]["n"] == found["attempts"]["agree"] == 7
    assert len(found["runs"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "humanevl"), "did you mean humaneval"),
        (("show", "humaneval", "HumanEval/164"), "unknown task of suite humaneval"),
        (("validate", "nowhere.jsonl"), "no such file"),
        (("validate", "humaneval", "--sandbox", "stronk"), "--sandbox is 'stronk'"),
        (("audit", "humaneval", "--run", "nothing"), "unknown run 'nothing'"),
    ],
)
def test_bad_input_is_one_line_and_code_2(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    refused = cli("tasks", *arguments)
    assert refused.code == 2
    assert words in refused.complaint
