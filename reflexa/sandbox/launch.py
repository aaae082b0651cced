"""The command lines that start a sandboxed interpreter at each level."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from reflexa.errors import SandboxError
from reflexa.sandbox.bundle import BOOTSTRAP
from reflexa.types import SandboxLevel

_PYTHON_OPTIONS = ("-I", "-S", "-B", "-c", BOOTSTRAP)
_LIBRARIES = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache", "/usr/share/zoneinfo",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_FREE_USER_IDS = range(64100, 64000, -1)


@cache
def interpreter() -> str:
    """The real interpreter behind a virtual environment's, which needs nothing of that environment."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable) or sys.executable)


@cache
def readable_paths() -> tuple[str, ...]:
    """What the sandbox may read: the interpreter, its standard library and shared libraries; no site-packages of
    a virtual environment."""
    library = Path(os.__file__).resolve().parent
    extensions = sysconfig.get_config_var("DESTSHARED")
    paths = [interpreter(), str(library.parent), *([str(Path(extensions).parent.parent)] if extensions else [])]
    found = [path for path in [*paths, *_LIBRARIES] if Path(path).exists()]
    return tuple(path for path in dict.fromkeys(found) if not any(_beneath(path, other) for other in found))


def _beneath(path: str, other: str) -> bool:
    return path != other and not Path(path).is_symlink() and Path(path).is_relative_to(other)


def command(level: SandboxLevel, prefix: tuple[str, ...]) -> list[str]:
    """The command that starts a zygote at ``level``. Raises ``SandboxError`` where it cannot be had."""
    python = [interpreter(), *_PYTHON_OPTIONS]
    if level == "external":
        return [*prefix, "python3", *_PYTHON_OPTIONS]
    if sys.platform != "linux":
        if level == "weak":
            return python
        raise SandboxError(f"the level {level!r} needs Linux; this is {sys.platform}")
    if level == "weak":
        return python
    inner = [*_bubblewrap(), *python] if level == "double" else python
    if os.geteuid() != 0:
        return inner
    request = {
        "uid": _unprivileged_user(),
        "readable": readable_paths(),
        "command": inner,
        "keep_root": level == "strong",
    }
    stage = (Path(__file__).parent / "stage.py").read_text(encoding="utf-8")
    return [interpreter(), "-I", "-S", "-B", "-c", stage, json.dumps(request)]


def _unprivileged_user() -> int:
    """A user id that nobody has, so that no other process can be that user's."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(uid for uid in _FREE_USER_IDS if uid not in taken)


def running_tasks() -> int:
    """About how many processes and threads the sandbox's user may run beside the sandbox."""
    spare = 512
    try:
        own = [
            entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.stat().st_uid == os.geteuid()
        ]
        return spare + sum(len(list((entry / "task").iterdir())) for entry in own)
    except OSError:
        return 1 << 15


def _bubblewrap() -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError(f"bubblewrap is not installed{f': {hint}' if (hint := install_hint()) else ''}")
    arguments = [program, "--unshare-all", "--unshare-user", "--as-pid-1", "--cap-drop", "ALL"]
    if "--disable-userns" in _bubblewrap_help(program):
        arguments.append("--disable-userns")
    for path in readable_paths():
        if os.path.islink(path):  # noqa: PTH114 - next to readlink, which pathlib resolves differently
            arguments += ["--symlink", os.readlink(path), path]  # noqa: PTH115
        else:
            arguments += ["--ro-bind", path, path]
    for device in _DEVICES:
        arguments += ["--dev-bind", device, device]
    return [*arguments, "--remount-ro", "/", "--chdir", "/", "--"]


@cache
def _bubblewrap_help(program: str) -> str:
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=False, timeout=20).stdout


def install_hint() -> str | None:
    """How to get bubblewrap on this system; None where it is there, or cannot be had."""
    if sys.platform != "linux" or shutil.which("bwrap") is not None:
        return None
    managers = {
        "apt-get": "apt-get install bubblewrap",
        "dnf": "dnf install bubblewrap",
        "pacman": "pacman -S bubblewrap",
        "zypper": "zypper install bubblewrap",
        "apk": "apk add bubblewrap",
    }
    known = next((line for name, line in managers.items() if shutil.which(name)), None)
    if known is None:
        return "install your system's package `bubblewrap`"
    return f"run `{'' if os.geteuid() == 0 else 'sudo '}{known}`"
