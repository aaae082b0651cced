"""Fills the prompt templates. Model text, feedback and program output enter only as bounded, fenced values."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.types import Message, Task

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

PIECE_LIMIT = 2048
"""Characters that one untrusted piece may take in a prompt."""

_CUT = "\n… (cut) …\n"
_BACKTICKS = re.compile(r"`{3,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def bounded(text: str, limit: int = PIECE_LIMIT) -> str:
    """The text, or its beginning and end where it is longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    head = (limit - len(_CUT)) * 2 // 3
    return text[:head] + _CUT + text[len(text) - (limit - len(_CUT) - head) :]


def inert(text: str) -> str:
    """The text without what could act: control characters, lone surrogates, and chat templates' role marks."""
    return _CONTROL.sub("�", text).replace("<|", "< |").replace("[INST]", "[ INST]").replace("[/INST]", "[ /INST]")


def fenced(text: str) -> str:
    """An untrusted piece in a fence that nothing within it can close."""
    body = inert(bounded(text.strip()))
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{body}\n{fence}"


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(Path(__file__).parent / "prompts"),
        undefined=StrictUndefined,
        keep_trailing_newline=False,
    )
    environment.filters["fenced"] = fenced
    return environment


def render(template: str, **values: Any) -> str:
    """Fills ``prompts/TEMPLATE.md.j2``. Values are data: they are never read as templates."""
    return _environment().get_template(f"{template}.md.j2").render(**values).strip()


def task_text(task: Task) -> str:
    """The words of the task's user messages."""
    return "\n\n".join(message.content for message in task.prompt if message.role == "user")


def with_last_user_message(task: Task, content: str) -> tuple[Message, ...]:
    """The task's prompt with its last user message replaced."""
    last = max((i for i, message in enumerate(task.prompt) if message.role == "user"), default=len(task.prompt) - 1)
    return (*task.prompt[:last], Message(role="user", content=content), *task.prompt[last + 1 :])


def last_user_text(task: Task) -> str:
    """The words of the task's last user message: what ``with_last_user_message`` replaces."""
    return next((message.content for message in reversed(task.prompt) if message.role == "user"), "")
