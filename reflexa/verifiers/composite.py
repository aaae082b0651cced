"""Verifiers of verifiers: all, any, weighted, or a cascade that asks the costly ones last."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from reflexa.errors import TransientVerifierError, UsageError, VerifierError
from reflexa.protocols import Verifier
from reflexa.sandbox.text import plain
from reflexa.types import Attempt, CheckResult, Frozen, SandboxLevel, Task, Verdict
from reflexa.verifiers.means import Means, own_file
from reflexa.verifiers.persistent import Persistent
from reflexa.verifiers.rubric import digest, load_toml

Rule = Literal["all", "any", "weighted", "cascade"]
Opening = Callable[[str, Means], Verifier]
"""Opens a part by its name."""
_FEEDBACK_BYTES = 2048
_OPENING: ContextVar[tuple[Path, ...]] = ContextVar("composites being opened", default=())


class PartSpec(Frozen):
    """One part of a composite's file: a verifier by name, and its weight where the rule is ``weighted``."""

    verifier: str = Field(min_length=1)
    weight: float = Field(default=1.0, gt=0.0)


class CompositeSpec(Frozen):
    """A composite's file. ``pass_mark`` is the weighted mean score from which ``weighted`` passes."""

    name: str = Field(min_length=1, max_length=80)
    rule: Rule
    parts: tuple[PartSpec, ...] = Field(min_length=1, max_length=20)
    pass_mark: float | None = Field(default=None, gt=0.0, le=1.0)

    @model_validator(mode="after")
    def _weights_fit_the_rule(self) -> Self:
        weighted = self.rule == "weighted"
        if weighted != (self.pass_mark is not None):
            raise ValueError("the rule weighted needs a pass_mark, and no other rule has one")
        if not weighted and any("weight" in part.model_fields_set for part in self.parts):
            raise ValueError(f"the rule {self.rule} has no weights")
        return self


@dataclass(frozen=True)
class Part:
    """A verifier within a composite."""

    verifier: Verifier
    weight: float = 1.0


class Composite:
    """Judges by its parts, whose verdicts stand in ``Verdict.checks``, each with the part's version.

    =========  ================================================  ==================================
    rule       passes where                                      score
    =========  ================================================  ==================================
    all        every part passes                                 the lowest
    any        one part passes                                   the highest
    weighted   the weighted mean score reaches ``pass_mark``     the weighted mean
    cascade    every part passes; asked in order, and none       the sum of the scores so far,
               behind the first that does not                    over the number of parts
    =========  ================================================  ==================================

    A part that breaks raises ``VerifierError``: it never counts as a score. Parts are asked again by ``Persistent``'s
    rule, each by itself, so that a part that judged is not paid for twice.
    """

    def __init__(self, rule: Rule, parts: tuple[Part, ...], name: str = "composite", pass_mark: float = 1.0) -> None:
        if rule not in get_args(Rule) or not parts:
            raise UsageError(f"a composite has a rule ({', '.join(get_args(Rule))}) and parts; got {rule!r}, {parts!r}")
        self.name = name
        self._rule = rule
        self._parts = tuple(Part(Persistent(part.verifier), part.weight) for part in parts)
        self._pass_mark = pass_mark
        decided_by = [f"{part.verifier.name}@{part.verifier.version}*{part.weight:g}" for part in parts]
        self.version = digest("1", rule, f"{pass_mark:g}", *decided_by)

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        started = time.monotonic()
        verdicts: list[Verdict] = []
        for part in self._parts:
            verdicts.append(self._ask(part, task, attempt))
            if self._rule == "cascade" and not verdicts[-1].passed:
                break
        score, passed = self._combined(verdicts)
        return Verdict(
            score=score,
            passed=passed,
            feedback="" if passed else plain(self._feedback(verdicts), _FEEDBACK_BYTES),
            checks=tuple(self._checks(verdicts)),
            step_scores=next((verdict.step_scores for verdict in verdicts if verdict.step_scores), ()),
            verifier=self.name,
            version=self.version,
            sandbox=_weakest(verdicts),
            gameable=any(verdict.gameable for verdict in verdicts),
            seconds=time.monotonic() - started,
        )

    def _ask(self, part: Part, task: Task, attempt: Attempt) -> Verdict:
        try:
            return part.verifier.verify(task, attempt)
        except TransientVerifierError as error:
            raise VerifierError(f"{part.verifier.name}, a part of {self.name}, broke each time: {error}") from error

    def _combined(self, verdicts: list[Verdict]) -> tuple[float, bool]:
        scores = [verdict.score for verdict in verdicts]
        complete = len(verdicts) == len(self._parts)
        match self._rule:
            case "all":
                return min(scores), all(verdict.passed for verdict in verdicts)
            case "any":
                return max(scores), any(verdict.passed for verdict in verdicts)
            case "cascade":
                return sum(scores) / len(self._parts), complete and all(verdict.passed for verdict in verdicts)
            case "weighted":
                weights = [part.weight for part in self._parts]
                mean = sum(weight * score for weight, score in zip(weights, scores, strict=True)) / sum(weights)
                mean = min(mean, 1.0)
                return mean, mean >= self._pass_mark

    def _feedback(self, verdicts: list[Verdict]) -> str:
        said = [
            verdict.feedback or f"{part.verifier.name}: not passed"
            for part, verdict in zip(self._parts, verdicts, strict=False)
            if not verdict.passed
        ]
        return "\n".join(said)

    def _checks(self, verdicts: list[Verdict]) -> list[CheckResult]:
        checks = []
        for part, verdict in zip(self._parts, verdicts, strict=False):
            label = f"{part.verifier.name}@{verdict.version}"
            checks.append(CheckResult(name=label, passed=verdict.passed, detail=f"score {verdict.score:.3g}"))
            checks += [check.model_copy(update={"name": f"{label} > {check.name}"}) for check in verdict.checks]
        for part in self._parts[len(verdicts) :]:
            label = f"{part.verifier.name}@{part.verifier.version}"
            checks.append(CheckResult(name=label, passed=False, detail="not asked: a part before it did not pass"))
        return checks


def open_composite(path: Path, means: Means, opening: Opening) -> Composite:
    """The composite of a TOML file with ``kind = "composite"``, its parts opened by their names.

    Raises ``UsageError`` for unknown parts, and where a composite holds itself.
    """
    chain = _OPENING.get()
    resolved = path.resolve()
    if resolved in chain:
        raise UsageError(f"{path}: the composite holds itself: {' > '.join(each.name for each in (*chain, resolved))}")
    spec = load_toml(path, "composite", CompositeSpec)
    token = _OPENING.set((*chain, resolved))
    try:
        parts = tuple(Part(opening(part.verifier, means), part.weight) for part in spec.parts)
    finally:
        _OPENING.reset(token)
    return Composite(spec.rule, parts, name=spec.name, pass_mark=spec.pass_mark or 1.0)


def from_argument(argument: str, means: Means, opening: Opening) -> Composite:
    """``composite:FILE``: a path, or the name of a file in the workspace's ``verifiers/``."""
    if not argument:
        raise UsageError("composite:FILE names a TOML file with the parts, as in composite:strict")
    return open_composite(own_file("composite", argument, means.workspace), means, opening)


def _weakest(verdicts: list[Verdict]) -> SandboxLevel | None:
    order: tuple[SandboxLevel, ...] = get_args(SandboxLevel)
    levels = [verdict.sandbox for verdict in verdicts if verdict.sandbox is not None]
    return max(levels, key=order.index, default=None)
