"""Retraction: what turned out bad is marked, with all that grew from it. Nothing is deleted, and it can be undone.

The marks of a root are made anew whenever they are asked for, since new things may have grown since.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from reflexa.errors import UsageError
from reflexa.memory.database import Database
from reflexa.memory.lessons.schema import lessons
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.memory.lineage.growth import Growth, pieces
from reflexa.memory.lineage.nodes import Kind, LabelKey, Node, attempt_node, label_node
from reflexa.memory.lineage.schema import retractions
from reflexa.types import Frozen

RETRACTABLE: tuple[Kind, ...] = ("reflection", "lesson", "attempt", "label", "run", "dataset", "training")
_COLUMNS = retractions.c


class Retraction(Frozen):
    """That something is retracted: ``root`` is what it grew from, ``created`` in seconds since the epoch, UTC."""

    kind: Kind
    ref: str
    root: str
    reason: str
    created: float

    @property
    def words(self) -> str:
        """Why, in a few words."""
        own = self.root == Node(self.kind, self.ref).key
        because = f": {self.reason}" if self.reason else ""
        return f"retracted{because}" if own else f"grew from {Node.of_key(self.root)}, which is retracted{because}"


def retract(database: Database, node: Node, reason: str) -> list[Node]:
    """Marks a thing and all that grew from it; what grew, the nearest first."""
    check_retractable(node)
    return database.write(lambda connection: _mark(database, connection, node, reason, time.time()))


def restore(database: Database, node: Node) -> int:
    """Takes back a retraction; how many marks went. Lessons come back as quarantined ones, to be looked at again.

    Raises ``UsageError`` where this very thing was not retracted.
    """
    gone = database.write(partial(_unmark, node=node))
    if not gone:
        raise UsageError(f"{node} was not retracted itself: see which were with `reflexa memory retract --list`")
    return gone


def renew(database: Database) -> None:
    """Marks what grew from retracted things since they were."""
    for root in list_roots(database):
        node = Node(root.kind, root.ref)
        if database.read(partial(_has_unmarked, node=node)):
            retract(database, node, root.reason)


def list_roots(database: Database) -> list[Retraction]:
    """What was retracted itself, the newest first."""
    itself = _COLUMNS.kind.concat(" ").concat(_COLUMNS.ref)
    statement = select(retractions).where(_COLUMNS.root == itself)
    statement = statement.order_by(_COLUMNS.created.desc(), _COLUMNS.kind, _COLUMNS.ref)
    return database.read(lambda connection: [_retraction(row) for row in connection.execute(statement)])


def find(connection: Connection, nodes: Iterable[Node]) -> Mapping[Node, Retraction]:
    """Those of the things that are retracted, each by its first mark. An attempt is where its run is."""
    by_kind: defaultdict[Kind, set[str]] = defaultdict(set)
    for node in nodes:
        by_kind[node.kind].add(node.id)
    found: dict[Node, Retraction] = {}
    for kind, ids in by_kind.items():
        for some in pieces(sorted(ids)):
            statement = select(retractions).where(_COLUMNS.kind == kind, _COLUMNS.ref.in_(some))
            for row in connection.execute(statement.order_by(_COLUMNS.created)):
                found.setdefault(Node(kind, row.ref), _retraction(row))
    return found


def bad_attempts(connection: Connection, keys: Sequence[AttemptKey]) -> set[AttemptKey]:
    """Those of the attempts that are retracted, or whose runs are."""
    nodes = {key: (attempt_node(key), Node("run", key.run)) for key in keys}
    found = find(connection, (node for pair in nodes.values() for node in pair))
    return {key for key, pair in nodes.items() if any(node in found for node in pair)}


def bad_labels(connection: Connection, keys: Sequence[LabelKey]) -> set[LabelKey]:
    """Those of the labels that are retracted, or one of whose attempts is."""
    spoiled = bad_attempts(connection, [attempt for key in keys for attempt in key.attempts])
    found = find(connection, map(label_node, keys))
    return {key for key in keys if label_node(key) in found or not spoiled.isdisjoint(key.attempts)}


def check_retractable(node: Node) -> None:
    """Raises ``UsageError`` for what cannot be retracted."""
    if node.kind not in RETRACTABLE:
        raise UsageError(
            f"a {node.kind} cannot be retracted: name what went wrong: a reflection, lesson, attempt, label, run, "
            "data set, or a training run by its id or checkpoint"
        )


def _mark(database: Database, connection: Connection, node: Node, reason: str, now: float) -> list[Node]:
    grown = Growth(connection).of(node)
    rows = [
        {"kind": each.kind, "ref": each.id, "root": node.key, "reason": reason, "created": now}
        for each in (node, *grown)
    ]
    connection.execute(database.insert(retractions).on_conflict_do_nothing(), rows)
    _set_aside(connection, [each.id for each in (node, *grown) if each.kind == "lesson"], node)
    return grown


def _set_aside(connection: Connection, names: Sequence[str], root: Node) -> None:
    """Retracted lessons are never recalled: their status says so."""
    for some in pieces(names):
        recallable = lessons.c.id.in_(some), lessons.c.status.in_(("active", "quarantined"))
        changed = {"status": "retracted", "reason": f"grew from {root}, which was retracted"}
        connection.execute(update(lessons).where(*recallable).values(changed))


def _unmark(connection: Connection, node: Node) -> int:
    ours = _COLUMNS.root == node.key
    names = connection.execute(select(_COLUMNS.ref).where(ours, _COLUMNS.kind == "lesson")).scalars().all()
    gone = connection.execute(delete(retractions).where(ours)).rowcount
    still = find(connection, (Node("lesson", name) for name in names))
    back = [name for name in names if Node("lesson", name) not in still]
    for some in pieces(back):
        retracted = lessons.c.id.in_(some), lessons.c.status == "retracted"
        changed = {"status": "quarantined", "reason": "a retraction was taken back"}
        connection.execute(update(lessons).where(*retracted).values(changed))
    return gone


def _has_unmarked(connection: Connection, node: Node) -> bool:
    statement = select(_COLUMNS.kind, _COLUMNS.ref).where(_COLUMNS.root == node.key)
    known = {(row.kind, row.ref) for row in connection.execute(statement)}
    return any(tuple(each) not in known for each in Growth(connection).of(node))


def _retraction(row: Row[Any]) -> Retraction:
    return Retraction.model_validate(dict(row._mapping))
