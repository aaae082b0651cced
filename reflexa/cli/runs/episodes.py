"""Episodes for people and for programs: what was tried, what the feedback and the judge said, what was learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from reflexa.cli.text import aligned, count, indented, one_line, plural, seconds
from reflexa.evaluation.outcomes import failed, solved
from reflexa.lessons import Lesson
from reflexa.types import Episode, Frozen, Graded, Step, StopReason, Verdict

_STOPPED = {
    "passed": "the feedback passed",
    "attempts": "no attempts left",
    "no_feedback": "nothing to learn from",
    "calls": "no calls left",
    "error": "error",
}


class AttemptReport(Frozen):
    """One attempt: what the judge and the feedback said (None: nothing), and the tokens of its call."""

    passed: bool | None
    feedback_passed: bool | None
    tokens: int

    @classmethod
    def of(cls, graded: Graded) -> Self:
        return cls(passed=_passed(graded.judged), feedback_passed=_passed(graded.feedback), tokens=_tokens(graded))


class AttemptDetail(AttemptReport):
    """An attempt with its words. ``feedback`` is what the agent saw, ``judgement`` what it did not."""

    answer: str
    steps: tuple[Step, ...] = ()
    feedback: str | None
    judgement: str | None
    gameable: bool = False

    @classmethod
    def of(cls, graded: Graded) -> Self:
        return cls(
            passed=_passed(graded.judged),
            feedback_passed=_passed(graded.feedback),
            tokens=_tokens(graded),
            answer=graded.attempt.answer,
            steps=graded.attempt.steps,
            feedback=graded.feedback.feedback if graded.feedback else None,
            judgement=graded.judged.feedback if graded.judged else None,
            gameable=any(verdict.gameable for verdict in (graded.feedback, graded.judged) if verdict),
        )


class EpisodeReport(Frozen):
    """One task of a run. ``submitted`` counts attempts from 0; ``reflections`` are their texts in order."""

    task_id: str
    solved: bool
    attempts: tuple[AttemptReport, ...]
    reflections: tuple[str, ...]
    submitted: int | None
    stop_reason: StopReason
    error: str | None
    calls: int
    tokens: int
    seconds: float

    @classmethod
    def of(cls, episode: Episode) -> Self:
        return cls(
            task_id=episode.task.id,
            solved=solved(episode),
            attempts=cls._attempts(episode),
            reflections=tuple(reflection.text for reflection in episode.reflections),
            submitted=episode.submitted,
            stop_reason=episode.stop_reason,
            error=episode.error,
            calls=episode.calls,
            tokens=episode.usage.tokens,
            seconds=episode.seconds,
        )

    @classmethod
    def _attempts(cls, episode: Episode) -> tuple[AttemptReport, ...]:
        return tuple(AttemptReport.of(graded) for graded in episode.tries)


class EpisodeDetail(EpisodeReport):
    """One task of a run, with all that was said. ``lessons`` are the ids of other tasks' in its attempts' prompts."""

    attempts: tuple[AttemptDetail, ...]
    lessons: tuple[str, ...] = ()

    @classmethod
    def _attempts(cls, episode: Episode) -> tuple[AttemptDetail, ...]:
        return tuple(AttemptDetail.of(graded) for graded in episode.tries)


def episodes_table(episodes: Sequence[Episode]) -> str:
    """A line per task. An attempt is ✓ or ✗ as the judge says; the feedback stands in brackets where it disagrees."""
    rows = [("task", "solved", "attempts", "reflections", "tokens", "stopped")]
    for episode in episodes:
        words = f"error: {one_line(episode.error or '', 60)}" if failed(episode) else _STOPPED[episode.stop_reason]
        marks = " ".join(_mark(graded) for graded in episode.tries)
        rows.append(
            (
                one_line(episode.task.id, 40),
                "yes" if solved(episode) else "no",
                marks,
                str(len(episode.reflections)),
                count(episode.usage.tokens),
                words,
            )
        )
    legend = "attempts: ✓ passed and ✗ failed the judge; in brackets the feedback, where it said otherwise"
    return f"{aligned(rows, right=(3, 4))}\n{legend}"


def episode_text(episode: Episode, lessons: Sequence[Lesson] = ()) -> str:
    """All that was said in an episode, made inert, with the lessons of other tasks in its prompts."""
    state = "an error" if failed(episode) else "solved" if solved(episode) else "not solved"
    lines = [
        f"{one_line(episode.task.id)}: {state} · stopped: {_STOPPED[episode.stop_reason]} · "
        f"{plural(episode.calls, 'call')} · {count(episode.usage.tokens)} tokens · {seconds(episode.seconds)}"
    ]
    if episode.error:
        lines.append(f"error: {one_line(episode.error)}")
    lines += [f"lesson in its prompts {lesson.id}: {one_line(lesson.text, 100)}" for lesson in lessons]
    for graded in episode.tries:
        lines += _attempt_lines(graded, graded.attempt.index == episode.submitted)
        for reflection in episode.reflections:
            if reflection.attempt == graded.attempt.index:
                lines += [f"  reflection {reflection.id}:", indented(reflection.text or "(empty)")]
    return "\n".join(lines)


def _attempt_lines(graded: Graded, submitted: bool) -> list[str]:
    attempt = graded.attempt
    marks = [f"{_judge(graded)} {_words(graded.judged)}", f"feedback {_words(graded.feedback)}"]
    if any(verdict is not None and verdict.gameable for verdict in (graded.judged, graded.feedback)):
        marks.append("gameable: its tests ran in the answer's own process")
    if attempt.recalled:
        marks.append(f"saw {plural(len(attempt.recalled), 'reflection')}")
    number = f"attempt {attempt.index + 1}{' (handed in)' if submitted else ''}"
    lines = ["", f"{number}: {' · '.join(marks)} · {_tokens(graded)} tokens"]
    for place, step in enumerate(attempt.steps, start=1):
        lines += _step_lines(place, step)
    if attempt.answer != "\n".join(step.action for step in attempt.steps if step.action) or not attempt.steps:
        lines += ["  answer:", indented(attempt.answer or "(empty)")]
    for name, verdict in (("feedback, which the agent saw", graded.feedback), (_judge(graded), graded.judged)):
        if verdict is not None and verdict.feedback and not (attempt.steps and _repeats(verdict, graded)):
            lines += [f"  {name}:", indented(verdict.feedback)]
    return lines


def _step_lines(place: int, step: Step) -> list[str]:
    """A step as it was taken: what was thought, done and seen, and what it brought."""
    reward = f" · reward {step.reward:g}" if step.reward else ""
    action = one_line(step.action) or "(no action that could be read)"
    lines = [f"  step {place}{reward}: {action}"]
    if "\n" in step.action:
        lines = [f"  step {place}{reward}:", indented(step.action)]
    if step.thought:
        lines.append(indented(f"thought: {step.thought}"))
    return [*lines, indented(f"→ {step.observation}")]


def _repeats(verdict: Verdict, graded: Graded) -> bool:
    """Whether the judge of a played attempt says what its agent was told already."""
    return verdict is graded.judged and graded.feedback is not None and verdict.feedback == graded.feedback.feedback


def _judge(graded: Graded) -> str:
    name = graded.judged.verifier if graded.judged else ""
    return "hidden tests" if name in ("", "hidden-tests") else f"judge {one_line(name, 40)}"


def _mark(graded: Graded) -> str:
    judged, feedback = _passed(graded.judged), _passed(graded.feedback)
    if judged is None:
        return f"?({_sign(feedback)})" if feedback is not None else "?"
    return f"{_sign(judged)}({_sign(feedback)})" if feedback is not None and feedback != judged else _sign(judged)


def _sign(passed: bool | None) -> str:
    return "✓" if passed else "✗"


def _words(verdict: Verdict | None) -> str:
    return "none" if verdict is None else "passed" if verdict.passed else f"failed ({verdict.score:.2f})"


def _passed(verdict: Verdict | None) -> bool | None:
    return None if verdict is None else verdict.passed


def _tokens(graded: Graded) -> int:
    return graded.attempt.completion.usage.tokens if graded.attempt.completion else 0
