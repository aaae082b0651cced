"""Which process this is, and whether another one still lives: by pid and start time, on this boot of this host."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """A process, told apart from any later one that is given the same pid.

    ``host`` names the machine and, on Linux, the pid namespace: pids of another container mean nothing here.
    """

    host: str
    boot: str
    pid: int
    started: str


def this_process() -> Identity:
    pid = os.getpid()
    return Identity(host=_host(), boot=_boot(), pid=pid, started=_started(pid) or "")


def is_gone(other: Identity) -> bool:
    """Whether the process is surely dead. A process of another host is never surely dead."""
    if other.host != _host():
        return False
    return other.boot != _boot() or _started(other.pid) != other.started


def _host() -> str:
    try:
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return platform.node()
    return f"{platform.node()} {namespace}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When the process started, in whatever unit the system has; None where there is no such process.

    A zombie has ended: nobody has yet asked how.
    """
    if not Path("/proc/self/stat").exists():
        return _started_by_ps(pid)
    try:
        # The name, in parentheses, may hold anything: the fields are counted from its end.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZX" else started


def _started_by_ps(pid: int) -> str | None:
    """The same where there is no /proc: on macOS."""
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
