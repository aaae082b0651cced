"""The system-call tables, against numbers that the kernel's documentation fixes."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

import pytest

from reflexa.sandbox.worker.syscalls import ARCHITECTURES, this_machine


def test_known_numbers() -> None:
    x86, arm = ARCHITECTURES["x86_64"], ARCHITECTURES["aarch64"]
    assert (x86.audit, arm.audit) == (0xC000003E, 0xC00000B7)
    assert (x86.numbers["read"], x86.numbers["clone"], x86.numbers["seccomp"]) == (0, 56, 317)
    assert (arm.numbers["read"], arm.numbers["clone"], arm.numbers["seccomp"]) == (63, 220, 277)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_nothing_dangerous_is_listed_and_numbers_are_unique(machine: str) -> None:
    numbers = ARCHITECTURES[machine].numbers
    forbidden = "fork vfork execve execveat socket connect bind ptrace io_uring_setup unshare setns mount bpf keyctl"
    assert not {*forbidden.split(), "memfd_create", "chmod", "unlink"} & set(numbers)
    assert len(set(numbers.values())) == len(numbers)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_this_machines_numbers_are_the_kernels() -> None:
    if platform.machine() not in ARCHITECTURES:
        with pytest.raises(OSError, match="no system-call table"):
            this_machine()
        return
    library = ctypes.CDLL(None)
    assert library.syscall(this_machine().numbers["getpid"]) == os.getpid()
    assert library.syscall(this_machine().numbers["getuid"]) == os.getuid()
