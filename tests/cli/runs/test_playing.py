"""Tasks that are played, through the command line: run, shown, compared, validated, audited, verified."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reflexa.memory import Store
from tests.cli.support import Cli

LAKE = "gymnasium:FrozenLake-v1,is_slippery=false"
TASK = "FrozenLake-v1/0"
LOSING = ["Thought: right.\nAction: right", "Action: down"]
WINNING = [f"Action: {action}" for action in ("down", "down", "right", "down", "right", "right")]


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "answers.jsonl"
    row = {"task": TASK, "plays": [LOSING, WINNING], "reflections": ["Right ends in a hole: go down first."]}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return f"scripted:{path}"


def test_a_lake_is_crossed_by_reflecting(cli: Cli, model: str) -> None:
    ran = cli("run", "--task", LAKE, "--model", model, "--attempts", "3", "--name", "lake", "--json")
    assert (ran.code, ran.json["solved"], ran.json["errors"]) == (0, 1, 0)
    shown = cli("runs", "show", "lake", "--task", TASK).out
    assert "attempt 1: judge goal failed (0.00) · feedback failed (0.00)" in shown
    assert "  step 2: down\n    → You are in row 2, column 2. You fell into a hole." in shown
    assert "  step 6 · reward 1: right" in shown
    steps = cli("runs", "show", "lake", "--task", TASK, "--json").json["attempts"][1]["steps"]
    assert [step["action"] for step in steps] == ["down", "down", "right", "down", "right", "right"]


def test_a_baseline_may_make_as_many_calls_as_the_steps_of_all_attempts(cli: Cli, model: str) -> None:
    ran = cli("run", "--task", f"{LAKE},steps=6", "--model", model, "--attempts", "3", "--baseline", "retry", "--json")
    assert ran.code == 0
    with Store.open(os.environ["REFLEXA_DATABASE_URL"]) as store:
        (config,) = (run.config for run in store.list_runs() if run.baseline_of)
    assert (config.calls_per_task, config.attempts) == (3 * 6 + 2, 4)


def test_walkthroughs_pass_the_judge(cli: Cli) -> None:
    found = cli("tasks", "validate", f"{LAKE},size=4,n=3", "--json").json
    assert (found["n"], found["passed"]) == (3, 3)


def test_a_task_says_how_it_is_played_and_not_how_it_is_won(cli: Cli) -> None:
    shown = cli("tasks", "show", LAKE, TASK).out
    assert f"{TASK} ({LAKE}, test) · asks for actions" in shown
    assert "played in gymnasium: at most 30 steps, won with a total reward of 1" in shown
    hidden = cli("tasks", "show", LAKE, TASK, "--json").json
    assert "check" not in hidden
    assert hidden["play"]["steps"] == 30


def test_a_file_of_actions_is_played_and_judged(cli: Cli, tmp_path: Path) -> None:
    actions = {"won": "down\ndown\nright\ndown\nright\nright", "lost": "right\ndown"}
    path = tmp_path / "answers.jsonl"
    rows = [json.dumps({"task_id": TASK, "completion": said}) for said in actions.values()]
    path.write_text("\n".join(rows), encoding="utf-8")
    judged = cli("verify", "--task", LAKE, str(path), "--json").json
    assert [result["passed"] for result in judged["results"]] == [True, False]
    assert "You fell into a hole." in judged["results"][1]["feedback"]
