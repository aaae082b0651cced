"""Results that the database would not take are kept in a file beside it until it does.

A locked database must not cost a model's answer: the write is appended here, one JSON line each and forced to the
disk, and enters the database before the next write, or when it is next opened. Writes are idempotent, so a crash
between the two repeats harmlessly.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reflexa.memory.episodes.encoding import Write


class Outbox:
    """The file of writes that wait. Safe between threads and between processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def waiting(self) -> bool:
        """Whether there is anything to deliver."""
        try:
            return self.path.stat().st_size > 0
        except OSError:
            return False

    def keep(self, write: Write) -> None:
        """Appends a write and forces it to the disk. Raises ``OSError`` where the disk refuses."""
        line = json.dumps([write.rows, write.bodies, write.replaces]).encode() + b"\n"
        with self._locked() as file:
            end = file.seek(0, os.SEEK_END)
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise

    def deliver(self, commit: Callable[[Write], None]) -> None:
        """Hands every waiting write to ``commit`` in order and then forgets them; an error of ``commit`` keeps all."""
        with self._locked() as file:
            for line in file.read().splitlines():
                write = _parse(line)
                if write is not None:
                    commit(write)
            os.ftruncate(file.fileno(), 0)

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(self.path, flags, 0o600), "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _parse(line: bytes) -> Write | None:
    """A kept write; None for a last line that a crash cut short, which nobody was told is kept."""
    try:
        rows, bodies, replaces = json.loads(line)
    except ValueError:
        return None
    return Write(tuple((table, tuple(group)) for table, group in rows), bodies, tuple(replaces))
