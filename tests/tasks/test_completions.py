"""Files of answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.tasks.completions import CompletionRow, full_source, read_completions
from reflexa.types import CodeSpec, Message, Task

PROMPT = (Message(role="user", content="Write f."),)
TASK = Task(
    id="Own/0",
    prompt=PROMPT,
    answer_kind="python",
    code=CodeSpec(entry_point="f", stub="def f(x):\n"),
)


def test_rows_keep_the_files_order_and_repetitions(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(
        '{"task_id": "b", "completion": "    return 1"}\n'
        '{"task_id": "a", "solution": "def f(): ...", "model": "m"}\n'
        '{"task_id": "b", "completion": ""}\n'
    )
    assert [(row.task_id, row.completion, row.solution) for row in read_completions(path)] == [
        ("b", "    return 1", None),
        ("a", None, "def f(): ..."),
        ("b", "", None),
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"task_id": "a"}', r'samples\.jsonl:1:1: expected one of "completion"'),
        ('{"task_id": "a", "completion": "x", "solution": "y"}', r"samples\.jsonl:1:1: expected one of"),
        ('{"completion": "x"}', r'samples\.jsonl:1:1: "task_id" is missing'),
        ('{"task_id": "a", "completion": ["x"]}', r'samples\.jsonl:1:18: "completion": input should be a valid string'),
        ("", "holds no answers"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(line)
    with pytest.raises(UsageError, match=complaint):
        read_completions(path)


def test_a_completion_is_put_behind_the_stub_and_a_solution_stands_alone() -> None:
    assert full_source(CompletionRow(task_id="Own/0", completion="    return 1"), TASK) == "def f(x):\n    return 1"
    assert full_source(CompletionRow(task_id="Own/0", solution="def f(x): return 2"), TASK) == "def f(x): return 2"


def test_tasks_without_code_are_refused() -> None:
    with pytest.raises(UsageError, match="Own/1 asks for text"):
        full_source(CompletionRow(task_id="Own/1", completion="x"), Task(id="Own/1", prompt=PROMPT))
