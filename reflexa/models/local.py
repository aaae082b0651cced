"""Checkpoints with transformers, in this process, on a CPU or one GPU.

Calls from all threads meet in one scheduler: it takes the rows that wait, up to ``slots`` of them, and generates them
as one padded batch, each with its own sampling settings and its own random generator. Plain and correct; a batch ends
when its last row does.

A seed fixes the draws. The text repeats exactly where the batches are the same too, as with one call under way at a
time: padding changes sums in their last digits, and a near tie may then fall the other way.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from reflexa.errors import ContextOverflowError, MissingExtraError, PolicyError
from reflexa.models.options import PolicyOptions
from reflexa.types import Completion, Message, Sampling

if TYPE_CHECKING:
    from reflexa.models.local_engine import LocalEngine, Row

_GATHER_SECONDS = 0.005
"""How long the scheduler waits for more rows once it has one: threads that start together then share a batch."""


class LocalPolicy:
    """A checkpoint folder or a repository of the hub (safetensors only; no code of the repository is run).

    Raises ``MissingExtraError`` without torch and transformers, ``PolicyError`` where the model cannot be loaded.
    """

    def __init__(self, where: str, options: PolicyOptions | None = None) -> None:
        settings = options or PolicyOptions()
        try:
            from reflexa.models.local_engine import LocalEngine
        except ModuleNotFoundError as error:
            raise MissingExtraError("running checkpoints with transformers", "train") from error
        self.name = f"hf:{where}"
        self._engine: LocalEngine | None = LocalEngine(where, settings.context, settings.threads)
        self.context = self._engine.context
        self._slots = settings.slots
        self._waiting: deque[Row] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._scheduler = threading.Thread(target=self._serve, args=(self._engine,), name="local", daemon=True)
        self._scheduler.start()

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """Draws ``n`` completions, each with the prompt computed and counted for itself.

        Sample ``i`` is drawn with ``seed + i``. Log-probabilities are the model's own, at temperature 1, whatever
        temperature the tokens were drawn at. Raises ``ContextOverflowError`` where the prompt does not fit.
        """
        engine = self._engine
        if engine is None:
            raise PolicyError(f"{self.name} is closed: open it again")
        prompt = engine.encode(messages)
        if len(prompt) >= self.context:
            raise ContextOverflowError(
                f"the messages have {len(prompt)} tokens and the model's context holds {self.context}, the answer "
                "included: shorten them, keep fewer reflections, or open the model with a larger context"
            )
        rows = [engine.row(prompt, sampling, index) for index in range(n)]
        self._enqueue(rows)
        try:
            return [row.answer.result() for row in rows]
        except CancelledError as error:
            raise PolicyError(f"{self.name} was closed while it was answering") from error
        finally:
            for row in rows:
                row.cancelled.set()

    def close(self) -> None:
        """Cancels what is under way and frees the model."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._scheduler.join()
        self._engine = None

    def _enqueue(self, rows: Sequence[Row]) -> None:
        with self._changed:
            if self._closing.is_set():
                raise PolicyError(f"{self.name} is closed: open it again")
            self._waiting.extend(rows)
            self._changed.notify_all()

    def _serve(self, engine: LocalEngine) -> None:
        while batch := self._next_batch():
            try:
                engine.run(batch, self._closing)
            except Exception as error:
                _fail(batch, PolicyError(f"{self.name} broke while generating: {type(error).__name__}: {error}"))
        with self._changed:
            for row in self._waiting:
                row.answer.cancel()
            self._waiting.clear()

    def _next_batch(self) -> list[Row]:
        """The rows to generate next, at most ``slots``; empty when the policy is being closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            if len(self._waiting) < self._slots:
                self._changed.wait_for(self._is_full, timeout=_GATHER_SECONDS)
            if self._closing.is_set():
                return []
            return [self._waiting.popleft() for _ in range(min(self._slots, len(self._waiting)))]

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._slots or self._closing.is_set()


def _fail(rows: Sequence[Row], error: PolicyError) -> None:
    for row in rows:
        if not row.answer.done():
            row.answer.set_exception(error)
