"""Lessons in the story: distilled from a reflection, shown in episodes, merged into another, retracted and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from reflexa.lessons import Lesson, LessonSource, RecallQuery
from reflexa.memory.lineage.nodes import Node
from reflexa.memory.lineage.story import Bounds
from reflexa.memory.store import Store
from tests.memory.growing import History

WORDS = "Carry the ones before adding the tens."


@pytest.fixture
def history(store: Store, tmp_path: Path) -> History:
    """Lesson ``la`` came from reflection ``bad``, run ``apart`` was shown it and not ``lb``, and it became ``lc``."""
    history = History(store, tmp_path)
    source = LessonSource(run=history.first, task="Sums/0", attempt=0, reflection="bad")
    other = LessonSource(run=history.second, task="Sums/0", attempt=0)
    store.add_lessons(
        [
            Lesson(id="la", text=WORDS, suite="sums", sources=(source,), successor="lc", created=1.0),
            Lesson(id="lb", text="Subtract the smaller of two tens.", suite="sums", created=2.0),
            Lesson(
                id="lc",
                text="Write ones below ones before adding anything.",
                suite="sums",
                sources=(other,),
                created=3.0,
            ),
        ]
    )
    store.record_lesson_uses(history.apart, "Sums/0", ["la"], ["lb"])
    return history


def recalled(store: Store) -> set[str]:
    query = RecallQuery(
        text="carry ones adding tens subtract write below", suite="sums", split="train", task_id="Sums/9"
    )
    return {found.lesson.id for found in store.recall_lessons(query)}


def test_what_saw_a_lesson_grew_from_it_and_what_was_left_out_did_not(history: History) -> None:
    grown = history.store.ancestry.grown("la")
    assert {Node("attempt", f"{history.apart}/Sums/0/{n}") for n in (1, 2)} <= set(grown)
    assert {Node("lesson", "lc"), Node("training", "t9")} <= set(grown)
    assert history.store.ancestry.grown("lb") == []


def test_a_lesson_grew_from_its_reflection_and_from_its_attempts(history: History) -> None:
    assert Node("lesson", "la") in history.store.ancestry.grown("bad")
    assert Node("lesson", "lc") in history.store.ancestry.grown(f"{history.second}/Sums/0/1")
    assert Node("lesson", "lc") in history.store.ancestry.grown(history.second)


def test_a_retracted_lesson_is_recalled_no_more_and_comes_back_quarantined(history: History) -> None:
    store = history.store
    assert {"la", "lb", "lc"} == recalled(store)
    store.ancestry.retract("bad", "it names the answer")
    assert recalled(store) == {"lb"}
    assert store.find_lesson("la").reason == "grew from reflection bad, which was retracted"
    store.ancestry.restore("bad")
    assert [store.find_lesson(name).status for name in ("la", "lb", "lc")] == ["quarantined", "active", "quarantined"]


def test_a_lesson_that_two_roots_spoiled_stays_out_until_both_are_taken_back(history: History) -> None:
    ancestry = history.store.ancestry
    ancestry.retract("bad")
    ancestry.retract("la")
    ancestry.restore("bad")
    assert history.store.find_lesson("la").status == "retracted"


def test_the_story_of_a_lesson_and_of_what_was_shown_it(history: History) -> None:
    story = history.store.ancestry.story("la", Bounds(depth=1))
    assert story.facts == (f"“{WORDS}”", "active, trust own")
    assert [(origin.kind, origin.id) for origin in story.origins] == [("reflection", "bad")]
    merged = history.store.ancestry.story("lc", Bounds(depth=1))
    assert [origin.id for origin in merged.origins] == [f"{history.second}/Sums/0/1", "la"]
    shown = history.store.ancestry.story(f"{history.apart}/Sums/0/2", Bounds(depth=1))
    assert [(origin.kind, origin.id) for origin in shown.origins] == [
        ("reflection", "other"),
        ("lesson", "la"),
        ("model", "base"),
    ]


def test_an_index_finds_every_step_of_the_way(store: Store, url: str) -> None:
    """Nothing large is read as a whole to follow a track: the database's own plan says so."""
    plans = [
        "SELECT lesson_id FROM lesson_sources WHERE reflection_id = 'x'",
        "SELECT id FROM lessons WHERE successor = 'x'",
        "SELECT id FROM reflections WHERE id = 'x'",
        "SELECT run_id FROM recalls WHERE reflection_id = 'x'",
        "SELECT run_id FROM lesson_uses WHERE lesson_id = 'x'",
        "SELECT dataset_id FROM dataset_sources WHERE run_id = 'x' AND task_id = 'y'",
        "SELECT ref FROM retractions WHERE kind = 'x' AND ref = 'y'",
        "SELECT ref FROM retractions WHERE root = 'x'",
    ]
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        scanned = [statement for statement in plans if is_scan(connection, statement)]
    engine.dispose()
    assert scanned == []


def is_scan(connection: Connection, statement: str) -> bool:
    """Whether a query reads a table or an index from end to end, where it need not: the tables are nearly empty."""
    if connection.dialect.name == "sqlite":
        return any("SCAN" in row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}")))
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    return any("Seq Scan" in row[0] for row in connection.execute(text(f"EXPLAIN {statement}")))
