"""Constitutions: principles that an answer is held against, one by one (Bai et al. 2022, arXiv:2212.08073).

One file drives three things: this verifier, critique and revision (the strategy ``constitutional``), and AI preferences
(``pairwise:FILE``).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from pydantic import Field, model_validator

from reflexa.prompting import task_text
from reflexa.sandbox.text import plain
from reflexa.types import Attempt, CheckResult, Frozen, Task, Verdict
from reflexa.verifiers.agreement import agreement_check
from reflexa.verifiers.judging import (
    JudgingSettings,
    Panel,
    Question,
    Session,
    feedback_text,
    material,
    no_answer,
    render,
)
from reflexa.verifiers.replies import Reply
from reflexa.verifiers.rubric import digest, load_toml

if TYPE_CHECKING:
    from reflexa.verifiers.means import Means

VERSION = "1"
DEFAULT_CONSTITUTION = Path(__file__).parent / "constitutions" / "assistant.toml"


class Principle(Frozen):
    """One principle: what it says, how to ask for a critique by it, and how to ask for a revision after that."""

    id: str = Field(min_length=1, max_length=80)
    text: str = Field(min_length=1)
    critique: str = Field(min_length=1)
    revision: str = Field(min_length=1)


class Constitution(JudgingSettings):
    """Principles, and how the verifier's judges vote on them."""

    name: str = Field(min_length=1, max_length=80)
    principles: tuple[Principle, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [principle.id for principle in self.principles]
        if len(set(ids)) < len(ids):
            raise ValueError("two principles have the same id")
        return self


def load_constitution(path: Path | str = DEFAULT_CONSTITUTION) -> Constitution:
    """The constitution of a TOML file with ``kind = "constitution"``, or Reflexa's own. Raises ``UsageError``."""
    return load_toml(Path(path), "constitution", Constitution)


def sampled_principle(constitution: Constitution, key: str, turn: int = 0) -> Principle:
    """The principle for a task's ``turn``: random by ``key``, the same each time, none twice before all had their turn.

    ``key`` names run and task; ``turn`` counts from 0.
    """
    order = in_random_order(constitution.principles, key)
    return order[turn % len(order)]


class _Named(Protocol):
    @property
    def id(self) -> str: ...


AnyNamed = TypeVar("AnyNamed", bound=_Named)


def in_random_order(items: Iterable[AnyNamed], key: str) -> list[AnyNamed]:
    """The items in an order that is random by ``key``, and the same each time."""
    return sorted(items, key=lambda item: _hash(f"{key}\0{item.id}"))


class Criticism(Reply):
    """One vote on one principle: the critique first, then the decision that follows from it."""

    critique: str = Field(min_length=1)
    violated: bool


class ConstitutionVerifier:
    """Holds an answer against each principle by itself; passed where the votes' majority finds none of them violated.

    The score is the mean share of votes that find a principle kept. ``checks`` has a line per principle, with the
    critique. Raises ``TransientVerifierError`` where a judge gives no readable verdict.
    """

    def __init__(self, constitution: Constitution, panel: Panel) -> None:
        self.name = f"constitution:{constitution.name}"
        self.version = digest(VERSION, constitution.model_dump_json(), panel.identity)
        self._constitution = constitution
        self._panel = panel

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        began = time.monotonic()
        if reason := no_answer(task, attempt.answer):
            return self._verdict([0.0], [CheckResult(name="answer", passed=False, detail=reason)], reason, began)
        session = self._panel.session(task, attempt.index)
        votes = [self._votes(session, principle, task, attempt) for principle in self._constitution.principles]
        shares = [sum(not vote.violated for vote in each) / len(each) for each in votes]
        checks = [
            CheckResult(name=principle.id, passed=share > 0.5, detail=_critique(each, kept=share > 0.5))
            for principle, each, share in zip(self._constitution.principles, votes, shares, strict=True)
        ]
        feedback = feedback_text([f"{check.name}: {check.detail}" for check in checks if not check.passed])
        if len(votes[0]) > 1:
            checks.append(agreement_check([[float(vote.violated) for vote in each] for each in votes], "nominal"))
        return self._verdict(shares, checks, feedback, began)

    def _votes(self, session: Session, principle: Principle, task: Task, attempt: Attempt) -> list[Criticism]:
        content = render(
            "principle",
            task=material(task_text(task)),
            answer=material(attempt.answer),
            principle=principle.text,
            critique=principle.critique,
        )
        return session.poll(Question(content, Criticism, lambda reply: "", f"{task_text(task)}\n{attempt.answer}"))

    def _verdict(self, shares: list[float], checks: list[CheckResult], feedback: str, began: float) -> Verdict:
        return Verdict(
            score=sum(shares) / len(shares),
            passed=all(share > 0.5 for share in shares),
            feedback=feedback,
            checks=tuple(checks),
            verifier=self.name,
            version=self.version,
            seconds=time.monotonic() - began,
        )


def open_constitution(path: Path | None, means: Means) -> ConstitutionVerifier:
    """The verifier of a constitution's file, or of Reflexa's own constitution. Raises ``UsageError``."""
    constitution = load_constitution(path or DEFAULT_CONSTITUTION)
    return ConstitutionVerifier(constitution, Panel.of(constitution, means))


def _critique(votes: list[Criticism], *, kept: bool) -> str:
    """The first critique that goes with the majority's decision."""
    return plain(next(vote.critique for vote in votes if vote.violated != kept), 600)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
