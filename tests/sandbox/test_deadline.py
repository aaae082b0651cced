"""A check's time, and what is given back of it."""

from __future__ import annotations

import time

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox.deadline import PATIENCE, Deadline, OutOfTimeError


def wait_out(deadline: Deadline) -> None:
    while True:
        time.sleep(deadline.pause())


def spent(deadline: Deadline) -> float:
    """Waits the deadline out; returns the seconds that it took."""
    begun = time.monotonic()
    with pytest.raises(OutOfTimeError):
        wait_out(deadline)
    return time.monotonic() - begun


def test_without_waiting_it_is_the_wall_clocks() -> None:
    assert spent(Deadline(0.05)) >= 0.05
    assert Deadline(5).left() > 4


def test_a_socket_is_waited_for_at_least_a_moment() -> None:
    assert Deadline(0.0).left() > 0


def test_what_was_waited_is_given_back() -> None:
    looks = iter([{1: 7.0}, {1: 7.1, 2: 0.2}])
    last = {1: 7.1, 2: 0.2}
    assert spent(Deadline(0.1, lambda: next(looks, last))) >= 0.1 + 0.1 + 0.2


def test_what_ended_or_had_waited_before_counts_for_nothing() -> None:
    looks = [{1: 7.0, 2: 100.0}, {1: 7.0}]
    assert spent(Deadline(0.05, lambda: looks.pop(0))) >= 0.05
    assert not looks


def test_who_never_gets_a_cpu_is_no_timeout() -> None:
    deadline = Deadline(0.02, lambda: {1: time.monotonic()})
    begun = time.monotonic()
    with pytest.raises(SandboxError, match="the machine has too much to do"):
        wait_out(deadline)
    assert time.monotonic() - begun >= PATIENCE * 0.02
