"""Evaluators of mathematical expressions: killable processes, few and shared by all threads.

Most expressions take milliseconds; a hostile one takes for ever. So there are two lanes. A request first gets an
evaluator of the quick lane for a fraction of a CPU-second; what is not done by then begins again in the slow lane,
with its whole budget, where only requests like it wait. Budgets are CPU-seconds of the evaluator's own process: a busy
machine fails no answer.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reflexa.errors import SandboxError, TransientVerifierError, VerifierError
from reflexa.sandbox.deadline import Deadline, OutOfTimeError
from reflexa.sandbox.wire import receive_frame, send
from reflexa.verifiers.math_worker import COMMAND
from reflexa.verifiers.workers import START_SECONDS, Pool, Program, Worker

_WALL_FACTOR = 40.0
"""Wall-clock seconds per CPU-second of budget after which an evaluator is taken for broken."""
_END_SECONDS = 5.0
_OWN_FAULT = frozenset({signal.SIGPROF, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE})
"""What an evaluator dies of because of what it was given, rather than because somebody ended it."""


@dataclass(frozen=True)
class Rules:
    """When two expressions are equal: rounded to so many ``decimals`` where one is a decimal number.

    Not ``strict``: names of variables do not matter. ``relations``: an interval as the reference may be answered by
    an inequality. Not ``plain``: numbers outside LaTeX are not read.
    """

    decimals: int = 6
    strict: bool = True
    relations: bool = False
    plain: bool = True


@dataclass(frozen=True)
class Budget:
    """What evaluating may take: CPU-seconds per request, bytes per evaluator, evaluators per lane."""

    seconds: float = 3.0
    quick_seconds: float = 0.15
    memory_bytes: int = 2 << 30
    quick: int = 2
    slow: int = 2


@dataclass(frozen=True)
class Reading:
    """What a candidate was read as (empty where nothing could be read), and whether it equals the reference."""

    shown: str
    correct: bool


class OutOfBudgetError(Exception):
    """The candidates could not be evaluated within the budget."""


class _DiedError(Exception):
    """An evaluator ended while it worked; ``judging`` is false where it had not got past the reference."""

    def __init__(self, number: int, judging: bool) -> None:
        super().__init__(number)
        self.number, self.judging = number, judging


class MathPool:
    """Starts its processes with the first request. ``compare`` may be called from any thread, until ``close``."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._nursery: _Nursery | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._quick = Pool(self._evaluator, self.budget.quick)
        self._slow = Pool(self._evaluator, self.budget.slow)

    def compare(self, reference: Sequence[str], candidates: Sequence[str], rules: Rules) -> list[Reading]:
        """Reads each candidate and compares it with the reference's alternatives, of which any will do.

        Raises ``OutOfBudgetError`` where the candidates use up the budget, ``VerifierError`` where the reference
        cannot be read, and ``TransientVerifierError`` where the processes break.
        """
        request = {"reference": list(reference), "candidates": list(candidates), "rules": asdict(rules)}
        with contextlib.suppress(_DiedError):
            return _asked(self._quick, request, min(self.budget.quick_seconds, self.budget.seconds))
        try:
            return _asked(self._slow, request, self.budget.seconds)
        except _DiedError as death:
            if death.number not in _OWN_FAULT:
                raise TransientVerifierError(f"an evaluator of expressions ended (signal {death.number})") from None
            if not death.judging:
                took = f"cannot be evaluated in {self.budget.seconds:g} CPU-seconds"
                raise VerifierError(f"the reference answer {_shown(reference)} {took}") from None
            raise OutOfBudgetError from None

    def close(self) -> None:
        """Ends all processes. Requests that are under way end with ``TransientVerifierError``."""
        with self._lock:
            self._closed = True
            if self._nursery is not None:
                self._nursery.end(_END_SECONDS)
        self._quick.close()
        self._slow.close()

    def _evaluator(self) -> _Evaluator:
        with self._lock:
            if self._closed:
                raise TransientVerifierError("the evaluators of expressions have been closed")
            if self._nursery is None or not self._nursery.alive:
                if self._nursery is not None:
                    self._nursery.end()
                self._nursery = _Nursery(self.budget.memory_bytes)
            nursery = self._nursery
        return _Evaluator(nursery)


def _asked(lane: Pool[_Evaluator], request: dict[str, Any], seconds: float) -> list[Reading]:
    with lane.lent() as evaluator:
        readings = evaluator.ask({**request, "seconds": seconds}, seconds * _WALL_FACTOR)
    if readings is None:
        raise VerifierError(f"the reference answer {_shown(request['reference'])} cannot be read as mathematics")
    return readings


def _shown(reference: Sequence[str]) -> str:
    return repr(" or ".join(reference)[:200])


class _Nursery(Worker):
    """The process that has math-verify imported and forks evaluators."""

    def __init__(self, memory_bytes: int) -> None:
        super().__init__(Program("the worker for expressions", "reflexa.verifiers.math_worker", (memory_bytes,)))
        self._orders = threading.Lock()

    def start(self, channel: socket.socket) -> int:
        """Forks an evaluator that serves the socket, and returns its process id."""
        return self._order(b"S", 0, [channel.fileno()])

    def finish(self, pid: int) -> int:
        """Ends an evaluator and returns the signal that it had died of, or 0."""
        try:
            return self._order(b"E", pid, [])
        except TransientVerifierError:
            return int(signal.SIGKILL)

    def _order(self, order: bytes, pid: int, descriptors: list[int]) -> int:
        with self._orders:
            try:
                socket.send_fds(self._connection, [COMMAND.pack(order, pid)], descriptors)
            except OSError as error:
                raise TransientVerifierError(f"the worker for expressions is gone: {error}") from error
            return int(self._receive(START_SECONDS)["done"])


class _Evaluator:
    """One forked process behind a socket; asked by one thread at a time."""

    def __init__(self, nursery: _Nursery) -> None:
        self._nursery = nursery
        self._channel, theirs = socket.socketpair()
        try:
            with theirs:
                self._pid = nursery.start(theirs)
        except BaseException:
            self._channel.close()
            raise

    @property
    def alive(self) -> bool:
        return self._pid != 0

    def ask(self, request: dict[str, Any], wall_seconds: float) -> list[Reading] | None:
        """The readings, or None where the reference has none.

        Raises ``_DiedError`` where it ended, or did not answer in time and was ended.
        """
        deadline = Deadline(wall_seconds)
        first = answer = None
        with contextlib.suppress(OutOfTimeError, SandboxError):
            send(self._channel, request, deadline)
            first = receive_frame(self._channel, deadline)
            answer = receive_frame(self._channel, deadline)
        if first is None or answer is None:
            raise _DiedError(self.end(), judging=first is not None)
        if answer["last"]:
            self.end()
        readings = [Reading(each["shown"], each["correct"]) for each in answer["readings"]]
        return readings if first["readable"] else None

    def end(self) -> int:
        """Ends the process and returns the signal that it had died of, or 0. Safe to call twice."""
        self._channel.close()
        pid, self._pid = self._pid, 0
        return self._nursery.finish(pid) if pid else 0
