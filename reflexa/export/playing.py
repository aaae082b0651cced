"""Rows of attempts that were played in an environment: one for each turn, to the messages that it was answered to."""

from __future__ import annotations

from collections.abc import Iterator

from reflexa.export.candidates import Candidate, lineage
from reflexa.export.made import Made, Making, spoken
from reflexa.prompting import NOTES
from reflexa.rows import SFTRow
from reflexa.types import Call, CallContext, Message


def turns(making: Making, candidate: Candidate) -> Iterator[Made]:
    """Each turn that led to an action, as it was recorded; malformed replies are not for learning."""
    story, attempt = candidate.story, candidate.attempt
    origin = lineage(story.oracle, story.task, candidate)
    for number, step in enumerate(attempt.steps):
        if not step.action:
            continue
        asked = CallContext(task_id=story.task.id, purpose="attempt", attempt=attempt.index, sample=number)
        call = making.find_call(story.run, asked)
        if call is None:
            making.dropped["no recorded prompt"] += 1
            continue
        if call.sampling.tools:  # its prompt asks for calls, which a row of text cannot hold
            making.dropped["native tool calls"] += 1
            continue
        prompt = _without_memory(candidate, call) if making.options.without_memory else call.messages
        if prompt is None:
            making.dropped["no prompt without memory"] += 1
            continue
        if story.quotes_tests(call.completion.text):
            making.dropped["hidden tests"] += 1
            continue
        row = SFTRow(prompt=prompt, completion=spoken(call.completion.text))
        yield Made(row, origin, (-candidate.verdict.score,), story)


def _without_memory(candidate: Candidate, call: Call) -> tuple[Message, ...] | None:
    """The call's messages, begun as the episode's first attempt was, which no lesson had reached; None if one had."""
    opening, first = candidate.attempt.messages, candidate.story.episode.tries[0].attempt
    shown = call.messages[: len(opening)]
    if first.recalled or not opening or not first.messages or len(shown) < len(opening):
        return None
    if any(message.content.startswith(NOTES) for message in first.messages):
        return None
    if not shown[-1].content.startswith(opening[-1].content):
        return None
    note = shown[-1].content.removeprefix(opening[-1].content)
    last = first.messages[-1]
    return (
        *first.messages[:-1],
        last.model_copy(update={"content": last.content + note}),
        *call.messages[len(opening) :],
    )
