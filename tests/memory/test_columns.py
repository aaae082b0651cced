from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select

from reflexa.memory.columns import LosslessJSON, LosslessText, to_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT
ANY_JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner), max_leaves=8)

table = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("text", LosslessText),
    Column("value", LosslessJSON),
)


def there_and_back(url: str, rows: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    engine = create_engine(url)
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(table), [{"text": text, "value": value} for text, value in rows])
        found = [(text, value) for _, text, value in connection.execute(select(table).order_by(table.c.id))]
    table.metadata.drop_all(engine)
    engine.dispose()
    return found


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, ANY_JSON), min_size=1, max_size=20))
def test_text_and_json_come_back_from_sqlite(rows: list[tuple[str, Any]]) -> None:
    assert there_and_back("sqlite://", rows) == rows


def test_text_and_json_come_back(url: str) -> None:
    rows: list[tuple[str, Any]] = [
        ("", None),
        ("a\x00b\ud800\x1a", ["a\x00b\ud800\x1a", {"\udfff": math.inf}, -(2**70), 0.1, "é🙂"]),
        ("\\u0000 \\x1a", {"\\u0000": "\\ud800"}),
    ]
    assert there_and_back(url.replace("postgresql://", "postgresql+psycopg://"), rows) == rows


def test_absent_text_is_absent(empty_url: str) -> None:
    engine = create_engine(empty_url.replace("postgresql://", "postgresql+psycopg://"))
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(table), {"text": None})
        assert connection.execute(select(table.c.text, table.c.value)).one() == (None, None)
    engine.dispose()


def test_json_is_compact_and_readable() -> None:
    assert to_json({"a": [1, "é"]}) == '{"a":[1,"é"]}'
