"""What Ctrl-C and SIGTERM do while a run is under way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def announced_interrupts() -> Iterator[None]:
    """Says at the first Ctrl-C or SIGTERM that the run is stopping: calls under way may take some seconds to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def announce(number: int, frame: FrameType | None) -> None:
        with suppress(OSError):  # not through sys.stderr, which may be in the midst of a write
            os.write(2, b"\nstopping: calls under way get a few seconds to end; Ctrl-C again stops at once\n")
        for each in before:
            signal.signal(each, signal.default_int_handler)
        raise KeyboardInterrupt

    heeded = (number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN)
    before = {number: signal.signal(number, announce) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
