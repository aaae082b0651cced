from __future__ import annotations

import signal
import threading

import pytest

from reflexa.cli.runs.interrupts import announced_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_announced_and_the_next_is_pythons_own(
    capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with announced_interrupts():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
    assert signal.getsignal(number) == before
    assert capfd.readouterr().err.count("stopping: calls under way") == 1


def test_a_signal_that_was_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with announced_interrupts():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_threads_have_no_signals_to_announce() -> None:
    entered = threading.Event()

    def enter() -> None:
        with announced_interrupts():
            entered.set()

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered.is_set()
