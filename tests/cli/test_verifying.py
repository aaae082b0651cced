from __future__ import annotations

from pathlib import Path

from reflexa.cli.verifying import judge_rows, watched
from reflexa.sandbox import Sandbox
from reflexa.tasks import load_suite
from reflexa.tasks.completions import CompletionRow
from tests.cli.support import own_suite


def test_rows_are_judged_in_their_order(tmp_path: Path) -> None:
    suite = load_suite(str(own_suite(tmp_path / "mine.jsonl", 2)))
    rows = [
        CompletionRow(task_id="own/1", solution="def double(x):\n    return x + x\n"),
        CompletionRow(task_id="own/0", completion="    return 0\n"),
    ]
    with Sandbox.open() as sandbox:
        results = judge_rows(rows, suite, sandbox)
        sandbox.close()
        broken = judge_rows(rows[:1], suite, sandbox)
    assert [(result.task_id, result.passed, result.error) for result in results] == [
        ("own/1", True, None),
        ("own/0", False, None),
    ]
    assert broken[0].error is not None  # no verdict is not a wrong answer


def test_nobody_watches_a_pipe() -> None:
    assert list(watched(iter([1, 2]), 2, "counting")) == [1, 2]
