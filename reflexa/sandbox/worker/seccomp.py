"""System-call filters, assembled here so that no library is needed.

Two filters stack, and the kernel takes the stricter answer. ``base_filter`` is loaded once, by the zygote: a
list of what sandboxed Python may call at all. ``child_filter`` is loaded by each child, which differs from the
zygote in that it may not fork, receive descriptors or signal anything but itself.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from reflexa.sandbox.worker.syscalls import Architecture, this_machine

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_X32_BIT = 0x40000000
_SET_MODE_FILTER = 1
_SIZE = struct.calcsize("HBBI")
_SIGKILL = 9
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_O_ACCMODE, _O_TRUNC = 3, 0o1000
# F_SETOWN, F_SETSIG and their kin would let the kernel send signals for the caller, so only harmless commands:
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_IOCTL_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# PR_SET_NAME, PR_GET_NAME, PR_SET_VMA (the C library names its memory)
_PRCTL_COMMANDS = (15, 16, 0x53564D41)
_AF_UNIX = 1

Instruction = tuple[int, int, int, int]
"""One BPF instruction: code, jump if true, jump if false, operand."""


def _return(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _refuse(errno: int = _EPERM) -> Instruction:
    return _return(_ERRNO | errno)


def _load(argument: int, high: bool = False) -> Instruction:
    """Loads one half of an argument. Both architectures are little-endian."""
    return (_LOAD, 0, 0, 16 + 8 * argument + (4 if high else 0))


def _only(argument: int, values: Iterable[int]) -> list[Instruction]:
    """Allows the call where the argument is one of ``values``."""
    body = [_load(argument)]
    for value in values:
        body += [(_JEQ, 0, 1, value), _return(_ALLOW)]
    return [*body, _refuse()]


def _unless_bits(argument: int, bits: int) -> list[Instruction]:
    return [_load(argument), (_JSET, 0, 1, bits), _refuse(), _return(_ALLOW)]


def _read_only_never_truncates(argument: int) -> list[Instruction]:
    """``open(O_RDONLY | O_TRUNC)`` empties a file, and Landlock before its third version lets it."""
    return [
        (_LOAD, 0, 0, 16 + 8 * argument),
        (_JSET, 2, 0, _O_ACCMODE),
        (_JSET, 0, 1, _O_TRUNC),
        _refuse(),
        _return(_ALLOW),
    ]


def _null_pointer(argument: int) -> list[Instruction]:
    return [_load(argument), (_JEQ, 0, 3, 0), _load(argument, high=True), (_JEQ, 0, 1, 0), _return(_ALLOW), _refuse()]


def _signal_only(target: int, pid: int, signal_argument: int) -> list[Instruction]:
    """Signals to ``pid`` alone, and never SIGKILL: whoever dies of that was killed from outside."""
    return [
        _load(target),
        (_JEQ, 0, 3, pid),
        _load(signal_argument),
        (_JEQ, 1, 0, _SIGKILL),
        _return(_ALLOW),
        _refuse(),
    ]


def _assemble(machine: Architecture, rules: dict[str, list[Instruction]], default: Instruction) -> bytes:
    program: list[Instruction] = [(_LOAD, 0, 0, 4), (_JEQ, 1, 0, machine.audit), _return(_KILL), (_LOAD, 0, 0, 0)]
    program += [(_JGE, 0, 1, _X32_BIT), _return(_KILL)]
    for name, body in rules.items():
        if name in machine.numbers:
            program += [(_JEQ, 0, len(body), machine.numbers[name]), *body]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in [*program, default])


def base_filter(machine: Architecture) -> bytes:
    """What the zygote and its children may call at all; the rest fails with EPERM."""
    rules: dict[str, list[Instruction]] = {name: [_return(_ALLOW)] for name in machine.numbers}
    # ENOSYS makes the C library fall back to calls whose arguments a filter can see.
    rules["clone3"] = rules["openat2"] = [_refuse(_ENOSYS)]
    rules["clone"] = _unless_bits(0, _CLONE_NAMESPACES)
    rules["open"] = _read_only_never_truncates(1)
    rules["openat"] = _read_only_never_truncates(2)
    rules["fcntl"] = _only(1, _FCNTL_COMMANDS)
    rules["ioctl"] = _only(1, _IOCTL_COMMANDS)
    rules["prctl"] = _only(0, _PRCTL_COMMANDS)
    rules["socketpair"] = _only(0, [_AF_UNIX])
    rules["sendto"] = _null_pointer(4)
    return _assemble(machine, rules, _refuse())


def child_filter(machine: Architecture, pid: int, receives: bool) -> bytes:
    """What a child loses beside the zygote. ``pid`` is its own process id; ``receives`` leaves it ``recvmsg``."""
    rules = {
        "clone": [_load(0), (_JSET, 0, 1, _CLONE_THREAD), _return(_ALLOW), _refuse()],
        "kill": _signal_only(0, pid, 1),
        "tgkill": _signal_only(0, pid, 2),
        "prlimit64": _null_pointer(2),
        "setrlimit": [_refuse()],
        "sendmsg": [_refuse()],
        "seccomp": [_refuse()],
    }
    if not receives:
        rules["recvmsg"] = [_refuse()]
    return _assemble(machine, rules, _return(_ALLOW))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class _Filter:
    """A filter in memory, ready to be loaded with one call."""

    def __init__(self, machine: Architecture, code: bytes) -> None:
        self.code = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // _SIZE, ctypes.cast(self.code, ctypes.c_char_p))
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._arguments = (machine.numbers["seccomp"], _SET_MODE_FILTER, 0, ctypes.byref(self._program))

    def install(self) -> None:
        if self._call(*self._arguments) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"the kernel refused a system-call filter (errno {error})")


class ChildFilter(_Filter):
    """The child's filter, with the child's process id still to be filled in."""

    _PLACEHOLDER = 0x7F3A5C19

    def __init__(self, machine: Architecture, receives: bool) -> None:
        code = child_filter(machine, self._PLACEHOLDER, receives)
        super().__init__(machine, code)
        self._address = ctypes.addressof(self.code)
        mark = self._PLACEHOLDER.to_bytes(4, "little")
        self._places = [at + 4 for at in range(0, len(code), _SIZE) if code[at + 4 : at + _SIZE] == mark]

    def install(self) -> None:
        """Loads the filter for this process. Raises ``OSError`` where the kernel refuses."""
        pid = os.getpid().to_bytes(4, "little")
        for place in self._places:
            ctypes.memmove(self._address + place, pid, len(pid))
        super().install()


def install(code: bytes) -> None:
    """Loads a filter for this process. Raises ``OSError`` where the kernel refuses."""
    _Filter(this_machine(), code).install()
