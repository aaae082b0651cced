"""Which of two answers is better: judged in both orders, so that the place of an answer gains nothing."""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from reflexa.errors import PolicyError, UsageError, VerifierError
from reflexa.prompting import task_text
from reflexa.protocols import Chooser
from reflexa.types import Attempt, CheckResult, Frozen, Message, Task, Verdict
from reflexa.verifiers.constitution import in_random_order, load_constitution
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
from reflexa.verifiers.reference import reference_answer, require_sight
from reflexa.verifiers.replies import Reply
from reflexa.verifiers.rubric import DEFAULT_RUBRIC, digest, load_rubric

if TYPE_CHECKING:
    from reflexa.verifiers.means import Means

VERSION = "2"
OPTIONS = ("A", "B")
"""What a judge that is asked for likelihoods chooses between: the first answer, and the second."""
Winner = Literal["a", "b", "tie"]
_SHARES: dict[Winner, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}


class Choice(Reply):
    """One vote on two answers in one order: the reason first, then which is better."""

    reason: str = Field(min_length=1)
    better: Literal["first", "second", "tie"]


class Standard(Frozen):
    """What answers are compared by: a rubric's criteria together, or one principle of a constitution."""

    id: str
    text: str


class Vote(Frozen):
    """One judge's vote by one standard, in both orders. Where they contradict each other ``agrees`` is False and
    ``winner`` a tie. ``share`` is how far a is preferred, from 0 to 1.
    """

    standard: str = ""
    winner: Winner
    agrees: bool
    share: float
    reasons: tuple[str, str]


class Preference(Frozen):
    """Which of two answers, a and b, is better.

    ``probability`` that it is a: the mean over all judgements, of both orders, a tie counting half. ``winner`` is what
    more votes say, a vote that contradicts itself between the orders counting as a tie. ``consistency`` is the share
    of votes that do not: near 0 the judge goes by the order, and nothing is known of the answers.
    """

    probability: float = Field(ge=0.0, le=1.0)
    winner: Winner
    consistency: float = Field(ge=0.0, le=1.0)
    votes: tuple[Vote, ...] = ()


class Pairwise:
    """Compares two answers by one or more standards, each judged by itself and all of the same weight.

    With a ``chooser`` the judgements are its likelihoods of saying that the first answer is the better one, or the
    second (Bai et al. 2022, section 4.1); without one they are the replies of a panel. As a verifier it holds an answer
    against the task's reference answer: passed where more than half of the votes find it, in both orders, at least as
    good.
    """

    def __init__(
        self, name: str, standards: tuple[Standard, ...], panel: Panel, chooser: Chooser | None = None
    ) -> None:
        self.name = f"pairwise:{name}"
        self.judge = chooser.name if chooser else ", ".join(judge.name for judge in panel.judges)
        """Who judges."""
        how = f"likelihoods of {chooser.name}" if chooser else panel.identity
        self.version = digest(VERSION, *(standard.text for standard in standards), how)
        self._standards = standards
        self._panel = panel
        self._chooser = chooser

    def compare(self, task: Task, a: str, b: str, *, standards: int | None = None, key: str = "") -> Preference:
        """Which answer is better, by all standards or by so many of them, drawn by ``key`` and task.

        Costs, per standard and vote, two calls; none where one of them is no answer. Raises ``TransientVerifierError``
        where a judge gives no readable verdict.
        """
        return self._compare(self._panel.session(task, 0), task, (a, b), self._drawn(standards, f"{key} {task.id}"))

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        began = time.monotonic()
        reference = reference_answer(task)
        session = self._panel.session(task, attempt.index)
        preference = self._compare(session, task, (attempt.answer, reference), self._standards)
        reason = no_answer(task, attempt.answer)
        outcomes = Counter(vote.winner if vote.agrees else "split" for vote in preference.votes)
        good = outcomes["a"] + outcomes["tie"]
        passed = not reason and good * 2 > outcomes.total()
        lost = [text for vote in preference.votes if vote.winner == "b" for text in vote.reasons[:1]]
        detail = (
            f"better {outcomes['a']}, as good {outcomes['tie']}, worse {outcomes['b']}, "
            f"contradicted between the orders {outcomes['split']}"
        )
        return Verdict(
            score=preference.probability,
            passed=passed,
            feedback=feedback_text([reason, *lost]),
            checks=(CheckResult(name="against the reference", passed=passed, detail=reason or detail),),
            verifier=self.name,
            version=self.version,
            seconds=time.monotonic() - began,
        )

    def _drawn(self, standards: int | None, key: str) -> tuple[Standard, ...]:
        if standards is None:
            return self._standards
        if standards < 1:
            raise UsageError(f"{standards} standards: expected at least one to compare by")
        return tuple(in_random_order(self._standards, key)[:standards])

    def _compare(
        self, session: Session, task: Task, answers: tuple[str, str], standards: tuple[Standard, ...]
    ) -> Preference:
        usable = tuple(not no_answer(task, answer) for answer in answers)
        if answers[0] == answers[1] or not all(usable):
            winner: Winner = "tie" if usable[0] == usable[1] else "a" if usable[0] else "b"
            vote = Vote(winner=winner, agrees=True, share=_SHARES[winner], reasons=("", ""))
            return Preference(probability=vote.share, winner=winner, consistency=1.0, votes=(vote,))
        votes = [vote for standard in standards for vote in self._votes(session, standard, task, answers)]
        wins = Counter(vote.winner for vote in votes)
        return Preference(
            probability=sum(vote.share for vote in votes) / len(votes),
            winner="tie" if wins["a"] == wins["b"] else "a" if wins["a"] > wins["b"] else "b",
            consistency=sum(vote.agrees for vote in votes) / len(votes),
            votes=tuple(votes),
        )

    def _votes(self, session: Session, standard: Standard, task: Task, answers: tuple[str, str]) -> list[Vote]:
        a, b = answers
        if self._chooser is not None:
            first, second = (self._likelihood(self._chooser, standard, task, pair) for pair in ((a, b), (b, a)))
            return [_leaning(standard, first, second)]
        forward = session.poll(self._question(standard, task, (a, b)))
        backward = session.poll(self._question(standard, task, (b, a)))
        return [_vote(standard, one, other) for one, other in zip(forward, backward, strict=True)]

    def _likelihood(self, chooser: Chooser, standard: Standard, task: Task, answers: tuple[str, str]) -> float:
        """The probability that the judge says the first answer is better, of all that it may say."""
        content = render(
            "likelier",
            task=material(task_text(task)),
            first=material(answers[0]),
            second=material(answers[1]),
            standard=standard.text,
        )
        try:
            first, _ = chooser.choose((Message(role="user", content=content),), OPTIONS)
        except PolicyError as error:
            raise VerifierError(f"the judge {chooser.name} cannot choose: {error}") from error
        return first

    def _question(self, standard: Standard, task: Task, answers: tuple[str, str]) -> Question[Choice]:
        asked = task_text(task)
        content = render(
            "pairwise",
            task=material(asked),
            first=material(answers[0]),
            second=material(answers[1]),
            standard=standard.text,
        )
        return Question(content, Choice, lambda reply: "", "\n".join((asked, *answers)))


def open_pairwise(path: Path | None, means: Means) -> Pairwise:
    """The verifier of a rubric's file: it is shown reference answers. Raises ``UsageError``."""
    require_sight("pairwise", means.blind)
    return open_comparison(path, means)


def open_comparison(path: Path | None, means: Means, *, likelihoods: bool = False) -> Pairwise:
    """Compares by the criteria of a rubric, together, or by each principle of a constitution (AI preferences).

    Without a file it is Reflexa's own rubric. With ``likelihoods`` the one judge is a checkpoint that is not asked to
    reply, but for how likely it is to choose either answer. Raises ``UsageError``.
    """
    settings, name, standards = _standards(path or DEFAULT_RUBRIC)
    if not likelihoods:
        return Pairwise(name, standards, Panel.of(settings, means))
    if len(settings.models) > 1:
        raise UsageError(f"{name} names {len(settings.models)} judges: likelihoods are asked of one")
    chooser = means.open_chooser(settings.models[0] if settings.models else means.model)
    return Pairwise(name, standards, Panel(()), chooser)


def _standards(path: Path) -> tuple[JudgingSettings, str, tuple[Standard, ...]]:
    if _kind(path) == "constitution":
        constitution = load_constitution(path)
        principles = (Standard(id=principle.id, text=principle.text) for principle in constitution.principles)
        return constitution, constitution.name, tuple(principles)
    rubric = load_rubric(path)
    lines = [
        f"- {criterion.name} (weight {criterion.weight:g}): {criterion.description}" for criterion in rubric.criteria
    ]
    return rubric, rubric.name, (Standard(id=rubric.name, text="\n".join([rubric.description, *lines]).strip()),)


def _kind(path: Path) -> object:
    """What a file says it is; its loader reports what is wrong with one that cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("kind")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None


def _vote(standard: Standard, forward: Choice, backward: Choice) -> Vote:
    """One vote of the judgement on (a, b) and that on (b, a)."""
    first: dict[str, Winner] = {"first": "a", "second": "b", "tie": "tie"}
    second: dict[str, Winner] = {"first": "b", "second": "a", "tie": "tie"}
    said = (first[forward.better], second[backward.better])
    return Vote(
        standard=standard.id,
        winner=said[0] if said[0] == said[1] else "tie",
        agrees=said[0] == said[1],
        share=(_SHARES[said[0]] + _SHARES[said[1]]) / 2,
        reasons=(forward.reason, backward.reason),
    )


def _leaning(standard: Standard, forward: float, backward: float) -> Vote:
    """One vote of the likelihoods that the first answer is chosen, of (a, b) and of (b, a)."""
    share = (forward + 1 - backward) / 2
    agrees = (forward > 0.5) != (backward > 0.5)
    leans: Winner = "tie" if share == 0.5 else "a" if share > 0.5 else "b"
    return Vote(standard=standard.id, winner=leans if agrees else "tie", agrees=agrees, share=share, reasons=("", ""))
