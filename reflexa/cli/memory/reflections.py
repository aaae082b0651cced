"""Kept reflections: listed, and one of them or a lesson shown in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.memory.lessons import lesson_text
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import open_store
from reflexa.cli.text import aligned, indented, one_line
from reflexa.cli.why import retracted
from reflexa.errors import UsageError, unknown_name
from reflexa.types import Reflection

if TYPE_CHECKING:
    from reflexa.cli.options.memory import ListOptions, ShowOptions
    from reflexa.memory import Store


def show_reflections(options: ListOptions) -> int:
    """``reflexa memory list``."""
    with open_store(options.database) as store:
        run_id = store.find_run(options.run).id if options.run else None
        kept = store.reflections(run_id=run_id, task_id=options.task, suite=options.suite, limit=options.limit)
    if options.json:
        emit_json([reflection.model_dump() for reflection in kept])
        return DONE
    if not kept:
        emit("no reflections match" if options.run or options.task or options.suite else "no reflections yet")
        return DONE
    rows = [("id", "task", "attempt", "split", "reflection")]
    rows += [
        (kept.id, one_line(kept.task_id, 30), str(kept.attempt + 1), kept.split, one_line(kept.text, 80) or "(empty)")
        for kept in kept
    ]
    emit(aligned(rows))
    return DONE


def show_reflection(options: ShowOptions) -> int:
    """``reflexa memory show``."""
    with open_store(options.database) as store:
        reflection = _find_reflection(store, options.id)
        if reflection is None:
            return _show_lesson(store, options)
        mark = retracted(store, "reflection", reflection.id)
    if options.json:
        emit_json(reflection)
        return DONE
    emit(
        f"{reflection.id}: {one_line(reflection.task_id)} ({reflection.split}), after attempt {reflection.attempt + 1}"
    )
    emit(f"written by {one_line(reflection.policy) or 'an unnamed model'}")
    if mark:
        emit(f"! {one_line(mark)}")
    emit(indented(reflection.text or "(empty)"))
    return DONE


def _find_reflection(store: Store, ref: str) -> Reflection | None:
    every = store.reflections()
    found = [kept for kept in every if kept.id == ref] or [kept for kept in every if ref and kept.id.startswith(ref)]
    if len(found) > 1:
        raise UsageError(
            f"reflection {ref!r} could be {' or '.join(kept.id for kept in found[:5])}: give more of its id"
        )
    return found[0] if found else None


def _show_lesson(store: Store, options: ShowOptions) -> int:
    try:
        lesson = store.find_lesson(options.id)
    except UsageError as error:
        some = [kept.id for kept in store.reflections(limit=200)]
        raise UsageError(f"{unknown_name('reflection', options.id, some)}; {error}") from error
    if options.json:
        emit_json(lesson)
    else:
        outcomes, trials = store.lesson_outcomes([lesson.id]), store.lesson_trials([lesson.id])
        emit(lesson_text(lesson, outcomes[lesson.id], trials[lesson.id], store.lesson_versions(lesson.id)))
    return DONE
