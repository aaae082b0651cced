"""Small episodes and runs, as the store would give them."""

from __future__ import annotations

from collections.abc import Sequence

from reflexa.types import (
    Attempt,
    Completion,
    Episode,
    FeedbackSource,
    Graded,
    Message,
    RunConfig,
    RunRecord,
    StopReason,
    Task,
    Usage,
    Verdict,
)


def verdict(score: float | None) -> Verdict | None:
    """A verdict of that score, passed at 1; None for None."""
    return None if score is None else Verdict(score=score, passed=score == 1.0)


def graded(index: int, feedback: float | None, judged: float | None, tokens: int = 100) -> Graded:
    completion = Completion(text="", usage=Usage(output_tokens=tokens))
    attempt = Attempt(index=index, completion=completion)
    return Graded(attempt=attempt, feedback=verdict(feedback), judged=verdict(judged))


def episode(
    number: int,
    tries: Sequence[tuple[float | None, float | None]],
    *,
    submitted: int | None = None,
    stop_reason: StopReason = "attempts",
    overhead: int = 0,
) -> Episode:
    """An episode of task ``number`` with (feedback score, judge's score) a try, each of 100 tokens."""
    return Episode(
        task=Task(id=f"T/{number}", prompt=(Message(role="user", content="?"),)),
        strategy="reflexion",
        tries=tuple(graded(index, *scores) for index, scores in enumerate(tries)),
        submitted=len(tries) - 1 if submitted is None and tries else submitted,
        stop_reason=stop_reason,
        usage=Usage(input_tokens=overhead, output_tokens=100 * len(tries)),
        calls=len(tries),
        seconds=2.0,
    )


def run(name: str, *, attempts: int = 3, feedback: FeedbackSource = "visible", **more: object) -> RunRecord:
    config = RunConfig(suite="own", model="scripted:x", suite_digest="d" * 64, attempts=attempts, feedback=feedback)
    return RunRecord(id=name, config=RunConfig.model_validate({**config.model_dump(), **more}))
