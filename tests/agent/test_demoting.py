"""Lessons that hurt go into quarantine by the rule, and no others do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.agent.demoting import figures, quarantine_harmful
from reflexa.memory import Store
from reflexa.types import RunConfig
from tests.agent.lessons import lesson, record_use


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "m.db") as opened:
        yield opened


def _played(store: Store, lesson_id: str, with_it: str, without: str) -> None:
    """Episodes that were shown the lesson and that it was left out of: ``+`` was solved, ``-`` was not."""
    run = store.create_run(RunConfig(suite="s", model="scripted", split="train", memory="suite", explore=0.5))
    for number, mark in enumerate(with_it + without):
        record_use(store, run.id, lesson_id, f"t/{number}", shown=number < len(with_it), solved=mark == "+")


@pytest.mark.parametrize(
    ("with_it", "without", "quarantined"),
    [
        ("--------", "++++++++", True),
        ("--------++", "++++++++++", True),
        ("++++++++", "--------", False),
        ("--------", "--------", False),
        ("----++++", "+++++---", False),
        ("-----", "+++++", False),
        ("--------", "", False),
    ],
)
def test_the_rule(store: Store, with_it: str, without: str, quarantined: bool) -> None:
    store.add_lessons([lesson("l1", "Say the right word."), lesson("l2", "Never recalled at all.")])
    _played(store, "l1", with_it, without)
    found = quarantine_harmful(store, store.lessons())
    assert [each.id for each in found] == ["l1"] * quarantined
    assert store.find_lesson("l1").status == ("quarantined" if quarantined else "active")
    assert store.find_lesson("l2").status == "active"


def test_a_lesson_that_helps_in_every_run_stays_whatever_all_of_them_say_together(store: Store) -> None:
    store.add_lessons([lesson("l1", "Say the right word.")])
    _played(store, "l1", "+" * 10, "+" * 25 + "-" * 10)  # a strong model, that was mostly left without it
    _played(store, "l1", "+" * 8 + "-" * 27, "-" * 10)  # a weak one, that mostly had it: 18 of 45 against 25 of 45
    assert quarantine_harmful(store, store.lessons()) == ()
    assert figures(store.lesson_trials(["l1"])["l1"]).startswith(
        "solved 18 of 45 with it and 25 of 45 without in 2 runs, P(helps) 0.9"
    )


def test_the_figures_are_the_reason_and_nobody_is_demoted_twice(store: Store) -> None:
    store.add_lessons([lesson("l1", "Say the right word.", trust="checked")])
    _played(store, "l1", "--------", "++++++++")
    (found,) = quarantine_harmful(store, store.lessons())
    assert found == store.find_lesson("l1")
    assert found.reason.startswith("harmful: solved 0 of 8 with it and 8 of 8 without, P(helps) ")
    assert [version.status for version in store.lesson_versions("l1")] == ["active"]
    assert quarantine_harmful(store, store.lessons()) == ()
    store.add_lessons([lesson("l2", "Dropped before.", status="dropped")])
    _played(store, "l2", "--------", "++++++++")
    assert quarantine_harmful(store, store.lessons()) == ()
