"""Judges procedural tasks by the scorer of the generator that made them."""

from __future__ import annotations

import json
import time
from functools import partial
from importlib import metadata
from importlib.util import find_spec

from pydantic import Field

from reflexa.errors import MissingExtraError, VerifierError
from reflexa.sandbox.text import plain
from reflexa.types import Attempt, CheckResult, Frozen, GeneratedCheck, Task, Verdict
from reflexa.verifiers.generated_answer import final_answer
from reflexa.verifiers.workers import Pool, Program, Worker

_SHOWN = 400
_SCORERS = Program("the process of reasoning-gym's scorers", "reflexa.verifiers.generated_worker")


class _Scored(Frozen):
    """A worker's reply: the score with a remark, or why the scorer itself does not work."""

    score: float = Field(default=0.0, ge=0.0, le=1.0)
    note: str = ""
    error: str = ""


class Generated:
    """Scores the final answer of an attempt in a process of its own, which is confined and killed when too slow.

    ``seconds`` bounds one answer. Up to ``workers`` answers are scored at once; ``verify`` may be called from any
    thread. Raises ``TransientVerifierError`` where a worker took too long or died, ``VerifierError`` where the task
    is none of a generator's.
    """

    name = "generated"

    def __init__(self, seconds: float = 30.0, workers: int = 2) -> None:
        if find_spec("reasoning_gym") is None:
            raise MissingExtraError("the verifier generated", "gym")
        self.version = f"1+reasoning-gym-{metadata.version('reasoning-gym')}"
        self._seconds = seconds
        self._pool = Pool(partial(Worker, _SCORERS), workers)

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        """Scores from 0 to 1 as the generator's scorer does; passed means full marks."""
        check = task.check
        if not isinstance(check, GeneratedCheck):
            raise VerifierError(f"task {task.id} was made by no generator: its `check` must be of kind 'generated'")
        started = time.monotonic()
        reading = final_answer(task, attempt.answer, check.reference)
        scored = _Scored() if reading.text is None else self._scored(check, reading.text)
        if scored.error:
            raise VerifierError(f"task {task.id}: {scored.error}")
        passed = scored.score >= 1
        shown = plain("; ".join(filter(None, (reading.note, scored.note))), _SHOWN)
        return Verdict(
            score=scored.score,
            passed=passed,
            feedback="" if passed else f"not the right answer ({shown}); score {scored.score:.2f}",
            checks=(CheckResult(name=f"scorer of {check.generator}", passed=passed, detail=shown),),
            verifier=self.name,
            version=self.version,
            seconds=time.monotonic() - started,
        )

    def close(self) -> None:
        """Ends the workers; a later ``verify`` starts new ones."""
        self._pool.close()

    def _scored(self, check: GeneratedCheck, answer: str) -> _Scored:
        request = {
            "generator": check.generator,
            "answer": answer,
            "reference": check.reference,
            "expected": check.entry.get("answer"),
            "metadata": check.entry.get("metadata"),
            "config": json.dumps(check.entry.get("config", {}), sort_keys=True),
        }
        with self._pool.lent() as worker:
            return _Scored.model_validate(worker.ask(request, self._seconds))
