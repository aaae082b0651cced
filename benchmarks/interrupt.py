"""R2: how long a run takes to end after Ctrl-C, with calls under way that never end, and whether a child is left.

    python benchmarks/interrupt.py [--repeats 3]

One Ctrl-C must end it within 5 seconds, a second one within 1; both with exit code 130.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reflexa.models import registry
from reflexa.models.options import PolicyOptions
from reflexa.protocols import Policy
from reflexa.types import Completion, Message, Sampling
from tests.cli.support import descendants, is_running

LIMITS = {1: 5.0, 2: 1.0}
"""Seconds from the last press, by the number of presses."""


SETTLING = 0.2
"""Seconds that the system gets to clear away what was ended, before children are counted."""


class HangingPolicy:
    """Never answers, and says on stdout that it was asked."""

    name = "hanging"

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        os.write(1, b"asked\n")
        time.sleep(3600)
        raise AssertionError("nobody waits so long")

    def close(self) -> None:
        """Hangs too, as a model does whose calls are under way."""
        time.sleep(3600)


def measure(presses: int) -> tuple[float, int, int]:
    """Seconds from the last press to the end, the exit code, and how many children are left."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--task", "humaneval", "--model", "hanging:on", "--database", str(Path(folder) / "runs.db")]
        command = [sys.executable, __file__, "--child", "run", *arguments, "--concurrency", "4"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("the run did not start")
            children = descendants(process.pid)
            pressed = 0.0
            for _ in range(presses):
                pressed = time.monotonic()
                os.killpg(process.pid, signal.SIGINT)
                time.sleep(0.2)
            code = process.wait(60)
            seconds = time.monotonic() - pressed
            time.sleep(SETTLING)
        return seconds, code, sum(is_running(pid) for pid in children)


def _child() -> None:
    def open_hanging(rest: str, options: PolicyOptions) -> Policy:
        return HangingPolicy()

    registry._OPENERS["hanging"] = open_hanging
    from reflexa.cli.main import main

    sys.argv[1:] = sys.argv[2:]
    main()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    kept = True
    for presses, limit in LIMITS.items():
        results = [measure(presses) for _ in range(asked.repeats)]
        slowest = max(seconds for seconds, _, _ in results)
        codes, left = {code for _, code, _ in results}, max(children for _, _, children in results)
        kept = kept and slowest <= limit and codes == {130} and left == 0
        print(f"{presses} x Ctrl-C: at most {slowest:.2f} s (of {limit:g}), exit codes {codes}, children left {left}")
    return 0 if kept else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child()
    else:
        sys.exit(main())
