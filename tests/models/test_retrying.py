from __future__ import annotations

import threading
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.errors import AuthenticationError, PolicyError, TransientPolicyError
from reflexa.models.retrying import Backoff, RetryLoop, retry_after_seconds

FAST = Backoff(first=0.001, most=0.002)
NOW = 1_800_000_000.0


@given(st.integers(1, 10_000), st.floats(0.01, 10), st.floats(0.01, 100))
def test_a_wait_stays_between_zero_and_its_doubling_ceiling(failures: int, first: float, most: float) -> None:
    wait = Backoff(first=first, most=most).wait(failures)
    assert 0 <= wait <= most
    assert wait <= first * 2.0 ** min(failures - 1, 100)


def test_waits_are_spread_over_the_whole_range() -> None:
    backoff = Backoff(first=1.0, most=8.0)
    waits = [backoff.wait(4) for _ in range(400)]
    assert min(waits) < 2.0
    assert max(waits) > 6.0


class Flaky:
    """Fails with each error in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls: list[float] = []

    def __call__(self, end: float) -> str:
        self.calls.append(end)
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_the_answer_is_returned_after_transient_errors() -> None:
    call = Flaky(TransientPolicyError("one"), TransientPolicyError("two"))
    before = time.monotonic()
    assert RetryLoop(max_tries=3, deadline=30, backoff=FAST).run(call, threading.Event()) == "done"
    assert len(call.calls) == 3
    assert len(set(call.calls)) == 1, "all tries share one deadline"
    assert before + 30 <= call.calls[0] <= time.monotonic() + 30


def test_a_permanent_error_passes_through_at_once() -> None:
    call = Flaky(AuthenticationError("no"))
    with pytest.raises(AuthenticationError, match=r"^no$"):
        RetryLoop(max_tries=3, deadline=30, backoff=FAST).run(call, threading.Event())
    assert len(call.calls) == 1


def test_giving_up_says_how_often_and_what_last() -> None:
    call = Flaky(TransientPolicyError("one"), TransientPolicyError("two"), TransientPolicyError("three"))
    with pytest.raises(PolicyError, match=r"^two \(after 2 tries in ") as caught:
        RetryLoop(max_tries=2, deadline=30, backoff=FAST).run(call, threading.Event())
    assert not isinstance(caught.value, TransientPolicyError)


def test_a_wish_past_the_deadline_is_not_waited_for() -> None:
    call = Flaky(TransientPolicyError("busy", retry_after=31.0))
    with pytest.raises(PolicyError, match="asks to wait 31 s"):
        RetryLoop(max_tries=3, deadline=30, backoff=FAST).run(call, threading.Event())
    assert len(call.calls) == 1


def test_a_wish_is_never_cut_short() -> None:
    call = Flaky(TransientPolicyError("busy", retry_after=0.2))
    started = time.monotonic()
    RetryLoop(max_tries=3, deadline=30, backoff=FAST).run(call, threading.Event())
    assert time.monotonic() - started >= 0.2


def test_cancelling_ends_the_loop() -> None:
    cancelled = threading.Event()
    cancelled.set()
    call = Flaky(TransientPolicyError("busy", retry_after=20.0), TransientPolicyError("again"))
    with pytest.raises(PolicyError, match="busy"):
        RetryLoop(max_tries=3, deadline=30, backoff=FAST).run(call, cancelled)
    assert len(call.calls) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.25", 0.25),
        ("-3", 0.0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW + 90), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("Fri, 15 Jan 2027 08:01:30 -0000", 90.0),
        ("Fri, 32 Jan 2027 08:01:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_no_header_breaks_the_reading(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or seconds >= 0
