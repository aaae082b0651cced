"""Played attempts: a row for each turn that led to an action."""

from __future__ import annotations

from pathlib import Path

from reflexa.memory import Store
from reflexa.prompting import NOTES
from reflexa.types import (
    Attempt,
    Call,
    CallContext,
    Completion,
    Episode,
    Graded,
    Message,
    Reflection,
    RunConfig,
    Sampling,
    Step,
    ToolSpec,
)
from tests.export.support import a_task, a_verdict, exported

TURNS = (
    Step(thought="Look.", action="open curtain", observation="Light!"),
    Step(observation="A reply needs an action."),
    Step(action="leave", observation="You are out."),
)
LESSON = "Open the curtain first."


def opening(lesson: str = "") -> tuple[Message, ...]:
    return (Message(role="system", content="Be brief."), Message(role="user", content=f"{lesson}You are in a room."))


def played(index: int, passed: bool, lesson: str = "") -> Graded:
    attempt = Attempt(
        index=index,
        messages=opening(lesson),
        completion=Completion(text="Action: leave"),
        steps=TURNS,
        answer="open curtain\nleave",
        policy="x",
        recalled=("r0",) if lesson else (),
    )
    return Graded(attempt=attempt, judged=a_verdict(float(passed)))


def record(
    store: Store,
    calls: bool = True,
    first_recalls: bool = False,
    sampling: Sampling | None = None,
    notes: str = "",
) -> None:
    """A failure, a lesson and a success; each turn's call shows the opening, with a note, and the turn before.

    ``notes`` are lessons of other tasks, with which every attempt begins.
    """
    task = a_task()
    run = store.create_run(RunConfig(suite=task.suite, split="train", model="x")).id
    tries = (played(0, False, LESSON if first_recalls else ""), played(1, True, LESSON))
    if notes:
        first, second = (each.attempt.model_copy(update={"messages": opening(notes)}) for each in tries)
        tries = (tries[0].model_copy(update={"attempt": first}), tries[1].model_copy(update={"attempt": second}))
    lesson = Reflection(id="r0", task_id=task.id, attempt=0, text=LESSON, split="train")
    store.begin_episode(run, task)
    for graded in tries:
        attempt = graded.attempt
        store.record_attempt(run, task.id, attempt)
        assert graded.judged is not None
        store.record_verdict(run, task.id, attempt.index, "judge", graded.judged)
        for number, step in enumerate(TURNS if calls else ()):
            shown = attempt.messages[-1].content + (" (1 turn is not shown.)" if number == 2 else "")
            call = Call(
                context=CallContext(task_id=task.id, purpose="attempt", attempt=attempt.index, sample=number),
                policy="x",
                messages=(attempt.messages[0], Message(role="user", content=shown), *_before(number)),
                sampling=sampling or Sampling(),
                completion=Completion(text=f"Action: {step.action or '?'}"),
            )
            store.record_call(run, call)
    store.record_reflection(run, task.id, lesson)
    store.end_episode(run, Episode(task=task, strategy="reflexion", tries=tries, reflections=(lesson,), submitted=1))


def _before(number: int) -> tuple[Message, ...]:
    if not number:
        return ()
    return (Message(role="assistant", content="before"), Message(role="user", content=f"Observation {number}"))


def test_each_turn_is_a_row_with_what_was_sent(store: Store, tmp_path: Path) -> None:
    record(store)
    card, rows = exported(store, tmp_path, "sft", format="reflexa")
    assert [row["completion"][0]["content"] for row in rows] == ["Action: open curtain", "Action: leave"]
    assert rows[0]["prompt"][1]["content"] == f"{LESSON}You are in a room."
    assert rows[1]["prompt"][-1]["content"] == "Observation 2"
    assert {row["lineage"]["sources"][0]["attempt"] for row in rows} == {1}
    assert card.rows_dropped == {}


def test_without_memory_it_begins_as_the_first_attempt_did(store: Store, tmp_path: Path) -> None:
    record(store)
    _, rows = exported(store, tmp_path, "sft", without_memory=True)
    assert [row["prompt"][1]["content"] for row in rows] == [
        "You are in a room.",
        "You are in a room. (1 turn is not shown.)",
    ]
    assert rows[1]["prompt"][-1]["content"] == "Observation 2"


def test_without_memory_nothing_is_made_up(store: Store, tmp_path: Path) -> None:
    record(store, first_recalls=True)
    card, rows = exported(store, tmp_path, "sft", without_memory=True)
    assert rows == []
    assert card.rows_dropped == {"no prompt without memory": 2}


def test_a_first_attempt_with_notes_from_other_tasks_had_memory_too(store: Store, tmp_path: Path) -> None:
    record(store, notes=f"{NOTES} Look behind things. ")
    card, rows = exported(store, tmp_path, "sft", without_memory=True)
    assert rows == []
    assert card.rows_dropped == {"no prompt without memory": 2}


def test_turns_whose_calls_were_not_recorded_are_counted(store: Store, tmp_path: Path) -> None:
    record(store, calls=False)
    card, rows = exported(store, tmp_path, "sft")
    assert rows == []
    assert card.rows_dropped == {"no recorded prompt": 2}


def test_turns_that_were_to_be_native_calls_are_no_rows_of_text(store: Store, tmp_path: Path) -> None:
    record(store, sampling=Sampling(tools=(ToolSpec(name="leave", summary="", argument="X"),)))
    card, rows = exported(store, tmp_path, "sft")
    assert rows == []
    assert card.rows_dropped == {"native tool calls": 2}


def test_played_attempts_are_no_single_answers(store: Store, tmp_path: Path) -> None:
    record(store)
    for kind in ("preferences", "unpaired", "rankings"):
        card, rows = exported(store, tmp_path, kind)
        assert rows == []
        assert card.rows_dropped == {"played": 2}
