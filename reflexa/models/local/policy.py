"""Checkpoints with transformers, in this process, on a CPU or one GPU.

Calls from all threads meet in one scheduler, which decodes up to ``slots`` rows together, each with its own sampling
settings and its own random numbers. A row enters as soon as a slot is free and leaves as soon as it ends; the samples
of one call share the prompt's keys and values.

A seed fixes the draws. The text repeats exactly where the batches are the same too, as with one call under way at a
time: other rows change sums in their last digits, and a near tie may then fall the other way.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from reflexa.errors import ContextOverflowError, MissingExtraError, PolicyError
from reflexa.models.options import PolicyOptions
from reflexa.types import Completion, Message, Sampling

if TYPE_CHECKING:
    from reflexa.models.local.decoder import Decoder
    from reflexa.models.local.engine import Call, LocalEngine


class LocalPolicy:
    """A checkpoint folder or a repository of the hub (safetensors only; no code of the repository is run).

    Raises ``MissingExtraError`` without torch and transformers, ``PolicyError`` where the model cannot be loaded.
    """

    def __init__(self, where: str, options: PolicyOptions | None = None) -> None:
        settings = options or PolicyOptions()
        try:
            from reflexa.models.local import engine
        except ModuleNotFoundError as error:
            raise MissingExtraError("running checkpoints with transformers", "train") from error
        self.name = f"hf:{where}"
        self._engine: LocalEngine | None = engine.LocalEngine(where, settings.context, settings.threads)
        self.context = self._engine.context
        self._slots = settings.slots
        self._waiting: list[Call] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._scheduler = threading.Thread(target=self._serve, args=(self._engine,), name="local", daemon=True)
        self._scheduler.start()

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """Draws ``n`` completions; the prompt is computed once, and counted with the first.

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
        call = engine.call(prompt, sampling, n)
        self._enqueue(call)
        try:
            return [answer.result() for answer in call.answers.values()]
        except CancelledError as error:
            raise PolicyError(f"{self.name} was closed while it was answering") from error
        finally:
            call.cancelled.set()

    def close(self) -> None:
        """Cancels what is under way and frees the model."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._scheduler.join()
        self._engine = None

    def _enqueue(self, call: Call) -> None:
        with self._changed:
            if self._closing.is_set():
                raise PolicyError(f"{self.name} is closed: open it again")
            self._waiting.append(call)
            self._changed.notify_all()

    def _serve(self, engine: LocalEngine) -> None:
        calls: list[Call] = []
        decoder = engine.decoder(self._slots)
        while not self._closing.is_set():
            try:
                calls = self._admit(decoder, calls)
                self._step(decoder, calls)
            except Exception as error:
                broken = PolicyError(f"{self.name} broke while generating: {type(error).__name__}: {error}")
                for call in calls:
                    call.fail(broken)
                decoder, calls = engine.decoder(self._slots), []
        with self._changed:
            for call in (*calls, *self._waiting):
                call.fail()
            self._waiting.clear()

    def _admit(self, decoder: Decoder, calls: Sequence[Call]) -> list[Call]:
        """The calls under way, with those that have come in the meantime; waits where there would be none."""
        calls = [call for call in calls if not call.settled]
        with self._changed:
            if not calls:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            come, self._waiting = self._waiting, []
        for call in come:
            decoder.add(call.group)
        return [*calls, *come]

    @staticmethod
    def _step(decoder: Decoder, calls: Sequence[Call]) -> None:
        """Gives all rows under way a token, after those that nobody waits for have been dropped."""
        of = {call.group: call for call in calls}
        for call in calls:
            if call.cancelled.is_set():
                decoder.drop(row for row, answer in call.answers.items() if not answer.done())
                call.fail()
        for row in decoder.step():
            of[row.group].settle(row)
