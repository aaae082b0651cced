"""Lets any callable be a verifier."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable
from typing import Any

from reflexa.errors import ReflexaError, UsageError, VerifierError
from reflexa.protocols import Verifier
from reflexa.sandbox.text import plain
from reflexa.types import Attempt, Task, Verdict

Judgement = bool | float | str | Verdict
_FEEDBACK_BYTES = 2048


class FunctionVerifier:
    """A callable as a verifier. It is given the task and the attempt, or the answer alone if it takes one argument.

    It may return a bool (passed), a float in [0, 1] (the score; 1 is passed), a str (feedback; empty is passed) or a
    ``Verdict``. Anything else, and an exception, raises ``VerifierError``.
    """

    version = "1"

    def __init__(self, function: Callable[..., Judgement]) -> None:
        self.name: str = getattr(function, "__name__", type(function).__name__)
        self._function = function
        self._takes_answer = _positional_arguments(function) == 1

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        started = time.monotonic()
        try:
            said = self._function(attempt.answer) if self._takes_answer else self._function(task, attempt)
        except ReflexaError:
            raise
        except Exception as error:
            raise VerifierError(f"the verifier {self.name} raised {type(error).__name__}: {error}") from error
        seconds = time.monotonic() - started
        if isinstance(said, Verdict):
            return said.model_copy(update={"verifier": said.verifier or self.name, "seconds": said.seconds or seconds})
        score, feedback = self._score(said)
        return Verdict(
            score=score,
            passed=score >= 1.0,
            feedback=plain(feedback, _FEEDBACK_BYTES),
            verifier=self.name,
            version=self.version,
            seconds=seconds,
        )

    def _score(self, said: object) -> tuple[float, str]:
        if isinstance(said, str):
            return float(not said.strip()), said
        if isinstance(said, int | float) and math.isfinite(said) and 0 <= said <= 1:
            return float(said), ""
        raise VerifierError(
            f"the verifier {self.name} returned {plain(repr(said), 200)}; "
            "expected a bool, a score from 0 to 1, feedback as a str, or a Verdict"
        )


def as_verifier(verifier: Verifier | Callable[..., Any]) -> Verifier:
    """A verifier from a verifier or a callable. Raises ``UsageError`` for anything else."""
    if isinstance(verifier, Verifier) and not isinstance(verifier, type):
        return verifier
    if not callable(verifier):
        raise UsageError(f"a verifier is a callable or has a `verify` method; got {type(verifier).__name__}")
    return FunctionVerifier(verifier)


def _positional_arguments(function: Callable[..., Any]) -> int:
    """How many arguments must be given by position. Raises ``UsageError`` unless one or two can be."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    by_position = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = sum(each.default is each.empty for each in by_position)
    if any(each.kind is each.VAR_POSITIONAL for each in parameters) and required < 2:
        return 2 if required == 0 else 1
    if required > 2 or not by_position:
        raise UsageError("a verifier takes the task and the attempt, or the answer alone")
    return required or 1
