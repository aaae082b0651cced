"""Runs as root, before anything else: makes the interpreter readable, becomes an ordinary user, then executes.

An interpreter under a folder that only root can enter, such as ``/root/.pyenv``, is bound to its own path in a
private mount name space, where an empty folder stands in for what is above it. Standard library only: a fresh
interpreter runs this file with ``-c``. Its one argument is JSON: ``uid``, ``readable`` (paths), ``command`` and
``keep_root``, which lets the command run as root where nothing else is left, to be confined by other means.
"""

from __future__ import annotations

import ctypes
import json
import os
import stat
import sys
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18


def main() -> None:
    request = json.loads(sys.argv[1])
    try:
        _become(request["uid"], request["readable"])
    except OSError as error:
        if not request["keep_root"]:
            sys.exit(f"user {request['uid']} cannot be made to run the interpreter: {error}")
    os.chdir("/")
    os.execv(request["command"][0], request["command"])  # noqa: S606 - a list, and no shell


def _become(uid: int, readable: list[str]) -> None:
    blocked = _blocked(readable, uid)
    if blocked:
        _reveal(blocked)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _blocked(paths: list[str], uid: int) -> dict[str, str]:
    """The paths that the user cannot reach, each with the topmost folder that stops it."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        return {path: stop for path in paths if (stop := _first_closed(path))}
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _first_closed(path: str) -> str:
    parts = path.strip("/").split("/")
    for depth in range(1, len(parts)):
        folder = "/" + "/".join(parts[:depth])
        if not os.access(folder, os.X_OK, effective_ids=True):
            return folder
    return ""


def _reveal(blocked: dict[str, str]) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "a mount name space cannot be made")
    _mount(library, None, "/", None, _MS_REC | _MS_PRIVATE, None)
    sources = {path: os.open(path, os.O_PATH) for path in blocked}
    for folder in sorted(set(blocked.values())):
        _mount(library, "tmpfs", folder, "tmpfs", 0, "mode=755,size=1m")
    for path, source in sources.items():
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISDIR(os.fstat(source).st_mode):
            target.mkdir()
        else:
            target.touch()
        _mount(library, f"/proc/self/fd/{source}", path, None, _MS_BIND | _MS_REC, None)
        os.close(source)


def _mount(
    library: ctypes.CDLL, source: str | None, target: str, kind: str | None, flags: int, options: str | None
) -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind, options)]
    if library.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"mounting on {target}: {os.strerror(error)}")


if __name__ == "__main__":
    main()
