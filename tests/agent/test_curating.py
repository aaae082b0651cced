"""What operations do to lessons: nothing is stacked, nothing is lost, and what people stand behind stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.agent.curating import Curator
from reflexa.agent.operations import read_operations
from reflexa.agent.vetting import Vetting
from reflexa.lessons import Lesson, LessonSource
from reflexa.memory import Store
from reflexa.types import RunConfig
from tests.agent.lessons import record_use
from tests.agent.support import task

EMPTY = "Look at the empty list before you index into it."
SOURCE = LessonSource(run="r", task="t/0", attempt=1)
OTHER = LessonSource(run="r", task="t/1", attempt=0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "m.db") as opened:
        yield opened


def _curator(store: Store, split: str = "train") -> Curator:
    run = store.create_run(RunConfig(suite="s", model="scripted", split=split))
    return Curator(store, run, "custom", Vetting([task()]), "scripted")


def _do(store: Store, reply: str, source: LessonSource = SOURCE, split: str = "train") -> Curator:
    curator = _curator(store, split)
    curator.carry_out(read_operations(reply), (source,), ["a piece that was shown to the model before it replied"])
    return curator


def _added(store: Store, text: str = EMPTY, **update: object) -> Lesson:
    lesson = store.find_lesson(_do(store, f"ADD: {text}").tally.lessons[0])
    if update:
        store.change_lesson(lesson.model_copy(update=update))
    return store.find_lesson(lesson.id)


def _texts(store: Store) -> list[str]:
    return [lesson.text for lesson in store.lessons(status="active")]


def _refused(curator: Curator) -> dict[str, int]:
    return {each.why: each.count for each in curator.tally.refused}


def test_a_new_lesson_names_its_sources_its_split_and_who_wrote_it(store: Store) -> None:
    lesson = _added(store)
    assert (lesson.text, lesson.suite, lesson.split, lesson.trust, lesson.status) == (
        EMPTY,
        "custom",
        "train",
        "own",
        "active",
    )
    assert (lesson.sources, lesson.policy) == ((SOURCE,), "scripted")
    assert lesson.created > 0


@pytest.mark.parametrize("said", [EMPTY, EMPTY.upper(), "Look at the empty list, before you index into it!"])
def test_what_is_said_again_becomes_a_source_and_no_second_lesson(store: Store, said: str) -> None:
    lesson = _added(store)
    tally = _do(store, f"ADD: {said}", OTHER).tally
    assert (tally.added, tally.repeated) == (0, 1)
    assert store.find_lesson(lesson.id).sources == (SOURCE, OTHER)
    assert len(store.lessons()) == 1


def test_what_contradicts_a_lesson_takes_its_place(store: Store) -> None:
    lesson = _added(store)
    tally = _do(store, "ADD: Do not look at the empty list before you index into it.", OTHER).tally
    assert (tally.merged, tally.added) == (1, 0)
    old = store.find_lesson(lesson.id)
    assert (old.status, old.successor, old.reason) == ("merged", tally.lessons[0], "contradicted since")
    assert _texts(store) == ["Do not look at the empty list before you index into it."]


def test_an_edit_is_a_new_lesson_whose_outcomes_are_its_own(store: Store) -> None:
    lesson = _added(store)
    tally = _do(store, f"EDIT {lesson.id[:7]}: Before indexing ask whether the list is empty at all.", OTHER).tally
    new = store.find_lesson(tally.lessons[0])
    assert tally.edited == 1
    assert store.find_lesson(lesson.id).successor == new.id
    assert new.sources == (SOURCE, OTHER)
    assert store.lessons(status="active") == [new]


def test_a_merge_is_one_lesson_with_the_sources_of_all(store: Store) -> None:
    first, second = _added(store), _added(store, "Sort the numbers first of all.", sources=(OTHER,))
    text = "Prepare the list: sort it, and see whether it is empty."
    tally = _do(store, f"MERGE {first.id} {second.id}: {text}").tally
    assert tally.merged == 1
    assert _texts(store) == [text]
    assert store.find_lesson(tally.lessons[0]).sources == (SOURCE, OTHER)


def test_a_merge_inherits_the_split_that_must_not_be_learnt_from(store: Store) -> None:
    first = _added(store, split="test")
    second = _added(store, "Sort the numbers first of all.")
    tally = _do(store, f"MERGE {first.id} {second.id}: Prepare the list before anything else is done.").tally
    assert store.find_lesson(tally.lessons[0]).split == "test"


def test_a_dropped_lesson_says_why_and_does_not_come_back(store: Store) -> None:
    lesson = _added(store)
    assert _do(store, f"DROP {lesson.id}: it was wrong").tally.dropped == 1
    dropped = store.find_lesson(lesson.id)
    assert (dropped.status, dropped.reason) == ("dropped", "scripted: it was wrong")
    assert _refused(_do(store, f"ADD: {EMPTY}")) == {"withdrawn": 1}
    contrary = _do(store, "ADD: Never look at the empty list before you index into it.").tally
    assert contrary.added == 1


@pytest.mark.parametrize("reply", ["DROP {id}: wrong", "EDIT {id}: Something else that is worse than it was."])
@pytest.mark.parametrize("trust", ["checked", "imported"])
def test_no_model_touches_what_a_person_stands_behind(store: Store, reply: str, trust: str) -> None:
    lesson = _added(store, trust=trust)
    assert _refused(_do(store, reply.format(id=lesson.id))) == {"protected": 1}
    assert _do(store, f"ADD: {EMPTY}", OTHER).tally.repeated == 1
    assert store.find_lesson(lesson.id) == lesson


def test_what_has_shown_to_help_is_protected(store: Store) -> None:
    lesson = _added(store)
    _record_outcomes(store, lesson.id, shown_solved=12, left_out_failed=12)
    assert _refused(_do(store, f"DROP {lesson.id}: I do not like it")) == {"protected": 1}


def _record_outcomes(store: Store, lesson_id: str, shown_solved: int, left_out_failed: int) -> None:
    run = store.create_run(RunConfig(suite="s", model="scripted", split="train", memory="suite", explore=0.5))
    for number in range(shown_solved + left_out_failed):
        shown = number < shown_solved
        record_use(store, run.id, lesson_id, f"u/{number}", shown=shown, solved=shown)


@pytest.mark.parametrize("label", ["l000000", "lffffffffffffff"])
@pytest.mark.parametrize(
    "reply", ["DROP {}: wrong", "EDIT {}: Something else that is worse.", "MERGE {} l111111: Both of them in one."]
)
def test_a_name_that_no_lesson_has_is_refused(store: Store, reply: str, label: str) -> None:
    _added(store)
    assert _refused(_do(store, reply.format(label))) == {"unknown lesson": 1}


def test_another_suites_lessons_are_out_of_reach(store: Store) -> None:
    store.add_lessons([Lesson(id="labc123", text="Look at the map before you walk.", suite="other")])
    assert _refused(_do(store, "DROP labc123: it is not ours")) == {"unknown lesson": 1}


def test_an_imported_lesson_that_nobody_has_checked_keeps_no_lesson_out(store: Store) -> None:
    store.add_lessons([Lesson(id="labc123", text=EMPTY, suite="custom", trust="imported", status="quarantined")])
    assert _do(store, f"ADD: {EMPTY}").tally.added == 1


def test_the_same_reply_again_changes_nothing(store: Store) -> None:
    first, second = _added(store), _added(store, "Sort the numbers first of all.")
    reply = "\n".join(
        [
            "ADD: Read the whole statement twice, and then the example.",
            f"EDIT {first.id}: Before indexing ask whether the list is empty at all.",
            f"DROP {second.id}: it was wrong",
        ]
    )
    _do(store, reply)
    before = store.lessons()
    assert _do(store, reply).tally.repeated == 3
    assert store.lessons() == before


def test_a_lesson_keeps_a_bounded_number_of_sources(store: Store) -> None:
    lesson = _added(store)
    many = tuple(LessonSource(run="r", task=f"t/{number}", attempt=0) for number in range(100))
    curator = _curator(store)
    curator.carry_out(read_operations(f"ADD: {EMPTY}"), many, ())
    assert len(store.find_lesson(lesson.id).sources) == 64
