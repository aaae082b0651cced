"""Samples of many turns: the policy speaks, an environment answers, and the policy goes on from the very tokens."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition

from reflexa.models.local.encoding import Encoder, Tokens
from reflexa.models.local.sampling import Sample
from reflexa.training.online.conversation import between
from reflexa.training.online.rollouts import Answer, OnlinePrompt, Segment

Go = Callable[[Sequence[Tokens], int], list[Sample]]
"""Samples one turn after each of the given tokens; the number tells which turn it is, from 1."""


class DialogueOverError(Exception):
    """Raised in a player whose run has stopped for another reason: it should let this pass."""


@dataclass(eq=False)
class Dialogue:
    """One sample of a prompt, while it is played. ``text`` is what the policy said last.

    ``tokens`` are the prompt's; ``segments`` what followed it so far.
    """

    prompt: OnlinePrompt
    sample: int
    tokens: Tokens
    text: str
    finished: bool
    segments: list[Segment]
    desk: Desk = field(repr=False)
    observation: str | None = None
    over: bool = False

    def continue_with(self, observation: str) -> str | None:
        """Tells the policy what happened, and returns what it says then; None where no further turn fits."""
        return self.desk.next_turn(self, observation)

    @property
    def answer(self) -> Answer:
        """The last thing said, with all tokens of the policy counted, as a reward would see it."""
        spoken = sum(len(segment.tokens) for segment in self.segments if segment.own)
        return Answer(self.prompt, self.text, spoken, self.finished, self.sample)

    @property
    def so_far(self) -> Tokens:
        """The prompt's tokens and all that followed."""
        return self.tokens + array("i", (token for segment in self.segments for token in segment.tokens))


Play = Callable[[Dialogue], float | Mapping[str, float]]


@dataclass(frozen=True)
class Played:
    """A reward that is played for: ``play`` is called on a thread of its own for every sample, after its first turn,
    and returns what the whole was worth. At most ``turns`` turns of the policy.

    ``play`` must not wait for other samples: all that go on speak their next turn together.
    """

    play: Play
    turns: int = 30


class Desk:
    """Where dialogues wait for their next turns, so that these are sampled together and always in the same order."""

    def __init__(self, encoder: Encoder, room: int, turns: int, said: Callable[[Sequence[int]], str]) -> None:
        self._encoder, self._room, self._turns, self._said = encoder, room, turns, said
        self._changed = Condition()
        self._closed = False
        self._failure: BaseException | None = None

    def play(self, dialogues: Sequence[Dialogue], play: Play, go: Go) -> list[Mapping[str, float] | float]:
        """Plays all to their ends. Raises what the first player that failed raised."""
        with ThreadPoolExecutor(max(1, len(dialogues)), thread_name_prefix="play") as pool:
            ends = [pool.submit(self._played, dialogue, play) for dialogue in dialogues]
            try:
                turn = 0
                while waiting := self._waiting(dialogues):
                    turn += 1
                    self._answer(waiting, go([dialogue.so_far for dialogue in waiting], turn))
            finally:
                with self._changed:
                    self._closed = True
                    self._changed.notify_all()
            # A failure ends the others' dialogues too: what they raise then is none of theirs.
            if self._failure is not None:
                raise self._failure
            return [end.result() for end in ends]

    def next_turn(self, dialogue: Dialogue, observation: str) -> str | None:
        """See ``Dialogue.continue_with``."""
        bridge = between(self._encoder, dialogue.prompt.prompt, dialogue.segments[-1].tokens, observation)
        spoken = sum(segment.own for segment in dialogue.segments)
        if spoken >= self._turns or len(dialogue.so_far) + len(bridge) > self._room:
            return None
        with self._changed:
            dialogue.segments.append(Segment(tuple(bridge), None))
            dialogue.observation = observation
            self._changed.notify_all()
            self._changed.wait_for(lambda: dialogue.observation is None or self._closed)
            if dialogue.observation is not None:
                raise DialogueOverError(f"the dialogue of prompt {dialogue.prompt.id} was ended")
        return dialogue.text

    def _played(self, dialogue: Dialogue, play: Play) -> float | Mapping[str, float]:
        try:
            return play(dialogue)
        except BaseException as error:
            with self._changed:
                self._failure = self._failure or error
            raise
        finally:
            with self._changed:
                dialogue.over = True
                self._changed.notify_all()

    def _waiting(self, dialogues: Sequence[Dialogue]) -> list[Dialogue]:
        """Those that wait for a turn, once every other one is over; none where a player failed."""
        with self._changed:
            self._changed.wait_for(lambda: all(one.over or one.observation is not None for one in dialogues))
            waits = self._failure is None
            return [one for one in dialogues if waits and one.observation is not None and not one.over]

    def _answer(self, waiting: Sequence[Dialogue], drawn: Sequence[Sample]) -> None:
        with self._changed:
            for dialogue, sample in zip(waiting, drawn, strict=True):
                dialogue.segments.append(Segment(sample.tokens, sample.logprobs))
                dialogue.text, dialogue.finished = self._said(sample.tokens), sample.finished
                dialogue.observation = None
            self._changed.notify_all()
