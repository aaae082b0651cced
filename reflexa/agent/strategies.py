"""What the next attempt sees, and what is written after a failure. One strategy is one small class."""

from __future__ import annotations

import re
from typing import ClassVar

from reflexa.agent.prompting import last_user_text, render, task_text, with_last_user_message
from reflexa.agent.transcript import told
from reflexa.errors import unknown_name
from reflexa.types import Episode, Message, Purpose, Reflection
from reflexa.verifiers import Constitution, Principle, load_constitution, sampled_principle


class Strategy:
    """The base, and the simplest of them: every attempt sees the task alone.

    ``lesson`` is the kind of call made after a failed attempt, if any. A strategy that ``needs_feedback`` ends where
    there is none: another attempt would know no more than the last. ``first_temperature`` keeps the first
    attempt the same under every strategy, so that paired comparisons differ by what follows it alone.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    lesson: ClassVar[Purpose | None] = None
    stops_on_pass: ClassVar[bool] = True
    needs_feedback: ClassVar[bool] = True
    first_temperature: ClassVar[float] = 0.0
    retry_temperature: ClassVar[float] = 0.8

    def limit(self, attempts: int) -> int:
        """How many attempts are allowed, of those asked for."""
        return attempts

    def temperature(self, index: int) -> float:
        return self.first_temperature if index == 0 else self.retry_temperature

    def lesson_where(self, kept: int) -> Purpose | None:
        """The lesson to write where ``kept`` reflections stand in a prompt: none that nobody would read."""
        return self.lesson

    def recalled(self, episode: Episode, kept: int) -> tuple[Reflection, ...]:
        """The reflections that the next attempt's prompt shows."""
        return ()

    def lesson_prompt(self, episode: Episode, kept: int) -> str:
        """What is asked for the lesson of the last attempt, ``kept`` being how many stand in a prompt."""
        last = episode.tries[-1]
        reflect = "reflect" if episode.task.play is None else "reflect_played"
        return render(
            reflect if self.lesson == "reflection" else "critique",
            task=task_text(episode.task),
            attempt=told(last.attempt),
            feedback=last.feedback.feedback if last.feedback else "",
            lessons=[lesson.text for lesson in self.recalled(episode, kept) if lesson.text],
        )

    def prompt(self, episode: Episode, lessons: tuple[Reflection, ...]) -> tuple[Message, ...]:
        """The next attempt's messages."""
        return episode.task.prompt


class Nothing(Strategy):
    name = "none"
    summary = "one attempt"

    def limit(self, attempts: int) -> int:
        return 1


class Retry(Strategy):
    name = "retry"
    summary = "fresh samples until the feedback passes"


class BestOfN(Strategy):
    name = "best-of-n"
    summary = "always all samples; the one with the best feedback is handed in"
    stops_on_pass = False
    needs_feedback = False


class _Informed(Strategy):
    """Shows something of what went before: the last answer, its feedback, lessons."""

    shows_attempt: ClassVar[bool] = False
    shows_feedback: ClassVar[bool] = True

    def prompt(self, episode: Episode, lessons: tuple[Reflection, ...]) -> tuple[Message, ...]:
        last = episode.tries[-1] if episode.tries else None
        words = [lesson.text for lesson in lessons if lesson.text]
        if last is None and not words:
            return episode.task.prompt
        content = render(
            "retry",
            task=last_user_text(episode.task.prompt),
            attempt=told(last.attempt) if last and self.shows_attempt else "",
            feedback=last.feedback.feedback if last and last.feedback and self.shows_feedback else "",
            lessons=words,
        )
        return with_last_user_message(episode.task.prompt, content)


class LastAttempt(_Informed):
    name = "last-attempt"
    summary = "the last answer and its feedback are shown"
    shows_attempt = True


class Reflexion(_Informed):
    name = "reflexion"
    summary = (
        "a reflection in words after each failure; the last ones and the failing check are shown, not the wrong code"
    )
    lesson = "reflection"

    def lesson_where(self, kept: int) -> Purpose | None:
        return self.lesson if kept else None

    def recalled(self, episode: Episode, kept: int) -> tuple[Reflection, ...]:
        return episode.reflections[-kept:] if kept else ()


class LastAttemptReflexion(Reflexion):
    name = "last-attempt+reflexion"
    summary = "the paper's programming procedure: last answer, its feedback, and the reflections"
    shows_attempt = True


class Refine(LastAttempt):
    name = "refine"
    summary = "Self-Refine: the model criticises its answer and revises it; nothing else is kept"
    lesson = "feedback"
    shows_feedback = False

    def recalled(self, episode: Episode, kept: int) -> tuple[Reflection, ...]:
        return episode.reflections[-1:]


class Constitutional(Refine):
    """The supervised phase of constitutional AI (Bai et al. 2022): each round one principle, drawn by seed and task."""

    name = "constitutional"
    summary = "critique and revision by a constitution, a principle a round; it needs no feedback"
    needs_feedback = False

    def __init__(self, constitution: Constitution | None = None, seed: int = 0) -> None:
        self._constitution = constitution or load_constitution()
        self._seed = seed

    def principle(self, episode: Episode) -> Principle:
        """The principle by which the last attempt is criticised, and then revised."""
        return sampled_principle(self._constitution, f"{self._seed} {episode.task.id}", len(episode.tries) - 1)

    def lesson_prompt(self, episode: Episode, kept: int) -> str:
        return render(
            "principle",
            task=task_text(episode.task),
            attempt=told(episode.tries[-1].attempt),
            request=self.principle(episode).critique,
        )

    def prompt(self, episode: Episode, lessons: tuple[Reflection, ...]) -> tuple[Message, ...]:
        if not episode.tries:
            return episode.task.prompt
        last = episode.tries[-1].attempt
        content = render(
            "revise",
            task=last_user_text(episode.task.prompt),
            attempt=told(last),
            critique=next((each.text for each in episode.reflections if each.attempt == last.index), ""),
            request=self.principle(episode).revision,
        )
        return with_last_user_message(episode.task.prompt, content)


STRATEGIES: dict[str, type[Strategy]] = {
    cls.name: cls
    for cls in (Nothing, LastAttempt, Reflexion, LastAttemptReflexion, Retry, BestOfN, Refine, Constitutional)
}


def strategy(name: str) -> Strategy:
    """The strategy of that name. Raises ``UsageError`` with near matches."""
    if name not in STRATEGIES:
        raise unknown_name("strategy", name, STRATEGIES)
    return STRATEGIES[name]()


_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)", re.DOTALL | re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")
_CODE_LINE = re.compile(
    r"^\s*(def |class |return\b|import |from \w+ import|for .*:$|while .*:$|if .*:$|elif .*:$|else:$|assert )"
)


def words_only(text: str, prompt: str = "") -> str:
    """What of a reflection is its own words.

    Code is dropped, for the next attempt would copy it; so is what only repeats the prompt, as small models do.
    """
    prose = _FENCED.sub("", text)
    known = " ".join(prompt.split())
    lines = [
        " ".join(sentence for sentence in _SENTENCE.split(line.strip()) if not _echoes(sentence, known))
        for line in prose.splitlines()
        if not _CODE_LINE.match(line)
    ]
    return "\n".join(line for line in lines if line)


def _echoes(sentence: str, known: str) -> bool:
    flat = " ".join(sentence.split())
    return len(flat) >= 12 and flat in known
