"""Lessons in their tables: added, found, changed with the old version kept, and where each was shown."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, func, not_, select, update

from reflexa.errors import UsageError, unknown_name
from reflexa.lessons import Lesson, LessonOutcomes, LessonSource, LessonStatus, LessonTrials
from reflexa.memory.database import Database
from reflexa.memory.episodes.encoding import Write
from reflexa.memory.episodes.runs import MANY
from reflexa.memory.episodes.schema import episodes
from reflexa.memory.lessons.schema import embeddings, lesson_sources, lesson_uses, lesson_versions, lessons

AT_ONCE = 500
"""Ids in one query, and lessons in one transaction of a long addition: other writers get their turn."""


@dataclass(frozen=True)
class Kept:
    """Which lessons are meant; None means any."""

    suite: str | None = None
    status: LessonStatus | None = None
    pack: str | None = None


def add(database: Database, new: Iterable[Lesson]) -> None:
    """Writes lessons with their sources; one whose id exists is left as it is."""
    rest = iter(new)
    while batch := list(islice(rest, AT_ONCE)):
        database.write(partial(_add, database=database, batch=batch))


def find(database: Database, ref: str) -> Lesson:
    """The lesson of this id or unique start of an id. Raises ``UsageError`` with near matches or candidates."""
    return database.read(lambda connection: _find(connection, ref))


def newest(database: Database, kept: Kept, limit: int | None) -> list[Lesson]:
    statement = select(lessons).order_by(lessons.c.seq.desc()).limit(limit)
    for column, value in ((lessons.c.suite, kept.suite), (lessons.c.status, kept.status), (lessons.c.pack, kept.pack)):
        if value is not None:
            statement = statement.where(column == value)
    return database.read(lambda connection: decode(connection, connection.execute(statement).all()))


def change(database: Database, lesson: Lesson) -> None:
    """Puts a lesson in the place of the one of its id, which is kept as a version. Raises ``UsageError``."""
    database.write(lambda connection: _change(connection, lesson))


def versions(database: Database, lesson_id: str) -> list[Lesson]:
    """What a lesson was before each of its changes, the oldest first."""
    statement = select(lesson_versions.c.body).where(lesson_versions.c.lesson_id == lesson_id)
    ordered = statement.order_by(lesson_versions.c.version)
    return database.read(
        lambda connection: [Lesson.model_validate(body) for body in connection.execute(ordered).scalars()]
    )


def use_rows(run_id: str, task_id: str, shown: Sequence[str], left_out: Sequence[str]) -> Write:
    """That lessons were recalled for an episode, in the order of their recall."""
    key = {"run_id": run_id, "task_id": task_id}
    marked = [(lesson_id, True) for lesson_id in shown] + [(lesson_id, False) for lesson_id in left_out]
    rows = [key | {"lesson_id": name, "idx": idx, "shown": seen} for idx, (name, seen) in enumerate(marked)]
    return Write((("lesson_uses", tuple(rows)),))


def used(database: Database, run_id: str, task_id: str) -> list[tuple[str, bool]]:
    """The lessons recalled for an episode in their order, and whether each was shown."""
    statement = (
        select(lesson_uses.c.lesson_id, lesson_uses.c.shown)
        .where(lesson_uses.c.run_id == run_id, lesson_uses.c.task_id == task_id)
        .order_by(lesson_uses.c.idx)
    )
    return database.read(lambda connection: [(row.lesson_id, row.shown) for row in connection.execute(statement)])


def recalled(database: Database, run_id: str | None, suite: str | None) -> list[Lesson]:
    """The lessons that were ever recalled, in a run or for anything, the newest first."""
    uses = select(lesson_uses.c.lesson_id)
    if run_id is not None:
        uses = uses.where(lesson_uses.c.run_id == run_id)
    statement = select(lessons).where(lessons.c.id.in_(uses)).order_by(lessons.c.seq.desc())
    if suite is not None:
        statement = statement.where(lessons.c.suite == suite)
    return database.read(lambda connection: decode(connection, connection.execute(statement).all()))


def outcomes(connection: Connection, ids: Sequence[str]) -> dict[str, LessonOutcomes]:
    """What became of the ended episodes that lessons were recalled for; an entry for every id."""
    return {name: sum(of_runs, LessonOutcomes()) for name, of_runs in _by_run(connection, ids).items()}


def trials(connection: Connection, ids: Sequence[str]) -> dict[str, LessonTrials]:
    """The same, run by run, from those runs alone that showed the lesson and left it out: where chance chose."""
    return {name: LessonTrials.of(of_runs) for name, of_runs in _by_run(connection, ids).items()}


def _by_run(connection: Connection, ids: Sequence[str]) -> dict[str, list[LessonOutcomes]]:
    """The outcomes of each lesson in each run that recalled it, in the order of the runs."""
    found: dict[str, list[LessonOutcomes]] = {name: [] for name in ids}
    uses, of_run = lesson_uses.c, (lesson_uses.c.lesson_id, lesson_uses.c.run_id)
    episode = and_(episodes.c.run_id == uses.run_id, episodes.c.task_id == uses.task_id)
    counted = episodes.c.ended.is_not(None), episodes.c.error.is_(None)
    kinds = uses.shown, and_(uses.shown, episodes.c.solved), not_(uses.shown), and_(not_(uses.shown), episodes.c.solved)
    sums = [func.sum(case((kind, 1), else_=0)) for kind in kinds]
    for part in _parts(list(found)):
        statement = select(*of_run, *sums).join(episodes, episode).where(uses.lesson_id.in_(part), *counted)
        for name, _, *counts in connection.execute(statement.group_by(*of_run).order_by(*of_run)):
            shown, shown_solved, left_out, left_out_solved = map(int, counts)
            found[name].append(
                LessonOutcomes(
                    shown=shown, shown_solved=shown_solved, left_out=left_out, left_out_solved=left_out_solved
                )
            )
    return found


def decode(connection: Connection, rows: Sequence[Row[Any]]) -> list[Lesson]:
    """Lessons from rows of the table ``lessons``, in their order."""
    sources = _sources(connection, [row.id for row in rows])
    return [
        Lesson(
            id=row.id,
            text=row.text,
            suite=row.suite,
            split=row.split,
            trust=row.trust,
            status=row.status,
            sources=tuple(sources[row.id]),
            successor=row.successor,
            policy=row.policy,
            pack=row.pack,
            reason=row.reason,
            created=row.created,
        )
        for row in rows
    ]


def _add(connection: Connection, database: Database, batch: Sequence[Lesson]) -> None:
    ids = [lesson.id for lesson in batch]
    known = set(connection.execute(select(lessons.c.id).where(lessons.c.id.in_(ids))).scalars())
    new = [lesson for lesson in batch if lesson.id not in known]
    if new:
        connection.execute(
            database.insert(lessons).on_conflict_do_nothing(index_elements=["id"]).inline(),
            [_row(lesson) for lesson in new],
        )
    sources = [row for lesson in new for row in _source_rows(lesson)]
    if sources:
        connection.execute(database.insert(lesson_sources).on_conflict_do_nothing().inline(), sources)


def _change(connection: Connection, lesson: Lesson) -> None:
    held = connection.execute(select(lessons).where(lessons.c.id == lesson.id).with_for_update()).one_or_none()
    if held is None:
        raise _unknown(connection, lesson.id)
    before = decode(connection, [held])[0]
    if before == lesson:
        return
    of_lesson = lesson_versions.c.lesson_id == lesson.id
    number = connection.execute(select(func.count()).select_from(lesson_versions).where(of_lesson)).scalar_one()
    version = {"lesson_id": lesson.id, "version": number, "body": before.model_dump(), "replaced": time.time()}
    connection.execute(lesson_versions.insert(), version)
    connection.execute(update(lessons).where(lessons.c.id == lesson.id).values(**_row(lesson)))
    if before.sources != lesson.sources:
        connection.execute(delete(lesson_sources).where(lesson_sources.c.lesson_id == lesson.id))
        if lesson.sources:
            connection.execute(lesson_sources.insert(), _source_rows(lesson))
    if before.text != lesson.text:
        connection.execute(delete(embeddings).where(embeddings.c.lesson_id == lesson.id))


def _find(connection: Connection, ref: str) -> Lesson:
    rows = connection.execute(select(lessons).where(lessons.c.id == ref)).all()
    if not rows and ref:
        begins = lessons.c.id.startswith(ref, autoescape=True)
        rows = connection.execute(select(lessons).where(begins).order_by(lessons.c.id).limit(MANY + 1)).all()
    if not rows:
        raise _unknown(connection, ref)
    if len(rows) > 1:
        shown = ", ".join(row.id for row in rows[:MANY]) + (", …" if len(rows) > MANY else "")
        raise UsageError(f"lesson {ref!r} is ambiguous: it begins {shown}: give more of its id")
    return decode(connection, rows)[0]


def _unknown(connection: Connection, ref: str) -> UsageError:
    some = select(lessons.c.id).order_by(lessons.c.seq.desc()).limit(AT_ONCE)
    return unknown_name("lesson", ref, list(connection.execute(some).scalars())[: None if ref else MANY])


def _sources(connection: Connection, ids: Sequence[str]) -> Mapping[str, list[LessonSource]]:
    grouped: defaultdict[str, list[LessonSource]] = defaultdict(list)
    for part in _parts(ids):
        statement = select(lesson_sources).where(lesson_sources.c.lesson_id.in_(part)).order_by(lesson_sources.c.idx)
        for row in connection.execute(statement):
            source = LessonSource(run=row.run_id, task=row.task_id, attempt=row.attempt, reflection=row.reflection_id)
            grouped[row.lesson_id].append(source)
    return grouped


def _row(lesson: Lesson) -> dict[str, Any]:
    return {name: value for name, value in lesson if name != "sources"}


def _source_rows(lesson: Lesson) -> list[dict[str, Any]]:
    return [
        {
            "lesson_id": lesson.id,
            "idx": idx,
            "run_id": source.run,
            "task_id": source.task,
            "attempt": source.attempt,
            "reflection_id": source.reflection,
        }
        for idx, source in enumerate(lesson.sources)
    ]


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
