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
_TAIL_TOKENS = re.compile(r"(?:</s>|<eos>|<pad>|\s)+\Z")
_FENCE_LINE = re.compile(r"^[ \t>]*(?:[-*+]|\d+[.)])?[ \t]*(`{3,}|~{3,})[^`\n]*$", re.MULTILINE)
_LATE_OPENING = re.compile(r"^([^`\n]*[^`\s>][^`\n]*?)[ \t]*(`{3,}(?:python3?|py)?)[ \t]*$", re.MULTILINE)


def clean(text: str) -> str:
    """The answer alone: no thoughts in tags, no chat tokens, newlines as ``\\n``, at most ``MAX_SOURCE_CHARS``.

    A thought that was never closed may hold the only answer, so that just its tag goes.
    """
    text = text[: 5 * MAX_SOURCE_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    text = _without_thoughts(text)
    text = _HEAD_TOKENS.sub("", text, count=1)
    end = _END_TOKEN.search(text)
    if end is not None:
        text = text[: end.start()] if text[: end.start()].strip() else _END_TOKEN.sub("", text)
    tail = text.rstrip()
    return _TAIL_TOKENS.sub("", text)[:MAX_SOURCE_CHARS] if tail.endswith(">") else text[:MAX_SOURCE_CHARS]


def _without_thoughts(text: str) -> str:
    text = _THOUGHT.sub("", text) if _THOUGHT_END.search(text) else text
    ends = list(_THOUGHT_END.finditer(text))
    if ends:  # the opening tag stood in the prompt
        text = text[ends[-1].end() :]
    return _THOUGHT_START.sub("", text)


def fenced_blocks(text: str) -> tuple[str, ...]:
    """The contents of all fenced blocks in their order, also of blocks within blocks, and of one that never ends.

    Where several fence lines follow each other, all that lies between the first and the last is given too (before
    the others): a docstring may hold a fence of its own.
    """
    text = _own_lines(text)
    found = [block for content in _fences(text) for block in (content, *_inner(content))]
    lines = list(_FENCE_LINE.finditer(text))
    if len(lines) > 2:
        found.insert(0, text[lines[0].end() + 1 : lines[-1].start()])
    return tuple(found[-MAX_BLOCKS:])


def unfenced(text: str) -> str:
    """The text without its fence lines: what an answer is read from when its fences make no sense."""
    return _FENCE_LINE.sub("", _own_lines(text))


def before_first_fence(text: str) -> str:
    """What stands before the first fence line: an answer that continued a block which the prompt had opened."""
    text = _own_lines(text)
    first = _FENCE_LINE.search(text)
    return text[: first.start()] if first else text


def _own_lines(text: str) -> str:
    """Puts fences that end a line of text (``Here it is:```python``) on lines of their own."""
    return _LATE_OPENING.sub(r"\1\n\2", text) if "```" in text else text


def _inner(content: str) -> list[str]:
    return _fences(content) if _FENCE_LINE.search(content) else []


def _fences(text: str) -> list[str]:
    return [token.content for token in _parser().parse(text) if token.type == "fence"]


@cache
def _parser() -> MarkdownIt:
    """Blocks only: inline markup costs time, and indented code or HTML would swallow fences that stand in them."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable(["inline", "code", "html_block", "reference", "heading", "lheading", "hr"])
