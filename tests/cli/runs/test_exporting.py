"""An export compares with the test splits of the runs' suites, and says with which it could not."""

from __future__ import annotations

import json
from pathlib import Path

from reflexa.memory import Store
from reflexa.tasks import load_suite
from tests.cli.support import Cli
from tests.export.support import a_task, a_verdict, an_episode, learnt, record

QUESTION = "Write double(x), which returns twice the number that it is given, whatever its sign."


def own_suite(path: Path, prompt: str) -> None:
    """A workspace's suite with one test task."""
    row = {
        "task_id": "own/0",
        "prompt": prompt,
        "entry_point": "double",
        "canonical_solution": "    return 2 * x\n",
        "test": "def check(candidate):\n    assert candidate(3) == 6\n",
    }
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")


def filled(home: Path, prompt: str) -> None:
    with Store.open(home.parent / "runs.db") as store:
        record(store, learnt(a_task("t", prompt=prompt, suite=str(home / "own.jsonl"))))


def sent(suite: Path) -> str:
    """The prompt of a suite's only task."""
    return load_suite(str(suite)).tasks[0].prompt[-1].content


def test_the_test_split_of_a_runs_suite_is_held_out(cli: Cli, home: Path) -> None:
    own_suite(home / "own.jsonl", f'def double(x):\n    """{QUESTION}"""\n')
    filled(home, sent(home / "own.jsonl"))
    done = cli("export", "sft")
    assert "attempts dropped: 2 test duplicate" in done.out
    assert "compared with 1 prompt of test splits" in done.out


def test_a_suite_without_a_readable_test_split_is_named(cli: Cli, home: Path) -> None:
    filled(home, QUESTION)
    done = cli("export", "sft")
    assert "1 row of 1 task and 2 attempts" in done.out
    assert f"not compared with the test splits of {home / 'own.jsonl'}" in done.out


def test_a_suite_can_be_held_out_by_name(cli: Cli, home: Path) -> None:
    own_suite(home / "other.jsonl", f'def double(x):\n    """{QUESTION}"""\n')
    filled(home, sent(home / "other.jsonl").replace("sign", "size"))
    assert "2 near test duplicate" in cli("export", "sft", "--held-out", "other.jsonl").out


def test_verdicts_of_feedback_verifiers_are_named_as_such(cli: Cli, home: Path) -> None:
    with Store.open(home.parent / "runs.db") as store:
        record(store, an_episode(a_task(), a_verdict(1.0), judged=False))
    assert "1 by the feedback verifier, for no judge was recorded" in cli("export", "sft").out


def test_an_export_without_rows_says_so(cli: Cli) -> None:
    done = cli("export", "sft")
    assert done.code == 0
    assert "0 rows of 0 tasks and 0 attempts" in done.out
