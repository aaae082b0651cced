"""Finds what an id names, whatever it is: a run, an attempt, a row, a data set, a training, a checkpoint folder, …"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, select

from reflexa.errors import UsageError, unknown_name
from reflexa.memory.episodes.schema import attempts, reflections, runs
from reflexa.memory.lessons.schema import lessons
from reflexa.memory.lineage.comparisons import where_key
from reflexa.memory.lineage.nodes import Kind, Node, folder_named, is_within, label_key, training_folders
from reflexa.memory.lineage.schema import comparisons, datasets, improvements, trainings

AT_MOST = 5
"""Candidates that an error names."""
_BY_ID: tuple[tuple[Kind, Column[Any]], ...] = (
    ("run", runs.c.id),
    ("dataset", datasets.c.id),
    ("training", trainings.c.id),
    ("improvement", improvements.c.id),
    ("reflection", reflections.c.id),
    ("lesson", lessons.c.id),
)


def find(connection: Connection, ref: str) -> Node:
    """What ``ref`` names: an id or a unique start of one, a run's name, RUN/TASK/NUMBER, DATASET/NUMBER, a folder.

    Raises ``UsageError`` with near matches or candidates.
    """
    if not ref.strip():
        raise UsageError("the id is empty: name a run, a data set, a training, a checkpoint folder, a reflection, …")
    exact = list(dict.fromkeys(_exact(connection, ref)))
    found = exact or list(dict.fromkeys(_within(connection, ref))) or list(dict.fromkeys(_beginning(connection, ref)))
    if len(found) > 1:
        shown = ", ".join(map(str, found[:AT_MOST])) + (", …" if len(found) > AT_MOST else "")
        raise UsageError(f"{ref!r} could be {shown}: give more of the id")
    if not found:
        raise unknown_name("id", ref, _known(connection))
    return found[0]


def training_of(connection: Connection, spec: str) -> str | None:
    """The training run in whose output a model string's folder lies: the innermost, and of equals the newest."""
    path = folder_named(spec)
    if path is None:
        return None
    statement = select(trainings.c.id, trainings.c.config, trainings.c.checkpoint).order_by(trainings.c.created)
    best: tuple[int, str] | None = None
    for row in connection.execute(statement):
        depth = max(
            (len(each) for each in training_folders(row.config, row.checkpoint) if is_within(path, each)), default=0
        )
        if depth and (best is None or depth >= best[0]):
            best = depth, row.id
    return None if best is None else best[1]


def _exact(connection: Connection, ref: str) -> Iterator[Node]:
    for kind, column in _BY_ID:
        if connection.execute(select(column).where(column == ref).limit(1)).first() is not None:
            yield Node(kind, ref)
    named = connection.execute(select(runs.c.id).where(runs.c.name == ref)).scalar()
    if named is not None:
        yield Node("run", named)


def _within(connection: Connection, ref: str) -> Iterator[Node]:
    """An attempt of a run, a label of two of them, a row of a data set, a folder of a training run."""
    folder = folder_named(str(Path(ref).resolve()) if Path(ref).exists() else ref)
    if folder is not None and training_of(connection, folder) is not None:
        yield Node("model", folder)
        return
    label = label_key(ref)
    if label is not None and connection.execute(select(comparisons.c.a).where(where_key(label))).first() is not None:
        yield Node("label", ref)
        return
    head, _, rest = ref.partition("/")
    task, _, number = rest.rpartition("/")
    if not number.isdecimal():
        return
    rows = connection.execute(select(datasets.c.rows).where(datasets.c.id == head)).scalar()
    if rows is not None and not task and 0 < int(number) <= rows:
        yield Node("row", f"{head}/{number}")
    run = connection.execute(select(runs.c.id).where((runs.c.id == head) | (runs.c.name == head))).scalar()
    ours = attempts.c.run_id == run, attempts.c.task_id == task, attempts.c.idx == int(number) - 1
    if run is not None and connection.execute(select(attempts.c.idx).where(*ours)).first() is not None:
        yield Node("attempt", f"{run}/{task}/{number}")


def _beginning(connection: Connection, ref: str) -> Iterator[Node]:
    for kind, column in _BY_ID:
        statement = select(column).where(column.startswith(ref, autoescape=True)).distinct().limit(AT_MOST + 1)
        yield from (Node(kind, name) for name in connection.execute(statement).scalars())


def _known(connection: Connection) -> Sequence[str]:
    """Some ids to choose from, the newest of each kind."""
    newest = (
        select(runs.c.id).order_by(runs.c.created.desc()),
        select(datasets.c.id).order_by(datasets.c.created.desc()),
        select(trainings.c.id).order_by(trainings.c.created.desc()),
    )
    return [name for statement in newest for name in connection.execute(statement.limit(50)).scalars()]
