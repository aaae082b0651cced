"""The story in words, bounded and inert whatever a model wrote; retracting and taking it back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reflexa.memory import Store
from tests.cli.conftest import Recorded
from tests.cli.support import LESSON, Cli


@pytest.fixture
def lesson(look: Cli) -> str:
    """The id of the one reflection on HumanEval/1 of the run ``first``."""
    kept = look("memory", "list", "--run", "first", "--task", "HumanEval/1", "--json").json
    return str(kept[0]["id"])


def test_a_run_is_told_with_its_model(look: Cli) -> None:
    told = look("why", "first").out.splitlines()
    assert told[0].startswith("run ")
    assert "humaneval (test), reflexion, feedback auto, finished" in told[0]
    assert told[1].startswith("  model scripted:")


def test_an_attempt_is_told_with_the_reflection_in_its_prompt(look: Cli, lesson: str) -> None:
    told = look("why", "first/HumanEval/1/2").out
    assert "judge: passed, 1.00 by hidden-tests" in told
    assert f"reflection {lesson}: “{LESSON}”" in told
    assert look("why", lesson, "--depth", "0").out.endswith("… and 1 more origin\n")
    tree = look("why", "first/HumanEval/1/2", "--json").json
    assert [origin["kind"] for origin in tree["origins"]] == ["reflection", "model"]


def test_what_is_not_there_is_a_usage_error(look: Cli) -> None:
    refused = look("why", "nothing-at-all")
    assert refused.code == 2
    assert "unknown id 'nothing-at-all'" in refused.complaint


@pytest.fixture
def copy(recorded: Recorded, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command line on a copy of the recorded database."""
    with Store.open(recorded.database):  # what waits in the write-ahead log goes into the file
        shutil.copy(recorded.database, tmp_path / "copy.db")
    monkeypatch.setenv("REFLEXA_DATABASE_URL", str(tmp_path / "copy.db"))
    return cli


def test_a_reflection_is_retracted_with_what_grew_and_taken_back(copy: Cli, lesson: str) -> None:
    tried = copy("memory", "retract", lesson, "--dry-run", "--json").json
    assert (tried["dry_run"], [each["kind"] for each in tried["grown"]]) == (True, ["attempt"])
    assert copy("memory", "retract").out == "nothing was retracted\n"
    done = copy("memory", "retract", lesson[:6], "--reason", "it is\nwrong").out
    assert done.startswith(f"reflection {lesson} is retracted; grown from it: 1 attempt\n  attempt ")
    assert f"! grew from reflection {lesson}, which is retracted: it is wrong" in copy("why", "first/HumanEval/1/2").out
    assert lesson in copy("memory", "retract").out
    assert "! retracted: it is wrong" in copy("memory", "show", lesson).out
    assert copy("memory", "retract", "--json").json[0]["reason"] == "it is\nwrong"
    assert copy("memory", "retract", lesson, "--undo").out == f"reflection {lesson} is trusted again: 2 marks removed\n"
    again = copy("memory", "retract", lesson, "--undo")
    assert again.code == 2
    assert "was not retracted itself" in again.complaint


def test_a_run_is_retracted_as_a_whole(copy: Cli) -> None:
    assert "reflection" in copy("memory", "retract", "first").out
    assert "! retracted" in copy("runs", "show", "first").out
    assert copy("runs", "show", "first", "--json").json["retracted"] == "retracted"
    assert copy("memory", "retract", "first", "--undo", "--json").json["marks_removed"] > 1
