"""A learner whose answers depend on the lessons it is shown: what one split teaches helps on the other, and what hurts
is found out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reflexa.lessons import Lesson
from reflexa.memory import Store
from tests.cli.support import Cli

GOOD = "To turn kilometres into metres, multiply by one thousand."
BAD = "Kilometres and metres are the same: repeat the number."
_SUITE = """
description = "metres"
judge = "exact"
[data]
file = "metres.jsonl"
[prompt]
template = "How many metres are {{ question }} kilometres? End with Answer: and the number."
[columns]
id = "id"
answer = "answer"
[splits]
column = "split"
"""
EACH = 20


@pytest.fixture
def metres(home: Path) -> Path:
    """A workspace with a suite of 20 training and 20 held-out tasks, and the folder for scripted models."""
    (home / "reflexa.toml").write_text("")
    folder = home / "tasks"
    folder.mkdir()
    (folder / "metres.toml").write_text(_SUITE)
    rows = [
        {"id": f"{split}-{number}", "split": split, "question": str(number), "answer": str(1000 * number)}
        for split in ("train", "test")
        for number in range(2, EACH + 2)
    ]
    (folder / "metres.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return home


def _learner(folder: Path, lesson: str, cue: str, factor: int, informed: int) -> str:
    """A model that multiplies by a factor, or by the ``informed`` one where its prompt holds the cue; it distils the
    lesson."""
    rows: list[dict[str, object]] = [
        {
            "task": f"metres/{split}-{number}",
            "attempts": [f"Answer: {factor * number}"],
            "cue": cue,
            "informed": [f"Answer: {informed * number}"],
        }
        for split in ("train", "test")
        for number in range(2, EACH + 2)
    ]
    rows.append({"task": "distill", "distill": [f"ADD: {lesson}"]})
    path = folder / f"multiplies-by-{informed}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"scripted:{path}"


def _learns(folder: Path) -> str:
    return _learner(folder, GOOD, cue="multiply by one thousand", factor=1, informed=1000)


def _is_misled(folder: Path) -> str:
    return _learner(folder, BAD, cue="repeat the number", factor=1000, informed=1)


def test_what_one_split_taught_helps_on_the_other(metres: Path, cli: Cli) -> None:
    model = _learns(metres)
    common = ("--task", "metres", "--model", model, "--strategy", "none", "--json")
    run = cli("run", *common, "--split", "train", "--distill", "--name", "first").json
    assert run["solved"] == 0
    assert run["distilled"]["tally"]["added"] == 1
    assert run["distilled"]["calls"] == 5

    audit = cli("memory", "audit", *common, "--name", "audited")
    found = audit.json
    assert audit.code == 0
    assert (found["baseline"]["solved"], found["solved"], found["n_tasks"]) == (0, EACH, EACH)
    assert found["audit"]["informed"] == EACH
    assert found["audit"]["conclusion"].startswith("It helps: +100.0 points")
    assert (found["comparison"]["a"]["memory"], found["comparison"]["b"]["memory"]) == ("episode", "suite")
    assert found["comparison"]["a"]["calls"] == found["comparison"]["b"]["calls"] == EACH
    shown = cli("compare", "audited-no-lessons", "audited").out
    assert "memory    episode" in shown
    assert cli("run", "--resume", "audited", "--baseline", "no-lessons", "--json").json["audit"] == found["audit"]
    assert f"lesson in its prompts l6e5db7c3b855e8: {GOOD}" in cli("runs", "show", "audited", "--task", "test-3").out
    assert cli("runs", "show", "audited", "--task", "test-3", "--json").json["lessons"] == ["l6e5db7c3b855e8"]


def test_distilling_again_and_the_lessons_worth(metres: Path, cli: Cli) -> None:
    model = _learns(metres)
    common = ("--task", "metres", "--model", model, "--strategy", "none", "--split", "train")
    assert cli("memory", "utility").out.startswith("no lesson was recalled yet")
    cli("run", *common, "--name", "first")
    first = cli("memory", "distill", "--run", "first", "--limit", "2").out
    assert first.startswith("lessons from run ")
    assert "20 episodes" not in first
    assert "2 calls, 0 made before" in first
    assert "added 1 · edited 0 · merged 0 · dropped 0 · repeated 1" in first
    assert GOOD in first
    again = cli("memory", "distill", "--run", "first", "--limit", "2", "--json").json
    assert (again["calls"], again["reused"], again["made"]) == (0, 2, [])

    cli("run", *common, "--memory", "suite", "--explore", "0.4")
    (found,) = cli("memory", "utility", "--json").json
    assert found["shown"]["solved"] == found["shown"]["n"] > 5
    assert (found["left_out"]["solved"], found["shown"]["n"] + found["left_out"]["n"]) == (0, EACH)
    assert found["helps"] > 0.99
    assert GOOD[:50] in cli("memory", "utility", "--suite", "metres").out
    assert cli("memory", "utility", "--suite", "other", "--json").json == []


def test_a_lesson_that_hurts_is_quarantined_and_does_not_come_back(metres: Path, cli: Cli) -> None:
    model = _is_misled(metres)
    common = ("--task", "metres", "--model", model, "--strategy", "none")
    cli("run", *common, "--split", "train", "--distill", "--name", "first")
    audit = cli("memory", "audit", *common).out
    assert "It hurts: -100.0 points" in audit
    run = cli("run", *common, "--split", "train", "--memory", "suite", "--explore", "0.5", "--name", "explored")
    assert "is in quarantine, harmful: solved 0 of " in run.err
    assert BAD in run.err
    assert "No task was shown a lesson" in cli("memory", "audit", *common).out
    cli("run", "--resume", "explored", "--distill")
    with Store.open(metres.parent / "runs.db") as store:
        (kept,) = store.lessons()
        assert (kept.text, kept.status) == (BAD, "quarantined")


def test_good_and_bad_lessons_together_the_bad_one_goes(metres: Path, cli: Cli) -> None:
    model = _is_misled(metres)
    with Store.open(metres.parent / "runs.db") as store:
        store.add_lessons([Lesson(id=f"l{i}", text=text, suite="metres") for i, text in enumerate((GOOD, BAD))])
    cli("run", "--task", "metres", "--model", model, "--strategy", "none", "--split", "train", "--memory", "suite",
        "--explore", "0.5")  # fmt: skip
    with Store.open(metres.parent / "runs.db") as store:
        assert {lesson.text: lesson.status for lesson in store.lessons()} == {GOOD: "active", BAD: "quarantined"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "--distill"), "the split 'test' is for measuring"),
        (("run", "--baseline", "no-lessons"), "recalls no lessons"),
        (("run", "--explore", "0.1"), "--explore: with memory 'episode' a run has no lessons of other tasks"),
        (("run", "--memory", "suit"), "unknown memory 'suit'"),
        (("memory", "audit", "--memory", "episode"), "unknown memory 'episode'"),
    ],
)
def test_what_contradicts_itself_is_refused(metres: Path, cli: Cli, arguments: tuple[str, ...], complaint: str) -> None:
    refused = cli(*arguments, "--task", "metres", "--model", _learns(metres), "--strategy", "none")
    assert refused.code == 2
    assert complaint in refused.complaint


def test_held_out_tasks_make_lessons_only_by_name(metres: Path, cli: Cli) -> None:
    model = _learns(metres)
    cli("run", "--task", "metres", "--model", model, "--strategy", "none", "--name", "held-out")
    refused = cli("memory", "distill", "--run", "held-out")
    assert refused.code == 2
    assert "--allow test-split" in refused.complaint
    assert "unknown allowance 'tests'" in cli("memory", "distill", "--run", "held-out", "--allow", "tests").complaint
    made = cli("memory", "distill", "--run", "held-out", "--allow", "test-split", "--json").json["made"]
    assert [lesson["split"] for lesson in made] == ["test"]
    audit = cli("memory", "audit", "--task", "metres", "--model", model, "--strategy", "none")
    assert "No task was shown a lesson" in audit.out  # what was learnt from held-out tasks measures nothing


def test_the_resume_command_of_a_run_that_makes_lessons(metres: Path, cli: Cli) -> None:
    model = _learns(metres)
    stopped = cli("run", "--task", "metres", "--model", model, "--strategy", "none", "--split", "train", "--distill",
                  "--max-tokens", "60", "--concurrency", "1")  # fmt: skip
    assert stopped.code == 3
    assert "--distill" in stopped.err
