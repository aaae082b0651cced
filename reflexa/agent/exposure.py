"""What of a task's answer stands in its prompt, or in a text that is to stand there.

A short answer may well stand there by chance, and an answer over passages has to: that is no leak. What is one:

- the prompt *states* the answer, in a form in which a final answer would be read (``Answer: 42``, ``the answer is 42``,
  ``\\boxed{42}``); ``yes``, ``no``, ``true``, ``false`` and the options of a multiple choice are left out;
- the prompt holds a line of the worked solution that has the answer in it, or all lines of a solution in code; lines
  of 16 characters or more.

Lines that most prompts of the suite share are its template, and are not searched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from reflexa.tasks import Suite
from reflexa.tasks.leaks import NEEDLE_LENGTH
from reflexa.types import AnswerCheck, GeneratedCheck, ProgramCheck, Task, TestCheck
from reflexa.verifiers.final_answer import stated
from reflexa.verifiers.text import exact_form

_CLOSED = frozenset({"yes", "no", "true", "false"})


def exposures(suite: Suite) -> dict[str, str]:
    """By the ids of those tasks whose prompts give something away: what."""
    counts = Counter(line for task in suite.tasks for line in set(_lines(task)))
    shared = {line for line, count in counts.items() if count > 1 and 2 * count > len(suite.tasks)}
    found = {}
    for task in suite.tasks:
        own = [line for line in _lines(task) if line not in shared]
        if what := _states_the_answer(task, own) or _holds_the_solution(task, own):
            found[task.id] = what
    return found


def gives_away(task: Task, text: str) -> str:
    """What a text that did not come from the task gives away of its answer; empty where it is nothing."""
    lines = _flat_lines(text)
    return _states_the_answer(task, lines) or _holds_the_solution(task, lines)


def _lines(task: Task) -> list[str]:
    return _flat_lines("\n".join(message.content for message in task.prompt))


def _flat_lines(text: str) -> list[str]:
    return [flat for line in text.splitlines() if (flat := " ".join(line.split()))]


def _states_the_answer(task: Task, own: Sequence[str]) -> str:
    answers = {exact_form(answer) for answer in _answers(task)} - _CLOSED
    said = next((each for each in stated("\n".join(own)) if exact_form(each) in answers), None)
    return "" if said is None or task.choices else "the prompt states the answer"


def _answers(task: Task) -> tuple[str, ...]:
    if isinstance(task.check, AnswerCheck):
        return (task.check.answer, *task.check.aliases)
    if isinstance(task.check, GeneratedCheck):
        return (str(task.check.entry.get("answer", "")),)
    return ()


def _holds_the_solution(task: Task, own: Sequence[str]) -> str:
    check = task.check
    if not isinstance(check, AnswerCheck | GeneratedCheck | TestCheck | ProgramCheck) or not check.reference:
        return ""
    lines = [" ".join(line.split()) for line in check.reference.splitlines()]
    private = [line for line in lines if len(line) >= NEEDLE_LENGTH]
    text = "\n".join(own)
    held = [line for line in private if line in text]
    if isinstance(check, TestCheck | ProgramCheck):
        return "the prompt holds the solution" if held and len(held) == len(private) else ""
    telling = any(_has(line, answer) for line in held for answer in _answers(task))
    return "the prompt holds a line of the worked solution that has the answer in it" if telling else ""


def _has(line: str, answer: str) -> bool:
    """Whether the answer stands in a line as words of its own."""
    return bool(answer.strip()) and re.search(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", line) is not None
