"""The hostile programs, one by one: verdict, harm done, and whether the next check is right.

    python benchmarks/hostile.py [--level double|strong] [--programs FOLDER] [--json]

Prepares what the programs reach for: ``/tmp/victim`` with private files, a secret in the environment, listeners on
127.0.0.1:47001 (TCP, UDP), on the abstract socket ``reflexa-sink`` and on ``/tmp/victim/docker.sock``, a bystander
process. Harm is any change, byte or secret that gets through. The programs run inside the sandbox only. Refuses to
start where ``/tmp/victim`` exists already, and removes it at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from reflexa.errors import SandboxError, VerifierError
from reflexa.sandbox import Limits, Program, Sandbox
from reflexa.types import SandboxLevel

_VICTIM = Path("/tmp/victim")
_CANARY = "sk-CANARY-0123456789abcdef"
_PRIVATE = ("PRIVATE-KEY-LINE", "canary row", "root:x:0:0")
_PORT = 47001
_LIMITS = Limits(seconds=2.0)
_LATE_SECONDS = 2.0
_GROWTH_KB = 64 << 10
_WORDS = {"passed": "pass", "failed": "fail", "timeout": "timeout"}
_TESTS = "def check(candidate):\n    assert candidate([1, 2]) == 3 and candidate([]) == 0\n"


@dataclass(frozen=True)
class Row:
    """One program's end. ``harm`` names what got through; empty is none."""

    name: str
    category: str
    verdict: str
    allowed: bool
    harm: tuple[str, ...]
    next_right: bool
    seconds: float


class Victims:
    """What programs may harm, and how harm shows."""

    def __init__(self, listeners: list[socket.socket], bystander: subprocess.Popen[bytes]) -> None:
        self._listeners = listeners
        self._bystander = bystander
        self._files = self._fingerprint()
        self._core_pattern = Path("/proc/sys/kernel/core_pattern").read_text()

    def harm(self, text: str) -> tuple[str, ...]:
        """What was harmed since the victims were prepared. ``text`` is the verdict's."""
        found = []
        if self._fingerprint() != self._files:
            found.append("files changed")
        if any(_received(listener) for listener in self._listeners):
            found.append("network reached")
        if any(secret in text for secret in (_CANARY, *_PRIVATE)):
            found.append("secret told")
        if "\x1b" in text or "\x00" in text:
            found.append("control characters")
        if self._bystander.poll() is not None:
            found.append("bystander dead")
        if Path("/proc/sys/kernel/core_pattern").read_text() != self._core_pattern:
            found.append("kernel setting")
        return tuple(found)

    def _fingerprint(self) -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "-"
            for path in sorted(_VICTIM.rglob("*"))
        }


def _received(listener: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        if listener.type == socket.SOCK_DGRAM:
            return bool(listener.recv(1))
        listener.accept()[0].close()
        return True
    return False


@contextlib.contextmanager
def victims() -> Iterator[Victims]:
    """Prepares the victims, and removes them."""
    if _VICTIM.exists():
        sys.exit(f"{_VICTIM} exists already: move it away")
    with contextlib.ExitStack() as stack:
        (_VICTIM / "home" / ".ssh").mkdir(parents=True)
        stack.callback(shutil.rmtree, _VICTIM)
        (_VICTIM / "home" / ".ssh" / "id_ed25519").write_text(_PRIVATE[0])
        (_VICTIM / "home" / ".bashrc").write_text("alias")
        (_VICTIM / "notes.txt").write_text("notes")
        with contextlib.closing(sqlite3.connect(_VICTIM / "memory.db")) as database, database:
            database.execute("create table attempts (text)")
            database.execute("insert into attempts values (?)", (_PRIVATE[1],))
        for path in (_VICTIM, *_VICTIM.rglob("*")):
            path.chmod(0o777)
        listeners = [stack.enter_context(listener) for listener in _listeners()]
        bystander = stack.enter_context(subprocess.Popen(["sleep", "3600"]))
        stack.callback(bystander.kill)
        (_VICTIM / "bystander.pid").write_text(str(bystander.pid))
        os.environ.update(OPENAI_API_KEY=_CANARY, HOME=str(_VICTIM / "home"))
        yield Victims(listeners, bystander)


def _listeners() -> list[socket.socket]:
    made = []
    inet, unix = socket.AF_INET, socket.AF_UNIX
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    places: list[tuple[int, int, Any]] = [
        (inet, stream, ("127.0.0.1", _PORT)),
        (inet, datagram, ("127.0.0.1", _PORT)),
        (unix, stream, "\0reflexa-sink"),
        (unix, stream, str(_VICTIM / "docker.sock")),
    ]
    for family, kind, address in places:
        listener = socket.socket(family, kind)
        listener.bind(address)
        if kind == stream:
            listener.listen()
        listener.setblocking(False)
        made.append(listener)
    return made


def _check(sandbox: Sandbox, program: Program) -> tuple[str, str]:
    try:
        outcome = sandbox.check(program, _LIMITS)
    except (SandboxError, VerifierError) as error:
        return "error", str(error)
    return _WORDS[outcome.status], outcome.model_dump_json()


def _next_is_right(sandbox: Sandbox) -> bool:
    sources = ("def solve(xs): return sum(xs)", "def solve(xs): return -1")
    return [_check(sandbox, Program(source=source, entry_point="solve", tests=_TESTS))[0] for source in sources] == [
        "pass",
        "fail",
    ]


def _row(sandbox: Sandbox, folder: Path, entry: dict[str, Any], prepared: Victims) -> Row:
    source = (folder / entry["file"]).read_bytes().decode("utf-8", "surrogateescape")
    memory, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    verdict, text = _check(sandbox, Program(source=source, entry_point=entry["entry_point"], tests=entry["tests"]))
    seconds = time.monotonic() - started
    harm = list(prepared.harm(text))
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory > _GROWTH_KB:
        harm.append("memory of the controller")
    if seconds > _LIMITS.seconds + _LATE_SECONDS:
        harm.append("late")
    return Row(
        name=entry["name"],
        category=entry["category"],
        verdict=verdict,
        allowed=verdict in entry["expected"],
        harm=tuple(harm),
        next_right=_next_is_right(sandbox),
        seconds=seconds,
    )


def measure(level: SandboxLevel, folder: Path) -> list[Row]:
    """Runs all programs at one level."""
    entries = json.loads((folder / "manifest.json").read_text())
    with victims() as prepared, Sandbox.exactly(level, slots=1) as sandbox:
        return [_row(sandbox, folder, entry, prepared) for entry in entries]


def _print(level: str, rows: list[Row]) -> None:
    print(f"{level}\n{'program':26}{'kind':12}{'verdict':9}{'harm':22}{'next':7}seconds")
    for row in rows:
        harm, right = ", ".join(row.harm) or "none", "right" if row.next_right else "WRONG"
        verdict = row.verdict if row.allowed else f"{row.verdict} !"
        print(f"{row.name:26}{row.category:12}{verdict:9}{harm:22}{right:7}{row.seconds:6.2f}")
    hostile = [row for row in rows if row.category != "control"]
    fooled = sum(not row.allowed for row in hostile)
    harmed = sum(bool(row.harm) or not row.next_right for row in rows)
    controls = [row for row in rows if row.category == "control"]
    print(
        f"{level}: {len(hostile)} hostile programs, {fooled} fooled it, {harmed} did harm; "
        f"{sum(row.allowed for row in controls)} of {len(controls)} controls pass\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--level", choices=("double", "strong"), help="one level only")
    parser.add_argument("--programs", type=Path, default=Path(__file__).parents[2] / "shared" / "hostile")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    levels: list[SandboxLevel] = [options.level] if options.level else ["double", "strong"]
    found = {level: measure(level, options.programs) for level in levels}
    if options.json:
        print(json.dumps({level: [asdict(row) for row in rows] for level, rows in found.items()}))
        return
    for level, rows in found.items():
        _print(level, rows)


if __name__ == "__main__":
    main()
