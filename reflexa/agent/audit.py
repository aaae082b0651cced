"""How far verifiers can be trusted: references through the judge, and the feedback held against the judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from reflexa.errors import VerifierError
from reflexa.protocols import Verifier
from reflexa.tasks import Suite
from reflexa.types import Attempt, Episode, Frozen, Task


class Validation(Frozen):
    """Reference solutions through the judge: a suite is sound where all pass."""

    task: str
    n: int
    passed: int
    failed: tuple[str, ...]
    seconds: float


class Audit(Frozen):
    """The feedback verifier against the judge, over attempts that both have judged.

    A false failure is a right answer that the feedback rejects; a false pass a wrong one that it accepts.
    ``undecided`` are tasks for which there is no feedback verifier (no visible examples, say).
    """

    verifier: str
    n: int
    agree: int
    false_failures: tuple[str, ...]
    false_passes: tuple[str, ...]
    undecided: int = 0


def reference_attempt(task: Task) -> Attempt | None:
    """The task's reference solution as an attempt; None where the suite carries none."""
    if task.check is None or task.check.reference is None:
        return None
    stub = task.code.stub if task.code else ""
    return Attempt(answer=stub + task.check.reference)


def validate(suite: Suite, judge: Verifier, workers: int = 2) -> Validation:
    """Runs every reference solution through the judge. Raises ``VerifierError`` where the suite has none."""
    began = time.monotonic()
    pairs = [(task, attempt) for task in suite.tasks if (attempt := reference_attempt(task)) is not None]
    if not pairs:
        raise VerifierError(f"suite {suite.name} carries no reference solutions: there is nothing to validate")
    with ThreadPoolExecutor(workers) as pool:
        verdicts = list(pool.map(lambda pair: judge.verify(*pair), pairs))
    failed = tuple(task.id for (task, _), verdict in zip(pairs, verdicts, strict=True) if not verdict.passed)
    return Validation(
        task=suite.name,
        n=len(pairs),
        passed=len(pairs) - len(failed),
        failed=failed,
        seconds=round(time.monotonic() - began, 3),
    )


def audit_references(suite: Suite, feedback: Callable[[Task], Verifier | None], workers: int = 2) -> Audit:
    """Holds the feedback verifier against reference solutions, which are right by definition."""
    pairs = [(task, attempt) for task in suite.tasks if (attempt := reference_attempt(task)) is not None]
    verifiers = [feedback(task) for task, _ in pairs]
    decided = [(pair, verifier) for pair, verifier in zip(pairs, verifiers, strict=True) if verifier is not None]
    with ThreadPoolExecutor(workers) as pool:
        verdicts = list(pool.map(lambda item: item[1].verify(*item[0]), decided))
    false_failures = tuple(
        task.id for ((task, _), _), verdict in zip(decided, verdicts, strict=True) if not verdict.passed
    )
    return Audit(
        verifier=verdicts[0].verifier if verdicts else "none",
        n=len(decided),
        agree=len(decided) - len(false_failures),
        false_failures=false_failures,
        false_passes=(),
        undecided=len(pairs) - len(decided),
    )


def audit_attempts(episodes: Iterable[Episode]) -> Audit:
    """Holds recorded feedback verdicts against the judge's verdicts on the same attempts."""
    n, undecided, failures, passes, verifiers = 0, 0, [], [], set()
    for episode in episodes:
        for graded in episode.tries:
            if graded.feedback is None or graded.judged is None:
                undecided += 1
                continue
            n += 1
            verifiers.add(graded.feedback.verifier)
            if graded.judged.passed and not graded.feedback.passed:
                failures.append(f"{episode.task.id}#{graded.attempt.index + 1}")
            elif graded.feedback.passed and not graded.judged.passed:
                passes.append(f"{episode.task.id}#{graded.attempt.index + 1}")
    return Audit(
        verifier=", ".join(sorted(verifiers)) or "none",
        n=n,
        agree=n - len(failures) - len(passes),
        false_failures=tuple(failures),
        false_passes=tuple(passes),
        undecided=undecided,
    )
