"""Tasks: what the agent is told, and what only the judge reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from reflexa.types.base import Frozen
from reflexa.types.calls import Message

AnswerKind = Literal["python", "text"]
TestForm = Literal["check", "pytest", "doctest"]
"""How hidden tests are written: HumanEval's ``check(candidate)``, a pytest file, or a doctest text."""


class Example(Frozen):
    """A visible example of a task. For code both sides are Python expressions: ``add(1, 2)`` and ``3``."""

    input: str
    output: str


class CodeSpec(Frozen):
    """What makes a task a programming task: the function to write and the code that the prompt begins with."""

    entry_point: str
    stub: str


class TestCheck(Frozen):
    """Hidden tests. In HumanEval's form ``source`` defines ``check(candidate)``; other forms import the answer.

    ``in_process`` marks tests that inspect live objects and so must share the candidate's process: their
    verdicts are *gameable*. ``wrong`` are answers that are known to be wrong: a sound judge rejects them.
    """

    __test__ = False

    kind: Literal["tests"] = "tests"
    source: str
    form: TestForm = "check"
    in_process: bool = False
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class ProgramCheck(Frozen):
    """Hidden runs of a whole program: what it reads from standard input, and what it should print."""

    kind: Literal["program"] = "program"
    runs: tuple[Example, ...] = Field(min_length=1)
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class AnswerCheck(Frozen):
    """A reference answer that an answer is compared with; ``aliases`` count as much.

    ``reference`` is a worked solution that ends in the answer, where the suite has one.
    """

    kind: Literal["answer"] = "answer"
    answer: str
    aliases: tuple[str, ...] = ()
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class GeneratedCheck(Frozen):
    """A task that a procedural generator made, with what its own scorer needs to judge an answer."""

    kind: Literal["generated"] = "generated"
    generator: str
    entry: dict[str, JsonValue]
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class GoalCheck(Frozen):
    """An environment's goal: passed where the rewards of the attempt's steps sum to at least ``goal``.

    ``reference`` is a walkthrough, one action a line.
    """

    kind: Literal["goal"] = "goal"
    goal: float = 1.0
    reference: str | None = None
    wrong: tuple[str, ...] = ()


Check = Annotated[TestCheck | ProgramCheck | AnswerCheck | GeneratedCheck | GoalCheck, Field(discriminator="kind")]


class Play(Frozen):
    """How a task is played in an environment, which is what the agent may know.

    ``parameters`` are the environment's own. An attempt is over after ``steps`` turns, or where ``repeats`` turns in
    a row had the same action and observation (0: never). Where rewards tell success, it is won with a total of
    ``goal`` or more; None: the environment takes an answer, and no reward tells whether it is right.
    """

    environment: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    steps: int = Field(default=30, ge=1)
    repeats: int = Field(default=3, ge=0)
    goal: float | None = Field(default=1.0, gt=0)


class Task(Frozen):
    """One task of a suite. ``check`` is private: only the judge reads it, and no message may hold its text.

    ``choices`` are the options of a multiple-choice question, in the order in which they are lettered. ``play`` makes
    it a task of many steps.
    """

    id: str = Field(min_length=1)
    suite: str = "custom"
    split: str = "test"
    prompt: tuple[Message, ...] = Field(min_length=1)
    answer_kind: AnswerKind = "text"
    code: CodeSpec | None = None
    examples: tuple[Example, ...] = ()
    choices: tuple[str, ...] = ()
    play: Play | None = None
    check: Check | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
