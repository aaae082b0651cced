"""Short writes as single statements, which a server commits in one exchange: a transaction takes one for each step.

Each table's rows are one part of the statement, and the proof of the claim is its result: where the claim is gone the
result is an error (a division by zero), which undoes the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Insert, Select, bindparam, func, literal_column, select
from sqlalchemy.exc import DBAPIError

from reflexa.memory.database import Database
from reflexa.memory.episodes.encoding import Row
from reflexa.memory.schema import metadata
from reflexa.memory.sharing.schema import claims

LARGEST = 16
"""Rows of one table in a single statement, at most: many rows gain little from it."""
KNOWN_SHAPES = 64
_CLAIM = "claim"
"""The parameter for the token of the claim that must stand."""
_ONE: ColumnElement[Any] = literal_column("1")
_DIVISION_BY_ZERO = "22012"
Encode = Callable[[Any], Any]


class Group(NamedTuple):
    """Rows for one table, all with the same columns, and the insert that takes them."""

    table: str
    insert: Insert
    rows: Sequence[Row]


@dataclass(frozen=True)
class _Statement:
    """SQL text with the names of its parameters, in the order of the groups' values, and how each is encoded.

    ``constants`` are the parameters that are always the same.
    """

    text: str
    parameters: tuple[tuple[str, Encode | None], ...]
    constants: Mapping[str, Any]


class Statements:
    """Commits writes as single statements, and keeps those of the shapes that were seen. For any number of threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[object, _Statement] = {}

    def commit(self, groups: Sequence[Group], claim: str | None) -> bool:
        """Whether the rows were committed, while the claim of this token stood.

        False where they do not fit one statement, and where the claim is gone: then nothing was written.
        """
        if not _fits(groups):
            return False
        statement = self._statement(groups, claim is not None)
        values = (row[name] for group in groups for row in group.rows for name in group.rows[0])
        given = dict(statement.constants)
        for (name, encode), value in zip(statement.parameters, values, strict=True):
            given[name] = value if encode is None else encode(value)
        if claim is not None:
            given[_CLAIM] = claim
        return self._database.write_at_once(lambda connection: _execute(connection, statement.text, given))

    def _statement(self, groups: Sequence[Group], claimed: bool) -> _Statement:
        shape = (claimed, *((group.insert, len(group.rows), *group.rows[0]) for group in groups))
        known = self._known.get(shape)
        if known is None:
            if len(self._known) >= KNOWN_SHAPES:
                self._known = {}
            known = self._known[shape] = self._compile(groups, claimed)
        return known

    def _compile(self, groups: Sequence[Group], claimed: bool) -> _Statement:
        whole = _proof() if claimed else select(_ONE)
        parameters: list[tuple[str, Encode | None]] = []
        for place, group in enumerate(groups):
            columns = [metadata.tables[group.table].c[name] for name in group.rows[0]]
            rows = [_named(f"p{place}_{number}", columns) for number in range(len(group.rows))]
            parameters += [(parameter.key, self._encoder(column)) for row in rows for column, parameter in row]
            values = [{column.name: parameter for column, parameter in row} for row in rows]
            whole = whole.add_cte(group.insert.values(values).cte(f"part{place}"))
        compiled = whole.compile(dialect=self._database.dialect)
        ours = {_CLAIM, *(name for name, _ in parameters)}
        constants = {name: value for name, value in compiled.params.items() if name not in ours}
        return _Statement(str(compiled), tuple(parameters), constants)

    def _encoder(self, column: Column[Any]) -> Encode | None:
        dialect = self._database.dialect
        return column.type.dialect_impl(dialect).bind_processor(dialect)


def _fits(groups: Sequence[Group]) -> bool:
    """The parts of a statement run in no certain order: no two may be of one table, whose rows may be counted up."""
    once = len({group.table for group in groups}) == len(groups)
    return once and all(len(group.rows) <= LARGEST for group in groups)


def _named(prefix: str, columns: Sequence[Column[Any]]) -> list[tuple[Column[Any], Any]]:
    """Each column with the parameter for its value."""
    return [(column, bindparam(f"{prefix}_{column.name}", type_=column.type)) for column in columns]


def _proof() -> Select[Any]:
    """One where the claim stands, and stands until the commit; an error where it does not."""
    mine = select(claims.c.token).where(claims.c.token == bindparam(_CLAIM, type_=claims.c.token.type))
    held = mine.with_for_update(read=True, key_share=True).cte("held")
    return select(_ONE.op("/")(func.count())).select_from(held)


def _execute(connection: Connection, text: str, given: dict[str, Any]) -> bool:
    try:
        connection.exec_driver_sql(text, given)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _DIVISION_BY_ZERO:
            return False
        raise
    return True
