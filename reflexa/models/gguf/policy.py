"""GGUF models on llama.cpp, in this process, through xllamacpp.

Calls from all threads meet in llama.cpp's slots and are decoded as one batch. The prompt is rendered here, not by
llama.cpp, so that no message can bring control tokens along (see ``reflexa.models.chat``).

A seed fixes the draws. The text repeats exactly where the batches are the same too, as with one call under way at a
time: llama.cpp's sums depend on how many rows stand in a batch, and a near tie may then fall the other way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from reflexa.errors import PolicyError
from reflexa.models.chat import ChatFormat
from reflexa.models.gguf.engine import completions_from, start_engine
from reflexa.models.gguf.header import GgufHeader, TokenType, read_header
from reflexa.models.options import PolicyOptions
from reflexa.types import Completion, Message, Sampling

_RANDOM_SEED = 2**32 - 1
"""llama.cpp's seed for "choose one"."""

Prompt = str | list[str | int]
"""What llama.cpp takes: text, or texts with the ids of tokens between which it cannot look."""


class GgufPolicy:
    """One GGUF file. Raises ``PolicyError`` where it cannot be loaded, ``MissingExtraError`` without xllamacpp."""

    def __init__(self, path: Path, options: PolicyOptions | None = None, name: str | None = None) -> None:
        self._options = options or PolicyOptions()
        self.name = name or f"gguf:{path}"
        self._header = read_header(path)
        self.context = min(self._options.context, self._header.context_length or self._options.context)
        self._check_memory(path)
        self._chat = _chat_format(self._header)
        self._openings = _control_tokens(self._header)
        self._closing = Event()
        self._engine: Any = start_engine(path, self._options.slots, self.context, self._options.threads)
        self._calls = ThreadPoolExecutor(self._options.slots, thread_name_prefix="gguf")

    @property
    def kv_bytes(self) -> int:
        """Bytes that keys and values of all slots take, allocated once at the start."""
        return self._header.kv_bytes_per_token * self.context * self._options.slots

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """Draws ``n`` completions; the prompt is computed, and counted, once per group of at most ``slots``.

        Sample ``i`` is drawn with ``seed + i``. Log-probabilities are the model's own, at temperature 1; None where
        llama.cpp does not report every token. Raises ``ContextOverflowError`` where the prompt does not fit a slot.
        """
        prompt = self._prompt(messages)
        width = 1 if sampling.logprobs else self._options.slots
        cancelled = Event()
        try:
            futures = [
                self._submit(self._request(prompt, sampling, start, min(width, n - start)), cancelled)
                for start in range(0, n, width)
            ]
            return [completion for future in futures for completion in future.result()]
        except CancelledError as error:
            raise PolicyError(f"{self.name} was closed while it was answering") from error
        finally:
            cancelled.set()

    def close(self) -> None:
        """Cancels what is under way and frees the model; calls that ask for log-probabilities are waited for."""
        self._closing.set()
        self._calls.shutdown(wait=True, cancel_futures=True)
        self._engine = None

    def _submit(self, request: dict[str, Any], cancelled: Event) -> Future[list[Completion]]:
        try:
            return self._calls.submit(self._answer, request, cancelled)
        except RuntimeError as error:
            raise PolicyError(f"{self.name} is closed: open it again") from error

    def _answer(self, request: dict[str, Any], cancelled: Event) -> list[Completion]:
        """Runs on a worker thread, so that the caller's thread stays open to Ctrl-C while llama.cpp computes."""
        chunks: list[dict[str, Any]] = []

        def receive(chunk: dict[str, Any]) -> bool:
            chunks.append(chunk)
            return cancelled.is_set() or self._closing.is_set()

        if receive({}):
            raise CancelledError
        if request["stream"]:
            self._engine.handle_completions(request, receive)
        else:
            chunks.append(self._engine.handle_completions(request))
        completions = completions_from(chunks, request["n"])
        if completions is None:
            raise CancelledError
        return completions

    def _prompt(self, messages: Sequence[Message]) -> Prompt:
        pieces = self._chat.render(messages)
        prompt: list[str | int] = []
        for piece in pieces[:-1]:
            prompt += [piece[:-1], self._spelled(piece[-1])]
        prompt.append(pieces[-1])
        head = str(prompt[0])
        # Given as an id, the control token that opens the prompt gets no second "begin of text" before it.
        opening = next((token for token in self._openings if head.startswith(self._header.tokens[token])), None)
        if opening is not None:
            prompt[:1] = [opening, head.removeprefix(self._header.tokens[opening])]
        return prompt if len(prompt) > 1 else head

    def _spelled(self, character: str) -> int:
        """The ordinary token for the first character of a control token's text that stands in a message."""
        try:
            return self._header.tokens.index(character)
        except ValueError as error:
            raise PolicyError(
                f"{self.name}: a message contains the text of a control token that begins with {character!r}, which "
                "the model's vocabulary cannot spell otherwise: take it out of the message"
            ) from error

    def _request(self, prompt: Prompt, sampling: Sampling, start: int, count: int) -> dict[str, Any]:
        greedy = sampling.temperature == 0
        return {
            "prompt": prompt,
            "n": count,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "samplers": ["top_k"] if greedy else ["temperature", "top_p"],
            "top_k": int(greedy),
            "top_p": sampling.top_p,
            "seed": _RANDOM_SEED if sampling.seed is None else (sampling.seed + start) % _RANDOM_SEED,
            "stop": [text for text in (*sampling.stop, *self._chat.stops) if text],
            "stream": not sampling.logprobs,
            "return_progress": not sampling.logprobs,
            "logprobs": 1 if sampling.logprobs else None,
        }

    def _check_memory(self, path: Path) -> None:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        needed = path.stat().st_size + self.kv_bytes
        if needed > physical:
            raise PolicyError(
                f"{self.name} with {self._options.slots} slots of {self.context} tokens needs {needed / 1e9:.1f} GB "
                f"and this machine has {physical / 1e9:.1f}: ask for fewer slots, a smaller context or a smaller model"
            )


def _chat_format(header: GgufHeader) -> ChatFormat:
    always = (TokenType.UNKNOWN, TokenType.CONTROL)
    specials = [
        text
        for text, kind in zip(header.tokens, header.token_types, strict=False)
        if kind in always or (kind == TokenType.USER_DEFINED and _marks_structure(text, header.template or ""))
    ]
    return ChatFormat(header.template, specials, header.token_text(header.bos), header.token_text(header.eos))


def _marks_structure(text: str, template: str) -> bool:
    """Whether a user-defined token is more than ordinary text, as runs of spaces and HTML tags are."""
    return not text.isspace() and (text in template or text.startswith(("<|", "<\uff5c")))


def _control_tokens(header: GgufHeader) -> tuple[int, ...]:
    """Ids of control tokens, those with the longest texts first."""
    ids = [token for token, kind in enumerate(header.token_types) if kind == TokenType.CONTROL]
    return tuple(sorted(ids, key=lambda token: len(header.token_text(token)), reverse=True))
