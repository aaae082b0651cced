"""The code blocks of a model's answer, and the answer without what is no answer: thoughts and chat tokens."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from reflexa.tasks.source import MAX_SOURCE_CHARS

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MAX_BLOCKS = 40
"""Of more blocks than this the last ones are read: the answer is seldom before them, and time stays bounded."""

_THOUGHT = re.compile(r"<(think|thinking|thought)>.*?</\1>", re.DOTALL)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought)>")
_THOUGHT_START = re.compile(r"<(?:think|thinking|thought)>")
_END_TOKEN = re.compile(
    r"<\|(?:im_end|endoftext|eot_id|eom_id|end_of_text|end|im_start)\|>|<end_of_turn>|<start_of_turn>"
)
_HEAD_TOKENS = re.compile(
    r"\A\s*(?:<s>|<\|begin_of_text\|>|<\|im_start\|>\s*assistant\b|<\|assistant\|>|<start_of_turn>model\b)\s*?\n?"
)
_TAIL_TOKENS = ("</s>", "<eos>", "<pad>")
_BULLET = re.compile(r"(?:[-*+]|\d{1,3}[.)])[ \t]+")
_OPENINGS = ("```", "```python", "```python3", "```py")


def clean(text: str) -> str:
    """The answer alone: no thoughts in tags, no chat tokens, newlines as ``\\n``, at most ``MAX_SOURCE_CHARS``.

    A thought that was never closed may hold the only answer, so that just its tag goes.
    """
    text = text[: 5 * MAX_SOURCE_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    text = _without_thoughts(text)
    text = _HEAD_TOKENS.sub("", text.lstrip("\n"), count=1)
    end = _END_TOKEN.search(text)
    if end is not None:
        text = text[: end.start()] if text[: end.start()].strip() else _END_TOKEN.sub("", text)
    return _without_tail_tokens(text)[:MAX_SOURCE_CHARS]


def _without_tail_tokens(text: str) -> str:
    tail = text.rstrip()
    while tail.endswith(_TAIL_TOKENS):
        tail = tail[: tail.rindex("<")].rstrip()
        text = tail
    return text


def _without_thoughts(text: str) -> str:
    text = _THOUGHT.sub("", text) if _THOUGHT_END.search(text) else text
    ends = list(_THOUGHT_END.finditer(text))
    if ends:  # the opening tag stood in the prompt
        text = text[ends[-1].end() :]
    return _THOUGHT_START.sub("", text)


def fenced_blocks(text: str) -> tuple[str, ...]:
    """The contents of all fenced blocks in their order, also of blocks within blocks, and of one that never ends.

    Where there are more than two fence lines, all that lies between the first and the last stands before the blocks:
    a docstring may hold a fence of its own.
    """
    lines = _own_lines(text)
    found = [block for content in _fences(lines) for block in (content, *_inner(content))]
    marks = [index for index, line in enumerate(lines) if _is_fence(line)]
    if len(marks) > 2:
        found.insert(0, "\n".join(lines[marks[0] + 1 : marks[-1]]))
    return tuple(found[-MAX_BLOCKS:])


def unfenced(text: str) -> tuple[str, ...]:
    """Readings of an answer whose fences make no sense: what stands before the first, and all but the fence lines.

    The former is an answer that continued a block which the prompt had opened.
    """
    lines = _own_lines(text)
    marks = [index for index, line in enumerate(lines) if _is_fence(line)]
    if not marks:
        return (text,)
    before = "\n".join(lines[: marks[0]])
    return before, "\n".join(line for line in lines if not _is_fence(line))


def _own_lines(text: str) -> list[str]:
    """The lines, with fences that end a line of text (``Here it is:```python``) on lines of their own."""
    lines: list[str] = []
    for line in text.split("\n"):
        opening = next((mark for mark in _OPENINGS if line.rstrip().endswith(mark)), None)
        head = line.rstrip()[: -len(opening)] if opening else ""
        late = "`" not in head and bool(_BULLET.sub("", head.strip(" \t>"), count=1))
        lines += [head, opening] if opening and late else [line]
    return lines


def _is_fence(line: str) -> bool:
    line = line.lstrip(" \t>")
    bullet = _BULLET.match(line)
    line = line[bullet.end() :] if bullet else line
    return line.startswith("~~~") or (line.startswith("```") and "`" not in line.lstrip("`"))


def _inner(content: str) -> list[str]:
    lines = content.split("\n")
    return _fences(lines) if any(_is_fence(line) for line in lines) else []


def _fences(lines: list[str]) -> list[str]:
    return [token.content for token in _parser().parse("\n".join(lines)) if token.type == "fence"]


@cache
def _parser() -> MarkdownIt:
    """Blocks only: inline markup costs time, and indented code or HTML would swallow fences that stand in them."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable(["inline", "code", "html_block", "reference", "heading", "lheading", "hr"])
