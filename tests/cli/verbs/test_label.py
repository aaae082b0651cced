"""``reflexa label`` and what is exported of it, with a scripted judge."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.support import Cli

TEST = ("--split", "test", "--allow", "test-split")


def script(home: Path, better: str) -> str:
    """A judge that always says the same."""
    reply = json.dumps({"reason": "So it is.", "better": better})
    path = home / f"{better}.jsonl"
    path.write_text(
        "".join(json.dumps({"task": f"HumanEval/{number}", "judge": [reply] * 20}) + "\n" for number in range(164))
    )
    return f"scripted:{path}"


def test_labels_are_made_once_and_counted(look: Cli, home: Path) -> None:
    judge = script(home, "first")
    done = look("label", "first", "--judge-model", judge, "--constitution", "assistant", "--json")
    assert done.code == 2
    assert "constitution" in done.err
    done = look("label", "first", "--judge-model", judge, "--pairs", "2")
    assert done.code == 0, done.err
    assert "labelled by pairwise:" in done.out
    assert "where the order of the answers decided more than the answers" in done.out
    again = look("label", "first", "--judge-model", judge, "--pairs", "2", "--json")
    assert again.json["made"] == 0
    assert again.json["known"] >= 1


def test_a_judge_that_goes_by_the_order_makes_no_rows(look: Cli, home: Path) -> None:
    look("label", "first", "--judge-model", script(home, "second"))
    done = look("export", "preferences", "--labels", "all", "--run", "first", *TEST, "-o", "pairs.jsonl", "--json")
    assert done.json["rows"] == 0
    assert done.json["rows_dropped"]["undecided"] >= 1
