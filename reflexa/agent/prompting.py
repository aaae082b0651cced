"""The agent's prompts: its templates, and where in a task's messages they go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reflexa.prompting import NOTES, PIECE_LIMIT, Templates, bounded, fenced, inert, task_text
from reflexa.types import Message

__all__ = [
    "PIECE_LIMIT",
    "bounded",
    "fenced",
    "inert",
    "last_user_text",
    "render",
    "task_text",
    "with_last_user_message",
    "with_notes",
]

_TEMPLATES = Templates(Path(__file__).parent / "prompts")


def render(template: str, **values: Any) -> str:
    """Fills ``prompts/TEMPLATE.md.j2``. Values are data: they are never read as templates."""
    return _TEMPLATES.render(template, **values)


def with_last_user_message(messages: Sequence[Message], content: str) -> tuple[Message, ...]:
    """The messages with the last one of the user's replaced."""
    last = max((i for i, message in enumerate(messages) if message.role == "user"), default=len(messages) - 1)
    return (*messages[:last], Message(role="user", content=content), *messages[last + 1 :])


def last_user_text(messages: Sequence[Message]) -> str:
    """The words of the user's last message: what ``with_last_user_message`` replaces."""
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def with_notes(messages: Sequence[Message], notes: Sequence[str]) -> tuple[Message, ...]:
    """The messages with lessons from other tasks before the last one of the user's, as fenced data."""
    if not notes:
        return tuple(messages)
    return with_last_user_message(
        messages, render("lessons", heading=NOTES, lessons=notes, task=last_user_text(messages))
    )
