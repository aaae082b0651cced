"""Text to tokens for training and for scoring: a prompt exactly as ``reflexa.models.local.engine`` reads it."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from typing import Any, TypeAlias

from reflexa.models.local.engine import chat_format, end_tokens
from reflexa.rows import Text
from reflexa.types import Message

Tokens: TypeAlias = "array[int]"
"""Token ids (``array("i")``)."""
STEP_END = "\n"
"""What ends each step of a solution; the step is judged where it stands."""


class Encoder:
    """A model's tokenizer and chat template.

    Chat messages go through the template, and no text of theirs becomes a control token. Plain text is read as the
    tokenizer reads it, control tokens included. Prompt and answer are encoded apart, because a model that answers
    reads the prompt's tokens as they are; an answer ends with a token that ends a turn.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._chat = chat_format(tokenizer)
        self._ends = end_tokens(model, tokenizer)
        begins = tokenizer("")["input_ids"][:1]
        self.opening: Tokens = _tokens(begins if begins == [tokenizer.bos_token_id] else [])
        """The token that opens a text, for tokenizers that put one."""

    def exchange(self, prompt: Text, answers: Sequence[Text]) -> tuple[Tokens, tuple[Tokens, ...]]:
        """A prompt's tokens, and those of each answer to it."""
        if isinstance(prompt, str):
            plain = [answer if isinstance(answer, str) else _last(answer) for answer in answers]
            return self.opening + _tokens(self._ids(prompt)), tuple(self._ended(self._ids(text)) for text in plain)
        start = _tokens(self._pieces(self._chat.render(prompt)))
        if not self._tokenizer.chat_template:
            return self.opening + start, tuple(self._ended(self._ids(f" {_last(answer)}")) for answer in answers)
        chats = [answer if not isinstance(answer, str) else (_said(answer),) for answer in answers]
        rendered = (self._pieces(self._chat.render_answer(prompt, chat)) for chat in chats)
        return start, tuple(self._ended(self._trimmed(ids)) for ids in rendered)

    def steps(self, prompt: Text, steps: Sequence[str]) -> tuple[Tokens, Tokens, tuple[int, ...]]:
        """A prompt's tokens, those of a solution's steps, and the place of each step's last token among these.

        A plain prompt that ends in a word is closed as a step is, so that the first step does not run on from it.
        """
        closes = isinstance(prompt, str) and not prompt[-1:].isspace()
        start, _ = self.exchange(f"{prompt}{STEP_END}" if closes else prompt, ())
        solution, marks = _tokens(()), []
        for step in steps:
            solution += _tokens(self._ids(step + STEP_END))
            marks.append(len(solution) - 1)
        return start, solution, tuple(marks)

    def text(self, text: str) -> Tokens:
        """Plain text, closed by the token that ends an answer."""
        return self._ended(self._ids(text))

    def ids(self, text: str) -> Tokens:
        """Plain text, neither opened nor closed."""
        return _tokens(self._ids(text))

    @property
    def digest(self) -> str:
        """What this encoding depends on: vocabulary, merges and template."""
        parts = [self._tokenizer.backend_tokenizer.to_str(), self._tokenizer.chat_template or "", sorted(self._ends)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _pieces(self, pieces: Sequence[str]) -> list[int]:
        return [token for piece in pieces for token in self._ids(piece)]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _trimmed(self, ids: list[int]) -> list[int]:
        """Without what a template writes after the end of the turn: a model that answers stops there."""
        last = max((index for index, token in enumerate(ids) if token in self._ends), default=len(ids) - 1)
        return ids[: last + 1] if not self._tokenizer.decode(ids[last + 1 :]).strip() else ids

    def _ended(self, ids: list[int]) -> Tokens:
        end = self._tokenizer.eos_token_id
        return _tokens(ids if end is None or (ids and ids[-1] in self._ends) else [*ids, end])


def _tokens(ids: Sequence[int]) -> Tokens:
    return array("i", ids)


def _last(answer: Text) -> str:
    return answer if isinstance(answer, str) else answer[-1].content


def _said(text: str) -> Message:
    return Message(role="assistant", content=text)
