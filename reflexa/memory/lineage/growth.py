"""What grew from something: the attempts that saw it, the rows made of these, what was trained on them, and so on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, and_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from reflexa.memory.episodes.schema import attempts, recalls, reflections, runs
from reflexa.memory.lessons.schema import lesson_sources, lesson_uses, lessons
from reflexa.memory.lineage import comparisons as labelling
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.memory.lineage.nodes import (
    Kind,
    LabelKey,
    Node,
    attempt_key,
    attempt_node,
    folder_named,
    is_within,
    judges_of,
    label_key,
    label_node,
    models_of,
    training_folders,
)
from reflexa.memory.lineage.schema import comparisons, dataset_sources, datasets, trainings
from reflexa.types import RunConfig

Columns = ReadOnlyColumnCollection[str, Column[Any]]
AT_ONCE = 500
"""Names in one query: SQLite takes 999 at least."""
_REPLAY = "replay:"
_LEARNT: tuple[tuple[Kind, Columns, str], ...] = (
    ("reflection", reflections.c, "id"),
    ("lesson", lesson_sources.c, "lesson_id"),
    ("dataset", dataset_sources.c, "dataset_id"),
)
"""What is made of attempts: its kind, the table that says of which, and the column that names it."""


class _Training(NamedTuple):
    id: str
    model: str
    folders: tuple[str, ...]
    datasets: frozenset[str]


class Growth:
    """Follows the tracks forward, on one snapshot of the database. Each step asks for many things at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._steps: dict[Kind, Callable[[Sequence[str]], Iterator[Node]]] = {
            "reflection": self._of_reflections,
            "lesson": self._of_lessons,
            "attempt": self._of_attempts,
            "label": self._of_labels,
            "run": self._of_runs,
            "dataset": self._of_datasets,
            "training": self._of_trainings,
        }

    def of(self, start: Node) -> list[Node]:
        """All that grew from ``start``, the nearest first, without itself."""
        found: dict[Node, None] = {start: None}
        frontier = [start]
        while frontier:
            fresh: dict[Node, None] = {}
            for kind, step in self._steps.items():
                ids = [node.id for node in frontier if node.kind == kind]
                fresh |= {node: None for node in step(ids) if node not in found} if ids else {}
            found |= fresh
            frontier = list(fresh)
        return [node for node in found if node != start]

    def _of_reflections(self, ids: Sequence[str]) -> Iterator[Node]:
        """The attempts whose prompts held them, and the lessons that were distilled from them."""
        for some in pieces(ids):
            key = select(recalls.c.run_id, recalls.c.task_id, recalls.c.attempt)
            shown = key.where(recalls.c.reflection_id.in_(some)).distinct()
            yield from (attempt_node(AttemptKey(*row)) for row in self._connection.execute(shown))
            distilled = select(lesson_sources.c.lesson_id).where(lesson_sources.c.reflection_id.in_(some)).distinct()
            yield from (Node("lesson", name) for name in self._connection.execute(distilled).scalars())

    def _of_lessons(self, ids: Sequence[str]) -> Iterator[Node]:
        """All attempts of the episodes that they were shown in, and the lessons that they were merged into."""
        for some in pieces(ids):
            episode = and_(attempts.c.run_id == lesson_uses.c.run_id, attempts.c.task_id == lesson_uses.c.task_id)
            shown = (
                select(attempts.c.run_id, attempts.c.task_id, attempts.c.idx)
                .join(lesson_uses, episode)
                .where(lesson_uses.c.lesson_id.in_(some), lesson_uses.c.shown)
                .distinct()
            )
            yield from (attempt_node(AttemptKey(*row)) for row in self._connection.execute(shown))
            merged = select(lessons.c.successor).where(lessons.c.id.in_(some), lessons.c.successor.is_not(None))
            yield from (Node("lesson", name) for name in self._connection.execute(merged).scalars())

    def _of_attempts(self, names: Sequence[str]) -> Iterator[Node]:
        """What was learnt from them: reflections, lessons, and data sets with rows of theirs; and their labels."""
        by_run: defaultdict[str, list[AttemptKey]] = defaultdict(list)
        for key in map(attempt_key, names):
            by_run[key.run].append(key)
        for run, keys in by_run.items():
            wanted = {(key.task, key.attempt) for key in keys}
            for some in pieces(sorted({key.task for key in keys})):
                for kind, columns, name in _LEARNT:
                    statement = select(columns.task_id, columns.attempt, columns[name]).distinct()
                    ours = columns.run_id == run, columns.task_id.in_(some)
                    for task, attempt, found in self._connection.execute(statement.where(*ours)):
                        if (task, attempt) in wanted:
                            yield Node(kind, found)
                for label in self._labels(comparisons.c.run_id == run, comparisons.c.task_id.in_(some)):
                    if wanted & {(label.task, label.a), (label.task, label.b)}:
                        yield label_node(label)

    def _of_labels(self, names: Sequence[str]) -> Iterator[Node]:
        """The data sets with rows that they ordered."""
        by_run: defaultdict[str, set[LabelKey]] = defaultdict(set)
        for key in filter(None, map(label_key, names)):
            by_run[key.run].add(key)
        for run, keys in by_run.items():
            for some in pieces(sorted({key.task for key in keys})):
                statement = labelling.learnt().where(comparisons.c.run_id == run, comparisons.c.task_id.in_(some))
                for *parts, dataset in self._connection.execute(statement):
                    key = LabelKey(*parts)
                    if key in keys and labelling.makes(key.by, self._labels_of_datasets[dataset]):
                        yield Node("dataset", dataset)

    def _of_runs(self, ids: Sequence[str]) -> Iterator[Node]:
        """What was learnt from their attempts, the labels of these, and the runs that replayed them."""
        for some in pieces(ids):
            for kind, columns, name in _LEARNT:
                statement = select(columns[name]).where(columns.run_id.in_(some)).distinct()
                yield from (Node(kind, each) for each in self._connection.execute(statement).scalars())
            yield from map(label_node, self._labels(comparisons.c.run_id.in_(some)))
        replays = {_REPLAY + name for name in ids}
        yield from (Node("run", run) for run, specs in self._run_models if replays & set(specs))

    def _of_datasets(self, ids: Sequence[str]) -> Iterator[Node]:
        wanted = set(ids)
        yield from (Node("training", each.id) for each in self._trainings if each.datasets & wanted)

    def _of_trainings(self, ids: Sequence[str]) -> Iterator[Node]:
        """What went on from their checkpoints: other trainings, runs that these answered or judged in, and labels."""
        wanted = set(ids)
        folders = [folder for each in self._trainings if each.id in wanted for folder in each.folders]
        for each in self._trainings:
            if _any_within([each.model], folders):
                yield Node("training", each.id)
        for run, specs in self._run_models:
            if _any_within(specs, folders):
                yield Node("run", run)
        judges = self._connection.execute(select(comparisons.c.judge).distinct()).scalars()
        bad = [judge for judge in judges if _any_within(judges_of(judge), folders)]
        for some in pieces(bad):
            yield from map(label_node, self._labels(comparisons.c.judge.in_(some)))

    def _labels(self, *where: ColumnElement[bool]) -> Iterator[LabelKey]:
        statement = select(*labelling.KEY).where(*where).order_by(*labelling.KEY)
        return (LabelKey(*row) for row in self._connection.execute(statement))

    @cached_property
    def _labels_of_datasets(self) -> dict[str, object]:
        """By whose labels each data set's rows were ordered, as it was asked for."""
        rows = self._connection.execute(select(datasets.c.id, datasets.c.config))
        return {row.id: row.config.get("labels") for row in rows}

    @cached_property
    def _trainings(self) -> list[_Training]:
        statement = select(trainings).order_by(trainings.c.created)
        return [
            _Training(row.id, row.model, training_folders(row.config, row.checkpoint), frozenset(row.datasets))
            for row in self._connection.execute(statement)
        ]

    @cached_property
    def _run_models(self) -> list[tuple[str, tuple[str, ...]]]:
        """Every run with its models. A configuration may name a million tasks: one is in memory at a time."""
        statement = select(runs.c.id, runs.c.config).order_by(runs.c.created)
        streamed = self._connection.execute(statement.execution_options(stream_results=True))
        return [(run, models_of(RunConfig.model_construct(**config))) for run, config in streamed]


def _any_within(specs: Iterable[str], folders: Sequence[str]) -> bool:
    named = [path for path in map(folder_named, specs) if path is not None]
    return any(is_within(path, folder) for path in named for folder in folders)


def pieces(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names in pieces that one query can hold."""
    return (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))
