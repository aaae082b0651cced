"""Judges the tasks of other frameworks by their own scorers: Inspect's, and the rewards of the package verifiers."""

from __future__ import annotations

import time
from functools import partial
from importlib import metadata
from typing import Literal

from reflexa.errors import MissingExtraError, TransientVerifierError, UsageError, VerifierError
from reflexa.foreign.parts import Part
from reflexa.sandbox.text import plain
from reflexa.types import Attempt, CheckResult, GeneratedCheck, Task, Verdict
from reflexa.verifiers.workers import Pool, Program, Worker

Kind = Literal["inspect", "verifiers"]
_PACKAGES: dict[Kind, str] = {"inspect": "inspect-ai", "verifiers": "verifiers"}
_SHOWN = 400
_FULL = 1 - 1e-9


class ForeignScorers:
    """All scorers of one foreign task, in processes of their own: ``inspect:SPEC`` or ``verifiers:SPEC``.

    The score is the weighted sum of their values over the sum of the positive weights (Inspect's weights are all 1),
    and at least 0; passed means full marks: 1 from each scorer with a positive weight, and nothing taken away.
    ``seconds`` bound one answer. Up to ``workers`` processes load the tasks, the first one at once; ``verify`` may be
    called from any thread.

    Raises ``TransientVerifierError`` where the scorers took too long, ``VerifierError`` where one broke, left the
    answer unscored or gave more than 1, and for tasks of other suites; ``UsageError`` where the tasks cannot be loaded.
    """

    def __init__(self, kind: Kind, spec: str, seconds: float = 60.0, workers: int = 2) -> None:
        package = _PACKAGES[kind]
        if not spec:
            raise UsageError(f"the verifier {kind} is named with its tasks: write {kind}:…, as the suite is named")
        try:
            self.version = f"1+{package}-{metadata.version(package)}"
        except metadata.PackageNotFoundError as error:
            raise MissingExtraError(f"the verifier {kind}", "bridges") from error
        self.name: str = kind
        self._generator = f"{kind}:{spec}"
        self._seconds = seconds
        # Not bare: the scorers are the user's own, and run with his environment.
        program = Program("the process of its scorers", "reflexa.verifiers.foreign_worker", (kind, spec), bare=False)
        self._pool = Pool(partial(Worker, program), workers)
        with self._pool.lent():
            """Loads the tasks, or says why they cannot be."""

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        """Scores an answer as the framework would have, had its own model given it."""
        check = task.check
        if not isinstance(check, GeneratedCheck) or check.generator != self._generator:
            raise VerifierError(f"task {task.id} is not one of {self._generator}, so its scorers cannot judge it")
        started = time.monotonic()
        parts = self._parts(task, check, attempt.answer)
        full = sum(part.weight for part in parts if part.weight > 0)
        score = sum(part.weight * part.value for part in parts) / full
        passed = score >= _FULL
        checks = tuple(CheckResult(name=part.scorer, passed=_good(part), detail=_shown(part)) for part in parts)
        return Verdict(
            score=1.0 if passed else max(0.0, score),
            passed=passed,
            feedback="" if passed else "; ".join(f"{each.name}: {each.detail}" for each in checks if not each.passed),
            checks=checks,
            verifier=self.name,
            version=self.version,
            seconds=time.monotonic() - started,
        )

    def close(self) -> None:
        """Ends the processes that the scorers run in; a later ``verify`` starts new ones."""
        self._pool.close()

    def _parts(self, task: Task, check: GeneratedCheck, answer: str) -> tuple[Part, ...]:
        try:
            with self._pool.lent() as worker:
                reply = worker.ask({"entry": check.entry, "answer": answer}, self._seconds)
        except TransientVerifierError as error:
            raise TransientVerifierError(f"task {task.id}: {self._generator}: {error}") from error
        if "error" in reply:
            raise VerifierError(f"task {task.id}: {self._generator}: {reply['error']}")
        parts = tuple(Part.model_validate(part) for part in reply["parts"])
        if not any(part.weight > 0 for part in parts):
            raise VerifierError(f"task {task.id}: no scorer of {self._generator} gave a score that counts")
        for part in parts:
            if not part.value <= 1:
                how = f"gave {part.value:g}" if part.value > 1 else "left the answer unscored"
                reason = f" ({plain(part.explanation, _SHOWN)})" if part.explanation else ""
                raise VerifierError(
                    f"task {task.id}: the scorer {part.scorer} {how}; expected a value of at most 1{reason}"
                )
        return parts


def _good(part: Part) -> bool:
    return part.value >= _FULL if part.weight > 0 else part.weight * part.value >= 0


def _shown(part: Part) -> str:
    weight = "" if part.weight == 1 else f", weight {part.weight:g}"
    read = f"; read as: {part.answer}" if part.answer else ""
    return plain(f"value {part.value:g}{weight}{read}", _SHOWN)
