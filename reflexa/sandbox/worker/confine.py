"""What a process gives up for good: memory, files, network, other processes."""

from __future__ import annotations

import contextlib
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
_WRITABLE = ("/dev/null",)


class Confinement(NamedTuple):
    """How a zygote is to confine itself. Where ``required`` is false, what the system lacks is left out.

    ``tasks`` counts what the user runs already, as the kernel's bound on processes is one per user.
    """

    readable: tuple[str, ...]
    required: bool
    tasks: int


def confine_zygote(confinement: Confinement) -> None:
    """Gives up everything that neither the zygote nor a child of it needs. Raises ``OSError`` if required."""
    for what, bound in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, _OPEN_FILES)):
        resource.setrlimit(what, (bound, bound))
    if sys.platform != "linux":
        if confinement.required:
            raise OSError(f"{sys.platform} has neither Landlock nor seccomp")
        return
    resource.setrlimit(resource.RLIMIT_MSGQUEUE, (0, 0))
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


def bound_children(memory_bytes: int, processes: int, tasks: int) -> None:
    """Sets what children inherit. Only soft limits, as the next check may have others; children cannot lift them,
    because their system-call filter refuses it."""
    bounds = {resource.RLIMIT_AS: memory_bytes}
    if sys.platform == "linux":
        bounds[resource.RLIMIT_NPROC] = tasks + processes
    for what, bound in bounds.items():
        hard = resource.getrlimit(what)[1]
        soft = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (soft, hard))


class ChildConfinement:
    """Confines children. Made before the fork, so that a child has little left to do."""

    def __init__(self, required: bool) -> None:
        self._required = required
        self._linux = sys.platform == "linux"
        if self._linux:
            self._filters = {receives: seccomp.ChildFilter(this_machine(), receives) for receives in (False, True)}

    def apply(self, receives: bool) -> None:
        """Takes away what only the zygote needs; descriptors may be received where ``receives``.

        Raises ``OSError`` where the kernel refuses and confinement is required.
        """
        if not self._required:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
        if not self._linux:
            return
        try:
            self._filters[receives].install()
        except OSError:
            if self._required:
                raise
