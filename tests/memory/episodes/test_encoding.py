from __future__ import annotations

import pytest

from reflexa.errors import StoreError
from reflexa.memory.episodes import encoding
from reflexa.memory.episodes.encoding import Write
from reflexa.memory.schema import metadata
from tests.memory.support import AWKWARD, a_call, a_reflection, a_task, a_verdict, an_attempt, an_episode


def every_write() -> list[Write]:
    return [
        encoding.call_rows("run", a_call()),
        encoding.begin_rows("run", a_task()),
        encoding.attempt_rows("run", "Sums/0", an_attempt(1)),
        encoding.verdict_rows("run", "Sums/0", 0, "judge", a_verdict()),
        encoding.reflection_rows("run", "Sums/0", a_reflection()),
        encoding.end_rows("run", an_episode()),
        encoding.episode_rows("run", an_episode()),
    ]


def test_every_row_fits_its_table() -> None:
    for write in every_write():
        for table, rows in write.rows:
            columns = metadata.tables[table].columns
            for row in rows:
                assert set(row) <= set(columns.keys())
                required = {name for name, column in columns.items() if not column.nullable and name != "seq"}
                assert required <= set(row)


def test_a_text_is_named_by_its_content() -> None:
    assert encoding.digest("") == "cae66941d9efbd404e4d88758ea67670"
    assert encoding.digest(AWKWARD) == encoding.digest(AWKWARD)
    assert encoding.digest("\ud800") != encoding.digest("\udfff")


def test_a_task_is_named_by_all_of_it() -> None:
    task = a_task()
    assert encoding.task_digest(task) == encoding.task_digest(a_task())
    assert encoding.task_digest(task) != encoding.task_digest(task.model_copy(update={"split": "test"}))


def test_bodies_hold_each_long_text_once() -> None:
    write = encoding.attempt_rows("run", "Sums/0", an_attempt())
    contents = {message.content for message in an_attempt().messages}
    assert contents < set(write.bodies.values())
    assert len(write.bodies) == len(contents) + 1  # and the completion
    assert all(encoding.digest(body) == name for name, body in write.bodies.items())


def test_a_whole_episode_is_one_write() -> None:
    tables = [table for table, _ in encoding.episode_rows("run", an_episode()).rows]
    assert tables[:2] == ["tasks", "episodes"]
    assert tables.count("attempts") == 2
    assert tables.count("verdicts") == 4
    assert tables.count("reflections") == 1


def test_an_outcome_replaces_and_nothing_else_does() -> None:
    assert [write.replaces for write in every_write()] == [(), (), (), (), (), ("episodes",), ("episodes",)]


def test_a_reflection_about_another_task_is_refused() -> None:
    with pytest.raises(StoreError, match="record it with its own task"):
        encoding.reflection_rows("run", "Sums/1", a_reflection(0, "Sums/0"))
