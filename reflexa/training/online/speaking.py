"""A policy that speaks: its tokens as text, text as its tokens, and the seconds that it took."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reflexa.errors import UsageError
from reflexa.models.local.encoding import Encoder, Tokens
from reflexa.models.local.engine import end_tokens
from reflexa.training.online.rollouts import OnlinePrompt


@dataclass
class Clock:
    """Seconds of this process: ``sampling`` and, after it, ``verifying``."""

    sampling: float = 0.0
    verifying: float = 0.0


class Speaker:
    """A model's tokens as text, and text as its tokens: where an answer ends and what it says."""

    def __init__(self, model: Any, tokenizer: Any, stop: Sequence[str]) -> None:
        self.encoder = Encoder(model, tokenizer)
        self._tokenizer, self._stop = tokenizer, tuple(stop)
        self.context: int = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2048
        self.ends = end_tokens(model, tokenizer) | self._stopping()

    def prompt(self, prompt: OnlinePrompt) -> Tokens:
        """The prompt's tokens. Raises ``UsageError`` for an empty one."""
        tokens, _ = self.encoder.exchange(prompt.prompt, ())
        if not tokens:
            raise UsageError(f"prompt {prompt.id} is empty: expected at least one token")
        return tokens

    def text(self, tokens: Sequence[int]) -> str:
        """What an answer says, up to a text that stops it."""
        said: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return said[: min((said.find(stop) for stop in self._stop if stop in said), default=len(said))]

    def places(self, tokens: Sequence[int], ends: Sequence[int]) -> list[int]:
        """Which token completes the first so many characters of an answer's text, for each of ``ends``; the last one
        for an end beyond the text.
        """

        def length(count: int) -> int:
            return len(self.text(tokens[:count]))

        return [min(bisect_left(range(1, len(tokens) + 1), end, key=length), len(tokens) - 1) for end in ends]

    def _stopping(self) -> set[int]:
        if not self._stop:
            return set()
        texts = self._tokenizer.batch_decode([[token] for token in range(len(self._tokenizer))])
        return {token for token, text in enumerate(texts) if any(stop in text for stop in self._stop)}
