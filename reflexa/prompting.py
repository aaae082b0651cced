"""Fills prompt templates. Model text, feedback and program output enter only as bounded, fenced values."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.types import Task

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

PIECE_LIMIT = 2048
"""Characters that one untrusted piece may take in a prompt."""

NOTES = "These are notes from other tasks."
"""What a prompt begins with that shows lessons of other tasks."""

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


def fenced(text: str, limit: int = PIECE_LIMIT) -> str:
    """An untrusted piece, of at most ``limit`` characters, in a fence that nothing within it can close."""
    body = inert(bounded(text.strip(), limit))
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{body}\n{fence}"


class Templates:
    """A folder of templates ``NAME.md.j2``. Values are data: they are never read as templates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def render(self, template: str, **values: Any) -> str:
        """Fills a template. A value that it uses and that is not given is an error."""
        return self._environment.get_template(f"{template}.md.j2").render(**values).strip()

    @cached_property
    def _environment(self) -> ImmutableSandboxedEnvironment:
        from jinja2 import FileSystemLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._folder), undefined=StrictUndefined, keep_trailing_newline=False
        )
        environment.filters["fenced"] = fenced
        return environment


def task_text(task: Task) -> str:
    """The words of the task's user messages; of a dialogue, what both sides said, turn by turn."""
    turns = [message for message in task.prompt if message.role != "system"]
    if all(turn.role == "user" for turn in turns):
        return "\n\n".join(turn.content for turn in turns)
    return "\n\n".join(f"{turn.role}: {turn.content}" for turn in turns)
