"""What tables are made of: types whose values come back exactly as they went in, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, Dialect, Double, Integer, MetaData, Text
from sqlalchemy.types import TypeDecorator

from reflexa.memory.escaping import escape, unescape

metadata = MetaData()
"""Every table stands here once ``reflexa.memory.schema`` is imported."""
BigInt = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer: SQLite counts up only those keys that are declared INTEGER."""
Real: Double[float] = Double()


class LosslessText(TypeDecorator[str]):
    """Text of any content, lone surrogates and NULs included."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else unescape(value)


class LosslessJSON(TypeDecorator[Any]):
    """A JSON value as compact text; Python's NaN and infinities survive."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else escape(to_json(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(unescape(value))


def to_json(value: Any) -> str:
    """Compact JSON text of a value; it may hold lone surrogates."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
