"""What Linux says of processes that wait for a CPU."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from reflexa.sandbox.waits import waits_of

_CROWD = """
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
children = [os.fork() for _ in range(2)]
while time.process_time() < 0.2: pass
if all(children): print("waited", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not waits_of(os.getpid()), reason="this system does not tell how long processes wait")
def test_processes_that_share_a_cpu_wait_for_it() -> None:
    crowd = subprocess.Popen([sys.executable, "-c", _CROWD], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert crowd.stdout is not None
        assert crowd.stdout.readline() == b"waited\n"
        waits = waits_of(crowd.pid)
        assert crowd.pid in waits
        assert len(waits) == 4
        assert sum(waits.values()) > 0.1
    finally:
        os.killpg(crowd.pid, 9)
        crowd.communicate()


def test_of_a_process_that_ended_nothing_is_known() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert waits_of(ended.pid) == {}
