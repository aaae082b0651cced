"""What a process gives up for good: memory, files, network, other processes."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable
from typing import NamedTuple

from reflexa.sandbox.worker import landlock, seccomp
from reflexa.sandbox.worker.syscalls import this_machine

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_M_ARENA_MAX = -8
_CAPABILITY_VERSION_3 = 0x20080522
_OPEN_FILES = 64
_SPARE_CPU_SECONDS = 2
_WRITABLE = ("/dev/null",)


class ChildLimits(NamedTuple):
    """What one child may use. ``threads`` counts against all of the user's, so it comes on top of those."""

    seconds: float
    memory_bytes: int
    processes: int


class Confinement(NamedTuple):
    """How a zygote is to confine itself. Where ``required`` is false, what the system lacks is left out."""

    readable: tuple[str, ...]
    required: bool


def confine_zygote(confinement: Confinement) -> None:
    """Gives up everything that neither the zygote nor a child of it needs. Raises ``OSError`` if required."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        if confinement.required:
            raise OSError(f"{sys.platform} has neither Landlock nor seccomp")
        return
    steps: list[Callable[[], None]] = [
        _no_new_privileges,
        lambda: landlock.restrict(confinement.readable, _WRITABLE),
        lambda: seccomp.install(seccomp.base_filter(this_machine())),
    ]
    for step in steps:
        try:
            step()
        except OSError:
            if confinement.required:
                raise


def _no_new_privileges() -> None:
    library = ctypes.CDLL(None, use_errno=True)
    library.mallopt(_M_ARENA_MAX, 1)
    for option, value in ((_PR_SET_NO_NEW_PRIVS, 1), (_PR_SET_DUMPABLE, 0)):
        if library.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl failed")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if library.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def confine_child(limits: ChildLimits, required: bool) -> None:
    """Bounds a forked child and takes away what only the zygote needs. Raises ``OSError`` if required."""
    cpu = int(limits.seconds) + _SPARE_CPU_SECONDS
    bounds = {
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    if sys.platform == "linux":
        bounds[resource.RLIMIT_NPROC] = limits.processes
        bounds[resource.RLIMIT_MSGQUEUE] = 0
        bounds[resource.RLIMIT_MEMLOCK] = 0
    for what, bound in bounds.items():
        _lower(what, bound)
    if sys.platform != "linux":
        return
    try:
        seccomp.install(seccomp.child_filter(this_machine(), os.getpid()))
    except OSError:
        if required:
            raise


def _lower(what: int, bound: int) -> None:
    hard = resource.getrlimit(what)[1]
    bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    try:
        resource.setrlimit(what, (bound, bound))
    except (ValueError, OSError):
        if sys.platform == "linux":
            raise
