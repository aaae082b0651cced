from __future__ import annotations

from pathlib import Path

from reflexa.agent import Bench
from reflexa.cli.tasks.verifying import judge_answers, watched
from reflexa.tasks import load_suite
from reflexa.tasks.completions import CompletionRow, of_suite
from tests.cli.support import own_suite


def test_answers_are_judged_in_their_order(tmp_path: Path) -> None:
    suite = load_suite(str(own_suite(tmp_path / "mine.jsonl", 2)))
    rows = [
        CompletionRow(task_id="own/1", solution="def double(x):\n    return x + x\n"),
        CompletionRow(task_id="own/0", completion="    return 0\n"),
    ]
    answers = of_suite(rows, suite.tasks)
    with Bench() as bench:
        judge = bench.verifier(suite.judge)
        results = judge_answers(answers, judge, "judging")
        bench.sandbox.close()
        broken = judge_answers(answers[:1], judge, "judging")
    assert [(result.task_id, result.passed, result.error) for result in results] == [
        ("own/1", True, None),
        ("own/0", False, None),
    ]
    assert broken[0].error is not None  # no verdict is not a wrong answer


def test_nobody_watches_a_pipe() -> None:
    assert list(watched(iter([1, 2]), 2, "counting")) == [1, 2]
