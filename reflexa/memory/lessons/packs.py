"""Lesson packs: files of lessons, one JSON object a line, that go from one memory to another.

A pack is foreign text. What it says of itself is bounded and checked, its ids are not taken over, secrets in it are
removed, and none of its lessons is shown to a model before a person has accepted it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from reflexa.errors import UsageError
from reflexa.lessons import Lesson, LessonSource
from reflexa.memory.redaction import Redactor
from reflexa.types import Frozen

MOST_BYTES = 16 << 20
MOST_LESSONS = 50_000
LONGEST_LINE = 64 << 10
MOST_SOURCES = 64
LONGEST_NAME = 200
"""Characters of a suite's, split's, policy's or pack's name, and of a source's parts."""
_PROBLEMS = 5


class PackLine(Frozen):
    """One lesson in a pack. ``sources`` name attempts of the database that it was exported from."""

    text: str
    suite: str
    split: str = "train"
    policy: str = ""
    sources: tuple[LessonSource, ...] = Field(default=(), max_length=MOST_SOURCES)
    created: float = 0.0


class Imported(NamedTuple):
    """What a pack holds: its lessons, in quarantine, and in how many of them secrets were removed."""

    lessons: tuple[Lesson, ...]
    redacted: int


def read_pack(path: Path, name: str, redactor: Redactor) -> Imported:
    """The lessons of a pack. Raises ``UsageError`` that names the lines which are no lessons: then none is taken."""
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(f"a pack's name has 1 to {LONGEST_NAME} characters, got {len(name)}")
    problems: list[str] = []
    lessons: dict[str, Lesson] = {}
    redacted = 0
    for number, line in _lines(path):
        try:
            read = _parse(line)
            clean = redactor.clean(read)
            lesson = _quarantined(clean, name)
        except ValueError as error:
            problems.append(f"line {number}: {_words(error)}")
            continue
        redacted += clean is not read
        lessons[lesson.id] = lesson
        if len(lessons) > MOST_LESSONS:
            raise UsageError(f"{path} has more than {MOST_LESSONS:,} lessons: split it")
    if problems:
        more = f"; and {len(problems) - _PROBLEMS} more" if len(problems) > _PROBLEMS else ""
        raise UsageError(f"{path} is no lesson pack, nothing was imported: {'; '.join(problems[:_PROBLEMS])}{more}")
    if not lessons:
        raise UsageError(f"{path} has no lessons: expected one JSON object a line, with text and suite")
    return Imported(tuple(lessons.values()), redacted)


def write_pack(path: Path, lessons: Sequence[Lesson]) -> None:
    """Writes a pack to a new file, whole or not at all. Raises ``UsageError`` where the file exists or cannot be."""
    text = "".join(_line(lesson) for lesson in lessons)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError as error:
        raise UsageError(f"{path} exists: name another file, or remove it") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file") from error
    finally:
        part.unlink(missing_ok=True)


def _line(lesson: Lesson) -> str:
    kept = {name: getattr(lesson, name) for name in PackLine.model_fields if name != "sources"}
    sources = [source.model_dump() for source in lesson.sources[:MOST_SOURCES]]
    return json.dumps(kept | {"sources": sources}) + "\n"


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers from 1."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{path} is no file")
            if status.st_size > MOST_BYTES:
                raise UsageError(f"{path} has {status.st_size:,} bytes, a pack at most {MOST_BYTES:,}: split it")
            data = file.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}): name a file of lessons") from error
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield number, line


def _parse(line: bytes) -> PackLine:
    if len(line) > LONGEST_LINE:
        raise ValueError(f"got {len(line):,} bytes, expected at most {LONGEST_LINE:,}")
    try:
        value = json.loads(line)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    read = PackLine.model_validate(value)
    names = (read.suite, read.split, read.policy, *(part for source in read.sources for part in _parts(source)))
    if not read.suite or not read.split or max(map(len, names)) > LONGEST_NAME:
        raise ValueError(f"suite and split need names, and no name has more than {LONGEST_NAME} characters")
    return read


def _parts(source: LessonSource) -> tuple[str, str, str]:
    return source.run, source.task, source.reflection or ""


def _quarantined(line: PackLine, pack: str) -> Lesson:
    """The lesson in quarantine. Its id comes from what it says, so that importing a pack twice adds nothing."""
    content = json.dumps([line.suite, line.split, line.text])
    return Lesson(
        id=f"l{hashlib.blake2b(content.encode(), digest_size=7).hexdigest()}",
        text=line.text,
        suite=line.suite,
        split=line.split,
        trust="imported",
        status="quarantined",
        sources=line.sources,
        policy=line.policy,
        pack=pack,
        reason=f"imported with {pack}: accept it with reflexa memory review",
        created=time.time(),
    )


def _words(error: ValueError) -> str:
    """What is wrong with a line, without what stands in it."""
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in found["loc"])[:LONGEST_NAME]
        return f"{where}: {found['msg']}" if where else str(found["msg"])
    return f"no JSON ({error.msg})" if isinstance(error, json.JSONDecodeError) else str(error)
