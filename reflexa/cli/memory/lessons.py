"""Lessons on the terminal: found, written, read and judged. Their texts are foreign: they are shown inert."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session
from reflexa.cli.text import aligned, indented, one_line, plural
from reflexa.errors import UsageError
from reflexa.lessons import LONGEST, Lesson, LessonOutcomes, LessonTrials, RecallQuery, new_lesson_id
from reflexa.memory.lessons.utility import utility
from reflexa.prompting import inert

if TYPE_CHECKING:
    from reflexa.cli.options.lessons import AddOptions, ReviewOptions, SearchOptions
    from reflexa.memory import Store

SAID = 0.8
"""From which share of common words on, a new lesson says what another says."""
_TEXT = 80


def search(options: SearchOptions) -> int:
    """``reflexa memory search``."""
    query = RecallQuery(
        text=options.query,
        k=options.limit,
        tokens=options.limit * LONGEST,
        scope="all" if options.suite is None else "suite",
        suite=options.suite or "",
    )
    with _store(options) as store:
        found = store.recall_lessons(query)
    if options.json:
        emit_json([recalled.model_dump() for recalled in found])
        return DONE
    if not found:
        emit("no active lesson has a word of that")
        return DONE
    rows = [("id", "suite", "split", "trust", "utility", "lesson")]
    rows += [(*_names(each.lesson), f"{each.utility:.2f}", one_line(each.lesson.text, _TEXT)) for each in found]
    emit(aligned(rows, right=(4,)))
    return DONE


def add(options: AddOptions) -> int:
    """``reflexa memory add``."""
    if not options.suite or not options.text.strip() or len(options.text) > LONGEST:
        raise UsageError(f"a lesson has a suite, and a text of 1 to {LONGEST:,} characters, got {len(options.text):,}")
    lesson = Lesson(
        id=new_lesson_id(),
        text=options.text,
        suite=options.suite,
        split=options.split,
        trust="checked",
        created=time.time(),
    )
    with _store(options) as store:
        same = [known for known in store.similar_lessons(lesson.text) if known.lesson.suite == lesson.suite]
        if same and same[0].words >= SAID:
            raise UsageError(f"lesson {same[0].lesson.id} says that already: {one_line(same[0].lesson.text, _TEXT)}")
        store.add_lessons([lesson])
        kept = store.find_lesson(lesson.id)
    if options.json:
        emit_json(kept)
    else:
        emit(f"lesson {kept.id} for {one_line(kept.suite)} ({one_line(kept.split)})")
    return DONE


def review(options: ReviewOptions) -> int:
    """``reflexa memory review``."""
    if options.accept and options.reject:
        raise UsageError("--accept or --reject, not both")
    with _store(options) as store:
        waiting = _waiting(store, options)
        if not (options.accept or options.reject):
            return _show_waiting(waiting, options)
        if options.id is None and options.pack is None:
            raise UsageError("name the lesson by its id, or a pack with --pack")
        judged = [_judged(lesson, options) for lesson in waiting]
        for lesson in judged:
            store.change_lesson(lesson)
    if options.json:
        emit_json([lesson.model_dump() for lesson in judged])
    else:
        emit(f"{plural(len(judged), 'lesson')} {'accepted' if options.accept else 'rejected'}")
    return DONE


def lesson_text(lesson: Lesson, outcomes: LessonOutcomes, trials: LessonTrials, versions: Sequence[Lesson] = ()) -> str:
    """A lesson in full, with where it came from, what became of its episodes, and what it was worth."""
    about = f"{one_line(lesson.suite)} ({one_line(lesson.split)}) · {lesson.trust} · {lesson.status}"
    lines = [f"{lesson.id}: {about}"]
    if lesson.reason:
        lines.append(f"because: {one_line(lesson.reason)}")
    if lesson.successor:
        lines.append(f"merged into {one_line(lesson.successor)}")
    lines.append(f"written by {one_line(lesson.policy) or 'hand'}" + _packed(lesson))
    lines += [
        f"from {one_line(source.run)} · {one_line(source.task)} · attempt {source.attempt + 1}"
        for source in lesson.sources
    ]
    if outcomes.shown or outcomes.left_out:
        lines.append(
            f"solved {outcomes.shown_solved} of {outcomes.shown} with it, {outcomes.left_out_solved} of "
            f"{outcomes.left_out} without · utility {utility(trials):.2f}"
        )
    if versions:
        lines.append(f"changed {plural(len(versions), 'time')}")
    if inert(lesson.text) != lesson.text:
        lines.append("it writes marks by which chats tell who speaks")
    return "\n".join([*lines, indented(lesson.text)])


def _store(options: AddOptions | ReviewOptions | SearchOptions) -> Store:
    return Session.here({"database_url": options.database, "embedder": options.embedder}).open_store()


def _waiting(store: Store, options: ReviewOptions) -> list[Lesson]:
    """The lessons to be judged. One that is named may have been judged before, and be judged anew."""
    if options.id is None:
        return store.lessons(status="quarantined", pack=options.pack)
    lesson = store.find_lesson(options.id)
    if lesson.status in ("retracted", "merged"):
        raise UsageError(f"lesson {lesson.id} is {lesson.status}: it is not up for review")
    return [lesson]


def _show_waiting(waiting: Sequence[Lesson], options: ReviewOptions) -> int:
    if options.json:
        emit_json([lesson.model_dump() for lesson in waiting])
        return DONE
    if options.id is not None:
        emit("\n".join(lesson_text(lesson, LessonOutcomes(), LessonTrials()) for lesson in waiting))
        emit(f"next: reflexa memory review {waiting[0].id} --accept · --reject")
        return DONE
    if not waiting:
        emit("nothing waits for review")
        return DONE
    rows = [("id", "suite", "split", "trust", "why", "lesson")]
    rows += [(*_names(each), one_line(each.reason, 40), one_line(each.text, _TEXT)) for each in waiting]
    emit(aligned(rows))
    emit(f"next: reflexa memory review {waiting[0].id}")
    return DONE


def _judged(lesson: Lesson, options: ReviewOptions) -> Lesson:
    if options.accept:
        return lesson.model_copy(update={"status": "active", "trust": "checked", "reason": options.reason})
    return lesson.model_copy(update={"status": "dropped", "reason": options.reason or "rejected in review"})


def _names(lesson: Lesson) -> tuple[str, str, str, str]:
    return lesson.id, one_line(lesson.suite, 20), one_line(lesson.split, 12), lesson.trust


def _packed(lesson: Lesson) -> str:
    return f" · imported with {one_line(lesson.pack)}" if lesson.pack else ""
