from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from reflexa.memory.sharing.processes import is_gone, this_process

SLEEPER = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def test_this_process_is_not_gone() -> None:
    assert this_process().pid == os.getpid()
    assert this_process() == this_process()
    assert not is_gone(this_process())


def test_another_process_is_gone_when_it_has_ended() -> None:
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as other:
        it = replace(this_process(), pid=other.pid, started=_started(other.pid))
        assert not is_gone(it)
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
        assert is_gone(it)
    assert is_gone(it)


def test_a_pid_given_to_another_process_does_not_deceive() -> None:
    assert is_gone(replace(this_process(), started="long ago"))


def test_no_process_outlives_a_boot_of_its_host() -> None:
    assert is_gone(replace(this_process(), boot="an earlier one"))


def test_nothing_is_known_of_another_host() -> None:
    assert not is_gone(replace(this_process(), host="elsewhere", boot="another", pid=1, started="long ago"))


def _started(pid: int) -> str:
    code = f"import os; from reflexa.memory.sharing import processes; print(processes._started({pid}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
