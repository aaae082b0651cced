"""Landlock through ctypes: which files can be opened, no TCP, no abstract sockets, no signals outwards.

The rights that a kernel knows depend on its Landlock version (``abi``); unknown ones must not be asked for.
Source: ``Documentation/userspace-api/landlock.rst``.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Sequence

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 2, 4, 8
_FILE_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = 3
_SCOPES = 3
_NET_ABI, _SCOPE_ABI = 4, 6


def abi() -> int:
    """The kernel's Landlock version; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    library = ctypes.CDLL(None, use_errno=True)
    return max(0, int(library.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)))


def restrict(readable: Sequence[str], writable: Sequence[str]) -> None:
    """Confines this process for good to reading ``readable`` and writing ``writable`` files.

    The caller must have set ``no_new_privs``. Paths that do not exist are left out. Raises ``OSError`` where
    the kernel has no Landlock or refuses.
    """
    version = abi()
    if version == 0:
        raise OSError("the kernel has no Landlock (it needs Linux 5.13 with Landlock switched on)")
    library = ctypes.CDLL(None, use_errno=True)
    handled = _FILE_RIGHTS_BY_ABI[min(version, max(_FILE_RIGHTS_BY_ABI))]
    attributes = struct.pack(
        "QQQ", handled, _NET_RIGHTS if version >= _NET_ABI else 0, _SCOPES if version >= _SCOPE_ABI else 0
    )
    size = 8 if version < _NET_ABI else 16 if version < _SCOPE_ABI else 24
    ruleset = _checked(library.syscall(_CREATE, attributes, ctypes.c_size_t(size), 0))
    try:
        for path in readable:
            _allow(library, ruleset, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(library, ruleset, path, _READ_FILE | _WRITE_FILE)
        _checked(library.syscall(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(library: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= ~_READ_DIR
        rule = struct.pack("=Qi", rights, handle)
        _checked(library.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(handle)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result
