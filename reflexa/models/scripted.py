"""A policy that answers from a file: runs that cost nothing and repeat exactly, for tests and demonstrations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from reflexa.errors import UsageError
from reflexa.types import CallContext, Completion, Frozen, Message, Purpose, Sampling, Usage

AnswerList = Literal["attempts", "reflections", "tests", "feedback", "critic", "judge", "distill"]
_LISTS: dict[Purpose, AnswerList] = {
    "attempt": "attempts",
    "reflection": "reflections",
    "tests": "tests",
    "feedback": "feedback",
    "critic": "critic",
    "judge": "judge",
    "distill": "distill",
}
_EXPECTED = '{"task": "…", "attempts": ["…"], "reflections": ["…"], "tests": ["…"], "feedback": ["…"]}'


class ScriptedRow(Frozen):
    """The answers for one task, a list per purpose of a call.

    ``plays`` are attempts of many steps: a list per attempt, with the answer to each step's call. Attempts whose
    prompt holds ``cue`` get the ``informed`` answers: a model that has learnt from a lesson.
    """

    task: str
    attempts: tuple[str, ...] = ()
    plays: tuple[tuple[str, ...], ...] = ()
    reflections: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    critic: tuple[str, ...] = ()
    judge: tuple[str, ...] = ()
    distill: tuple[str, ...] = ()
    cue: str = ""
    informed: tuple[str, ...] = ()

    def answer(self, context: CallContext, prompt: str = "") -> str:
        """The answer to the i-th call of a purpose, i being attempt + sample; the last one repeats."""
        answers: tuple[str, ...] = getattr(self, _LISTS[context.purpose])
        index = context.attempt + context.sample
        if context.purpose == "attempt" and self.cue and self.cue in prompt:
            answers = self.informed
        elif context.purpose == "attempt" and self.plays:
            answers, index = self.plays[min(context.attempt, len(self.plays) - 1)], context.sample
        return answers[min(index, len(answers) - 1)] if answers else ""


class ScriptedPolicy:
    """Answers by rows; a task without a row, and a call that is not bound to a task, get empty answers.

    Tokens are counted as whitespace words: of all messages in, of the answer out. Sampling is ignored.
    """

    def __init__(self, rows: Iterable[ScriptedRow], name: str = "scripted") -> None:
        self.name = name
        self._rows: dict[str, ScriptedRow] = {}
        for row in rows:
            if row.task in self._rows:
                raise UsageError(f"two rows answer for task {row.task!r}: put all of a task's answers in one row")
            self._rows[row.task] = row

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Reads JSONL rows. Raises ``UsageError`` that names file, line and column where a row cannot be used."""
        try:
            lines = Path(path).read_bytes().split(b"\n")
        except OSError as error:
            raise UsageError(
                f"cannot read the scripted answers {str(path)!r} ({error.strerror}): "
                f"scripted:FILE wants a JSONL file of rows {_EXPECTED}"
            ) from error
        rows: dict[str, ScriptedRow] = {}
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = _row(line, f"{path}, line {number}")
                if row.task in rows:
                    raise UsageError(
                        f"{path}, line {number}, column 1: task {row.task!r} has a row already; "
                        "put all its answers in one"
                    )
                rows[row.task] = row
        return cls(rows.values(), name=f"scripted:{path}")

    def bind(self, context: CallContext) -> BoundScriptedPolicy:
        """The policy that answers this one call."""
        return BoundScriptedPolicy(self.name, self._rows.get(context.task_id), context)

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """``n`` empty answers: without a context nobody knows which call this is."""
        return [_completion(messages, "")] * n

    def close(self) -> None:
        """Nothing is held."""


class BoundScriptedPolicy:
    """Answers one call of one task; further samples get the answers that follow."""

    def __init__(self, name: str, row: ScriptedRow | None, context: CallContext) -> None:
        self.name = name
        self._row = row
        self._context = context

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """Sample i gets the answer of call attempt + sample + i."""
        contexts = (self._context.model_copy(update={"sample": self._context.sample + index}) for index in range(n))
        prompt = "\n".join(message.content for message in messages)
        row = self._row
        return [_completion(messages, "" if row is None else row.answer(context, prompt)) for context in contexts]

    def close(self) -> None:
        """Nothing is held."""


def _completion(messages: Sequence[Message], text: str) -> Completion:
    words = sum(len(message.content.split()) for message in messages)
    return Completion(text=text, usage=Usage(input_tokens=words, output_tokens=len(text.split()), cost_usd=0.0))


def _row(line: bytes, where: str) -> ScriptedRow:
    """One JSONL line as a row. Columns count characters from 1."""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{where}, column {error.start + 1}: got bytes that are not UTF-8, "
            f"expected a row {_EXPECTED}; save the file as UTF-8"
        ) from error
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{where}, column {error.colno}: not JSON ({error.msg}); expected a row {_EXPECTED}"
        ) from error
    try:
        return ScriptedRow.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        column = _column(text, first["loc"])
        raise UsageError(
            f"{where}, column {column}: {field + ': ' if field else ''}{first['msg'].lower()}; "
            f"expected a row {_EXPECTED}"
        ) from error


def _column(text: str, location: tuple[int | str, ...]) -> int:
    """Where the offending key begins, from 1; the row's first column where it has none."""
    position = text.find(f'"{location[0]}"') if location else -1
    return position + 1 if position >= 0 else len(text) - len(text.lstrip()) + 1
