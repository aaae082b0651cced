"""HumanEval's rows, and the tasks made of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.tasks.humaneval import HumanEvalRow, package_file, read_problems_file, task_from_row
from reflexa.types import Task, TestCheck

ROW = {
    "task_id": "Own/0",
    "prompt": 'import math\n\n\ndef f(x):\n    """ Adds one.\n    >>> f(1)\n    2\n    """\n',
    "entry_point": "f",
    "canonical_solution": "    return x + 1\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}


def hidden(task: Task) -> str:
    assert isinstance(task.check, TestCheck)
    return task.check.source


def test_a_row_becomes_a_task() -> None:
    task = task_from_row(HumanEvalRow.model_validate(ROW), "own")
    assert (task.id, task.suite, task.split, task.answer_kind) == ("Own/0", "own", "test", "python")
    assert task.code is not None
    assert (task.code.entry_point, task.code.stub) == ("f", ROW["prompt"])
    assert [(example.input, example.output) for example in task.examples] == [("f(1)", "2")]
    assert isinstance(task.check, TestCheck)
    assert (task.check.source, task.check.reference) == (ROW["test"], ROW["canonical_solution"])


def test_the_message_holds_the_stub_and_nothing_of_the_check() -> None:
    (message,) = task_from_row(HumanEvalRow.model_validate(ROW), "own").prompt
    assert f"```python\n{ROW['prompt'].strip()}\n```" in message.content
    assert "candidate" not in message.content
    assert "return x + 1" not in message.content


def test_tests_that_need_the_stubs_helpers_get_them() -> None:
    tasks = [task_from_row(row, "humaneval") for row in read_problems_file(package_file())]
    rows = {row.task_id: row for row in read_problems_file(package_file())}
    helped = {task.id for task in tasks if hidden(task) != rows[task.id].test}
    assert helped == {"HumanEval/32", "HumanEval/33", "HumanEval/38", "HumanEval/50"}


def test_every_canonical_solution_passes_tests_that_know_only_the_candidate() -> None:
    # As in the split judge, the tests' globals hold nothing of the answer.
    tasks = [task_from_row(row, "humaneval") for row in read_problems_file(package_file())]
    programs = [
        {"id": t.id, "tests": hidden(t), "answer": t.code.stub + (t.check.reference or ""), "name": t.code.entry_point}
        for t in tasks
        if t.code is not None and isinstance(t.check, TestCheck)
    ]
    runner = (
        "import json, sys\n"
        "for program in json.load(sys.stdin):\n"
        "    answer, tests = {}, {}\n"
        "    exec(program['answer'], answer)\n"
        "    exec(program['tests'], tests)\n"
        "    tests['check'](answer[program['name']])\n"
        "    print(program['id'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", runner], input=json.dumps(programs), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert len(set(ran.stdout.split())) == 164


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"entry_point": "not a name"}, r'rows\.jsonl:2:\d+: "entry_point": expected a function\'s name'),
        ({"entry_point": "g"}, r'rows\.jsonl:2:1: "prompt" does not hold "def g\("'),
        ({"test": "assert f(1) == 2"}, r'rows\.jsonl:2:\d+: "test": expected tests that define check'),
        ({"prompt": 5}, r'rows\.jsonl:2:\d+: "prompt": input should be a valid string \(got 5\)'),
        ({"task_id": "Own/0"}, r"rows\.jsonl:2:1: \"task_id\" 'Own/0' is already on line 1"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + json.dumps(ROW | {"task_id": "Own/1"} | change) + "\n")
    with pytest.raises(UsageError, match=complaint):
        read_problems_file(path)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n")
    with pytest.raises(UsageError, match="holds no tasks"):
        read_problems_file(tmp_path / "rows.jsonl")
