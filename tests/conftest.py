"""What holds for all tests."""

from __future__ import annotations

import signal

# Tests that interrupt programs need programs that can be: what runs in the background of a shell script inherits an
# ignored Ctrl-C, and hands it down to every program that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
