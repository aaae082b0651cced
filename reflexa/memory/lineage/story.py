"""The story of a thing, told backwards: row → attempt → verdicts, reflections, policy → checkpoint → its rows, …"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic import Field
from sqlalchemy import Connection, Row, func, select

from reflexa.memory.episodes.schema import attempts, recalls, reflections, runs, verdicts
from reflexa.memory.lessons.schema import lesson_sources, lesson_uses, lessons
from reflexa.memory.lineage import comparisons, finding, retracting, schema
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.memory.lineage.nodes import (
    Kind,
    LabelKey,
    Node,
    attempt_key,
    attempt_node,
    folder_named,
    judges_of,
    label_key,
    label_node,
    models_of,
)
from reflexa.memory.lineage.schema import dataset_sources, datasets, improvements, trainings
from reflexa.types import Frozen, RunConfig

_SOURCES = dataset_sources.c


class Bounds(Frozen):
    """How much is told: ``depth`` generations, and ``limit`` origins of one kind at each."""

    depth: int = Field(default=8, ge=0)
    limit: int = Field(default=3, ge=1)


class Story(Frozen):
    """One thing and what it was made from.

    ``facts`` are short statements, ``retracted`` says why it is not to be trusted any more. ``more`` counts origins
    that are not told; with ``again`` they were told above.
    """

    kind: Kind
    id: str
    facts: tuple[str, ...] = ()
    retracted: str | None = None
    origins: tuple[Story, ...] = ()
    more: int = 0
    again: bool = False


class _Told(NamedTuple):
    """What is known of a thing: statements, the origins that may be told, and how many there are beyond these."""

    facts: Sequence[str]
    origins: Sequence[Node] = ()
    more: int = 0


class Teller:
    """Follows the tracks backward, on one snapshot of the database."""

    def __init__(self, connection: Connection, bounds: Bounds) -> None:
        self._connection, self._bounds = connection, bounds
        self._told: set[Node] = set()
        self._parts: dict[Kind, Callable[[str], _Told]] = {
            "improvement": self._improvement,
            "model": self._model,
            "training": self._training,
            "dataset": self._dataset,
            "row": self._row,
            "label": self._label,
            "attempt": self._attempt,
            "run": self._run,
            "reflection": self._reflection,
            "lesson": self._lesson,
        }

    def tell(self, node: Node, depth: int | None = None) -> Story:
        """The story of a thing that the database knows."""
        left = self._bounds.depth if depth is None else depth
        part = self._parts[node.kind](node.id)
        mark = retracting.find(self._connection, [node]).get(node)
        story = Story(
            kind=node.kind,
            id=node.id,
            facts=tuple(fact for fact in part.facts if fact),
            retracted=None if mark is None else mark.words,
        )
        n = len(part.origins) + part.more
        if node in self._told and n:
            return story.model_copy(update={"again": True, "more": n})
        self._told.add(node)
        if left == 0:
            return story.model_copy(update={"more": n})
        origins = tuple(self.tell(origin, left - 1) for origin in part.origins)
        return story.model_copy(update={"origins": origins, "more": part.more})

    def _one(self, statement: Any) -> Row[Any]:
        row: Row[Any] = self._connection.execute(statement).one()
        return row

    def _few(self, nodes: Sequence[Node]) -> tuple[Sequence[Node], int]:
        """As many as are told, and how many are not."""
        limit = self._bounds.limit
        return nodes[:limit], max(0, len(nodes) - limit)

    def _improvement(self, name: str) -> _Told:
        ledger = self._one(select(improvements.c.ledger).where(improvements.c.id == name)).ledger
        config, rounds = ledger["config"], ledger["rounds"]
        facts = [f"{config['method']} on {config['suite']}, from {config['model']}, {ledger['status']}"]
        if ledger.get("base") is not None:
            facts.append(f"before: {_percent(ledger['base'])} held out")
        for each in rounds:
            held_out = "" if each.get("held_out") is None else f"{_percent(each['held_out'])} held out, "
            facts.append(f"round {each['number']}: {held_out}{'promoted' if each.get('promoted') else 'not promoted'}")
        made = [_made_in(each) for each in reversed(rounds)]
        return _Told(facts, *self._few([node for node in made if node is not None]))

    def _model(self, name: str) -> _Told:
        training = finding.training_of(self._connection, name)
        return _Told([], []) if training is None else _Told([], [Node("training", training)])

    def _training(self, name: str) -> _Told:
        row = self._one(select(trainings).where(trainings.c.id == name))
        loss = "" if row.loss is None else f", loss {row.loss:.4f}"
        facts = [f"{row.algorithm}, {row.status}{loss}", f"made {row.checkpoint}" if row.checkpoint else ""]
        data, more = self._few([Node("dataset", each) for each in row.datasets])
        if not row.datasets:
            facts.append(_unrecorded(row.config))
        return _Told(facts, [_model_node(row.model), *data], more)

    def _dataset(self, name: str) -> _Told:
        row = self._one(select(datasets).where(datasets.c.id == name))
        ours = _SOURCES.dataset_id == name
        n = self._connection.execute(
            select(func.count()).select_from(
                select(_SOURCES.run_id, _SOURCES.task_id, _SOURCES.attempt).where(ours).distinct().subquery()
            )
        ).scalar_one()
        found = self._connection.execute(select(_SOURCES.run_id).where(ours).distinct().order_by(_SOURCES.run_id))
        from_runs, more = self._few([Node("run", run) for run in found.scalars()])
        shown = min(row.rows, self._bounds.limit)
        rows = [Node("row", f"{name}/{number + 1}") for number in range(shown)]
        dropped = [f"{n:,} {what}" for what, n in row.counts.items() if "dropped" in what]
        facts = [f"{row.rows:,} {row.kind} rows of {n:,} attempts, in {row.path}", ", ".join(dropped)]
        return _Told(facts, [*from_runs, *rows], more + row.rows - shown)

    def _row(self, name: str) -> _Told:
        dataset, _, number = name.rpartition("/")
        statement = (
            select(_SOURCES.run_id, _SOURCES.task_id, _SOURCES.attempt)
            .where(_SOURCES.dataset_id == dataset, _SOURCES.row == int(number) - 1)
            .order_by(_SOURCES.idx)
        )
        sources = [attempt_node(AttemptKey(*row)) for row in self._connection.execute(statement)]
        return _Told([], *self._few([*self._ordered_by(dataset, int(number) - 1), *sources]))

    def _ordered_by(self, dataset: str, row: int) -> list[Node]:
        """The labels that put the one answer of a row before the other."""
        options = self._one(select(datasets.c.config).where(datasets.c.id == dataset)).config
        row_of = comparisons.CHOSEN.c.dataset_id == dataset, comparisons.CHOSEN.c.row == row
        found = (LabelKey(*key) for *key, _ in self._connection.execute(comparisons.learnt().where(*row_of)))
        return [label_node(key) for key in found if comparisons.makes(key.by, options.get("labels"))]

    def _label(self, name: str) -> _Told:
        key = label_key(name)
        row = (
            None
            if key is None
            else self._connection.execute(select(schema.comparisons).where(comparisons.where_key(key))).first()
        )
        if key is None or row is None:
            return _Told(["not recorded here"])
        label = comparisons.decode(row)
        facts = [
            f"attempt {key.a + 1} is better than {key.b + 1} with probability {label.probability:.2f}",
            f"{_percent(label.consistency)} of judgements the same in both orders",
        ]
        return _Told(facts, *self._few([*map(attempt_node, key.attempts), *map(_model_node, judges_of(label.judge))]))

    def _attempt(self, name: str) -> _Told:
        key = attempt_key(name)
        columns = attempts.c
        ours = columns.run_id == key.run, columns.task_id == key.task, columns.idx == key.attempt
        row = self._connection.execute(select(columns.policy).where(*ours)).first()
        if row is None:
            return _Told(["not recorded here"])
        judged = verdicts.c.run_id == key.run, verdicts.c.task_id == key.task, verdicts.c.attempt == key.attempt
        given = self._connection.execute(select(verdicts).where(*judged).order_by(verdicts.c.role.desc())).all()
        remembered, more = self._few([*self._recalled(key), *self._shown(key)])
        return _Told([_verdict_words(each) for each in given], [*remembered, _model_node(row.policy)], more)

    def _recalled(self, key: AttemptKey) -> list[Node]:
        """The reflections that stood in an attempt's prompt."""
        columns = recalls.c
        ours = columns.run_id == key.run, columns.task_id == key.task, columns.attempt == key.attempt
        names = self._connection.execute(select(columns.reflection_id).where(*ours).order_by(columns.idx)).scalars()
        return [Node("reflection", name) for name in names]

    def _shown(self, key: AttemptKey) -> list[Node]:
        """The lessons that stood in its episode's prompts."""
        columns = lesson_uses.c
        ours = columns.run_id == key.run, columns.task_id == key.task, columns.shown
        names = self._connection.execute(select(columns.lesson_id).where(*ours).order_by(columns.idx)).scalars()
        return [Node("lesson", name) for name in names]

    def _run(self, name: str) -> _Told:
        row = self._one(select(runs).where(runs.c.id == name))
        config = RunConfig.model_validate(row.config)
        facts = [
            f"{config.suite} ({config.split}), {config.strategy}, feedback {config.feedback}, {row.status}",
            f"Reflexa {row.code_version}" if row.code_version else "",
        ]
        return _Told(facts, [_model_node(spec) for spec in models_of(config)])

    def _reflection(self, name: str) -> _Told:
        row = self._connection.execute(select(reflections).where(reflections.c.id == name)).first()
        if row is None:
            return _Told(["not recorded here"])
        facts = [f"“{row.text}”", f"by {row.policy or 'an unnamed model'}"]
        return _Told(facts, [attempt_node(AttemptKey(row.run_id, row.task_id, row.attempt))])

    def _lesson(self, name: str) -> _Told:
        row = self._one(select(lessons).where(lessons.c.id == name))
        pack = f", imported with {row.pack}" if row.pack else ""
        columns = lesson_sources.c
        found = self._connection.execute(select(lesson_sources).where(columns.lesson_id == name).order_by(columns.idx))
        merged = self._connection.execute(select(lessons.c.id).where(lessons.c.successor == name)).scalars()
        origins = [*map(_source, found), *(Node("lesson", each) for each in merged)]
        return _Told([f"“{row.text}”", f"{row.status}, trust {row.trust}{pack}"], *self._few(origins))


def _source(row: Row[Any]) -> Node:
    """Where a lesson came from: the reflection on an attempt, or the attempt itself."""
    if row.reflection_id is not None:
        return Node("reflection", row.reflection_id)
    return attempt_node(AttemptKey(row.run_id, row.task_id, row.attempt))


def _made_in(found: dict[str, Any]) -> Node | None:
    """What a round of improvement made: a training, or as far as it came."""
    for kind, name in (("training", found.get("training")), ("dataset", found.get("dataset"))):
        if name:
            return Node("training" if kind == "training" else "dataset", name)
    return None


def _model_node(spec: str) -> Node:
    """A model by its folder where it is a checkpoint's, else by its name: a prefix (``gguf:``) says what a file is."""
    checkpoint = spec.removeprefix("hf:")
    return Node("model", checkpoint if ":" in checkpoint else folder_named(checkpoint) or checkpoint)


def _verdict_words(row: Row[Any]) -> str:
    return f"{row.role}: {'passed' if row.passed else 'failed'}, {row.score:.2f} by {row.verifier} {row.version}"


def _unrecorded(config: dict[str, Any]) -> str:
    files = ", ".join(str(each) for each in config.get("data") or ())
    return f"read {files}, of which no record is kept" if files else "learnt from samples of its own"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
