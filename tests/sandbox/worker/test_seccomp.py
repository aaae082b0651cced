"""The filters, run by a small interpreter of BPF, so that every rule is tried for both architectures."""

from __future__ import annotations

import struct

import pytest

from reflexa.sandbox.worker import seccomp
from reflexa.sandbox.worker.syscalls import ARCHITECTURES, Architecture

_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_PID = 4242
_X86 = ARCHITECTURES["x86_64"]


def _answer(code: bytes, machine: Architecture, call: str | int, *arguments: int, audit: int | None = None) -> int:
    """What the filter says to a call."""
    number = machine.numbers[call] if isinstance(call, str) else call
    six = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, machine.audit if audit is None else audit, 0, *six)
    at, accumulator = 0, 0
    instructions = list(struct.iter_unpack("HBBI", code))
    while True:
        operation, yes, no, operand = instructions[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x06:
            return int(operand)
        else:
            tests = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}
            at += yes if tests[operation] else no


@pytest.fixture(params=ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> Architecture:
    return ARCHITECTURES[request.param]


def test_base_filter(machine: Architecture) -> None:
    code = seccomp.base_filter(machine)

    def says(call: str | int, *arguments: int) -> int:
        return _answer(code, machine, call, *arguments)

    for harmless in ("read", "write", "mmap", "futex", "exit_group", "wait4", "recvmsg"):
        assert says(harmless) == _ALLOW
    assert _answer(code, machine, "read", audit=0x40000003) == _KILL
    assert says(0x40000000) == _KILL
    assert says(9999) == _EPERM
    assert says("clone3") == says("openat2") == _ENOSYS
    assert says("clone", 17) == _ALLOW
    assert says("clone", 0x10000000) == _EPERM
    assert says("openat", 0, 0, 0) == says("openat", 0, 0, 0o1001) == _ALLOW
    assert says("openat", 0, 0, 0o1000) == _EPERM
    assert says("fcntl", 3, 1) == _ALLOW
    assert says("fcntl", 3, 8) == says("fcntl", 3, 10) == says("fcntl", 3, 1031) == _EPERM
    assert says("ioctl", 0, 0x5401) == _ALLOW
    assert says("ioctl", 0, 0x5412) == says("ioctl", 0, 0x8901) == _EPERM
    assert says("prctl", 15) == _ALLOW
    assert says("prctl", 4) == _EPERM
    assert says("socketpair", 1) == _ALLOW
    assert says("socketpair", 2) == _EPERM
    assert says("sendto", 3, 0, 0, 0, 0) == _ALLOW
    assert says("sendto", 3, 0, 0, 0, 1) == says("sendto", 3, 0, 0, 0, 1 << 32) == _EPERM


def test_child_filter(machine: Architecture) -> None:
    code = seccomp.child_filter(machine, _PID, receives=False)

    def says(call: str, *arguments: int) -> int:
        return _answer(code, machine, call, *arguments)

    assert says("read") == _ALLOW
    assert says("clone", 0x00010000) == _ALLOW
    assert says("clone", 17) == _EPERM
    assert says("kill", _PID, 15) == says("tgkill", _PID, 7, 15) == _ALLOW
    for target in (0, 1, _PID + 1, (1 << 64) - 1):
        assert says("kill", target, 0) == says("tgkill", target, target, 15) == _EPERM
    assert says("kill", _PID, 9) == says("tgkill", _PID, _PID, 9) == _EPERM
    assert says("prlimit64", 0, 9, 0) == _ALLOW
    assert says("prlimit64", 0, 9, 1) == says("setrlimit", 9) == _EPERM
    assert says("recvmsg") == says("sendmsg") == says("seccomp") == _EPERM
    assert _answer(seccomp.child_filter(machine, _PID, receives=True), machine, "recvmsg") == _ALLOW


def test_a_childs_filter_knows_where_its_process_id_goes() -> None:
    prepared = seccomp.ChildFilter(_X86, receives=False)
    assert len(prepared._places) == 2
    code = bytearray(prepared.code.raw)
    for place in prepared._places:
        code[place : place + 4] = _PID.to_bytes(4, "little")
    assert bytes(code) == seccomp.child_filter(_X86, _PID, receives=False)


def test_open_exists_on_x86_only() -> None:
    assert "open" not in ARCHITECTURES["aarch64"].numbers
    code = seccomp.base_filter(_X86)
    assert _answer(code, _X86, "open", 0, 0) == _ALLOW
    assert _answer(code, _X86, "open", 0, 0o1000) == _EPERM
