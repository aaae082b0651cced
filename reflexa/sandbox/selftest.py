"""Tries the forbidden acts inside a sandbox before it is trusted: fails closed."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from reflexa.errors import SandboxError
from reflexa.sandbox.program import Limits, Outcome, Program
from reflexa.types import Frozen, SandboxLevel

Check = Callable[[Program, Limits | None], Outcome]
_LIMITS = Limits(seconds=20)

ACTS = (
    "file read outside", "file write outside", "TCP", "UDP", "abstract unix socket", "fork", "exec", "ptrace",
    "kill others", "new user namespace", "io_uring", "environment secrets", "kernel settings",
)  # fmt: skip
_WITHIN_A_CONTAINER = {"fork", "exec", "ptrace", "new user namespace", "io_uring"}
"""What an external isolation may allow, as it happens within its own walls."""

_PROBES = """
import ctypes, os

def library():
    return ctypes.CDLL(None, use_errno=True)

def failed(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")

def connect(family, kind, address):
    import _socket
    connection = _socket.socket(family, kind)
    connection.settimeout(2)
    connection.connect(address)
    connection.send(b"x")

def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

def environment(controller):
    if [name for name in os.environ if name not in ("LC_CTYPE", "HOME", "PATH", "HOSTNAME")]:
        return
    with open("/proc/%d/environ" % controller, "rb") as file:
        file.read(1)

def write(path):
    with open(path, "a") as file:
        file.write("x")

def attempt(act, *args):
    try:
        {
            "nothing": lambda: None,
            "file read outside": lambda path: open(path).close(),
            "file write outside": write,
            "TCP": lambda port: connect(2, 1, ("127.0.0.1", port)),
            "UDP": lambda port: connect(2, 2, ("127.0.0.1", port)),
            "abstract unix socket": lambda name: connect(1, 1, name),
            "fork": fork,
            "exec": lambda path: os.execv(path, [path, "-c", ""]),
            "ptrace": lambda: failed(library().ptrace(0, 0, None, None)),
            "kill others": lambda pid: os.kill(pid, 0),
            "new user namespace": lambda: failed(library().unshare(0x10000000)),
            "io_uring": lambda: failed(library().syscall(425, 4, ctypes.create_string_buffer(256))),
            "environment secrets": environment,
            "kernel settings": lambda path: os.close(os.open(path, os.O_WRONLY)),
        }[act](*args)
    except OSError:
        return "stopped"
    return "done"
"""


class Act(Frozen):
    """One forbidden act, and whether the sandbox stops it."""

    name: str
    stopped: bool


class _Bait(NamedTuple):
    """What the probes reach for."""

    readable: str
    writable: str
    tcp_port: int
    udp_port: int
    abstract_name: str


@contextlib.contextmanager
def _bait() -> Iterator[_Bait]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reflexa-bait-")))
        folder.chmod(0o755)
        for name, mode in (("secret", 0o644), ("document", 0o666)):
            (folder / name).write_text("bait")
            (folder / name).chmod(mode)
        tcp = stack.enter_context(socket.socket())
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        abstract = ""
        if sys.platform == "linux":
            abstract = f"\0reflexa-bait-{os.getpid()}-{folder.name}"
            local = stack.enter_context(socket.socket(socket.AF_UNIX))
            local.bind(abstract)
            local.listen()
        yield _Bait(
            str(folder / "secret"), str(folder / "document"), tcp.getsockname()[1], udp.getsockname()[1], abstract
        )


def try_acts(check: Check) -> tuple[Act, ...]:
    """Tries each act inside the sandbox behind ``check``.

    Raises ``SandboxError`` where not even a harmless one works.
    """
    with _bait() as bait:
        args: dict[str, object] = {
            "file read outside": bait.readable,
            "file write outside": bait.writable,
            "TCP": bait.tcp_port,
            "UDP": bait.udp_port,
            "abstract unix socket": bait.abstract_name,
            "exec": sys.executable,
            "kill others": os.getpid(),
            "environment secrets": os.getpid(),
            "kernel settings": "/proc/sys/kernel/core_pattern",
        }
        calls = [(act, (args[act],) if act in args else ()) for act in ACTS]
        cases = ["assert attempt('nothing') == 'done'"]
        cases += [f"assert attempt({act!r}, *{arguments!r}) == 'stopped'" for act, arguments in calls]
        outcome = check(Program(source=_PROBES, entry_point="attempt", cases=tuple(cases)), _LIMITS)
    harmless, *acts = outcome.cases
    if not harmless.passed:
        raise SandboxError(f"a harmless program does not run in it: {harmless.detail}")
    return tuple(Act(name=name, stopped=case.passed) for name, case in zip(ACTS, acts, strict=True))


def require_confined(level: SandboxLevel, check: Check) -> None:
    """Raises ``SandboxError`` where the sandbox does not stop what its level promises to stop."""
    acts = try_acts(check)
    if level == "weak":
        return
    excused = _WITHIN_A_CONTAINER if level == "external" else set()
    open_doors = [act.name for act in acts if not act.stopped and act.name not in excused]
    if open_doors:
        raise SandboxError(f"its self-test could do what must be impossible: {', '.join(open_doors)}")
