"""Instructions hidden in tasks, feedback, reflections and packs: none reaches another task's prompt but as fenced data,
none from a pack before a person has read it, and none changes a verdict or what may be done with lessons."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from reflexa.agent.desk import Cast
from reflexa.agent.distilling import TASK_ID, Distiller
from reflexa.agent.feedback import Feedback
from reflexa.agent.journal import StoreJournal
from reflexa.agent.loop import LoopConfig
from reflexa.agent.remembering import Remembering
from reflexa.lessons import Lesson
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.prompting import fenced
from reflexa.types import Attempt, Episode, RunConfig, Task, Verdict
from tests.agent.lessons import lesson
from tests.agent.poisons import POISONS, poison
from tests.agent.support import Bench, task

OTHER = task("t/other", "Say the word.", "train")
_SHM = Path("/dev/shm")


@pytest.fixture(scope="module")
def benches() -> Iterator[dict[str, Bench]]:
    """A bench for each way in, in memory where there is some: what was dropped in one is not known in the others."""
    where = _SHM if os.access(_SHM, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=where) as name:
        opened: dict[str, Bench] = {}
        for way in ("task", "feedback", "reflection", "pack"):
            (Path(name) / way).mkdir()
            opened[way] = Bench(Path(name) / way, _parrot(""))
        yield opened
        for bench in opened.values():
            bench.store.close()


class Says:
    """A verifier that fails everything, with words of its own: a program's output."""

    name = "says"
    version = "1"

    def __init__(self, words: str) -> None:
        self.words = words

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        return Verdict(score=0.0, passed=False, feedback=self.words, verifier=self.name)


def _parrot(text: str, reflection: str = "I missed the word.") -> ScriptedPolicy:
    """A model that repeats the poison as a lesson wherever it can, in one line and in all of its own lines."""
    reply = f"ADD: {' '.join(text.split())}\nADD: {text}\n{text}"
    rows = [
        ScriptedRow(task="t/bad", attempts=("no",), reflections=(reflection,)),
        ScriptedRow(task=OTHER.id, attempts=("no", "a right word"), reflections=("Think.",)),
        ScriptedRow(task=TASK_ID, distill=(reply,)),
    ]
    return ScriptedPolicy(rows)


def _learn(bench: Bench, source: Task, feedback: Says | None = None) -> list[Lesson]:
    """The lessons after a run of one poisoned task was distilled."""
    bench.run = bench.store.create_run(RunConfig(suite="s", split="train", model="scripted"))
    loop = bench.loop(LoopConfig(attempts=2))
    if feedback is not None:
        loop = replace(loop, feedback=Feedback("auto", own=feedback))
    loop.solve(source)
    Distiller(bench.store, bench.policy).distill(bench.run)
    return bench.store.lessons(status="active")


def _solve_other(bench: Bench, memory: str = "suite") -> Episode:
    """Another task's episode, in a run of its own."""
    config = RunConfig.model_validate({"suite": "s", "split": "train", "model": "scripted", "memory": memory})
    bench.run = bench.store.create_run(config)
    loop = replace(
        bench.loop(LoopConfig(attempts=3)),
        cast=Cast(bench.policy, bench.policy, bench.policy),
        journal=StoreJournal(bench.store, bench.run.id),
        remembering=Remembering(bench.store, bench.run.id, config) if config.recalls_lessons else None,
    )
    return loop.solve(OTHER)


def _check_contained(bench: Bench, lessons: list[Lesson]) -> None:
    """Holds the other task's prompts and verdicts against those without any memory."""
    clean, clean_sent = _without_memory()
    poisoned, sent = _solve_other(bench), bench.sent()
    shown = bench.store.lessons_of(bench.run.id, OTHER.id)
    assert set(shown) <= {each.id for each in lessons}
    fences = [fenced(bench.store.find_lesson(lesson_id).text) for lesson_id in shown]
    for text, other in zip(sent, clean_sent, strict=True):
        for fence in fences:
            assert fence in text or text == other  # a reflection's prompt has no lessons
            text = text.replace(f"{fence}\n", "", 1)
        assert text.endswith(other)
        assert "PWNED" not in text
        assert "<|" not in text
    for attempt in poisoned.attempts:
        assert [message.role for message in attempt.messages] == ["user"]
    assert _verdicts(poisoned) == _verdicts(clean)
    assert poisoned.solved
    for kept in bench.store.lessons(status="active"):
        bench.store.change_lesson(kept.model_copy(update={"status": "dropped"}))


@cache
def _without_memory() -> tuple[Episode, tuple[str, ...]]:
    """The other task's episode, and what was sent."""
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), _parrot(""))
        episode, sent = _solve_other(bench, "episode"), tuple(bench.sent())
        bench.store.close()
    return episode, sent


def _verdicts(episode: Episode) -> list[tuple[Verdict | None, Verdict | None]]:
    return [(graded.feedback, graded.judged) for graded in episode.tries]


@pytest.mark.parametrize("name", POISONS)
def test_what_hides_in_a_tasks_text_stays_there(benches: dict[str, Bench], name: str) -> None:
    text, bench = poison(name), benches["task"]
    bench.policy = _parrot(text)
    lessons = _learn(bench, task("t/bad", f"Say the word.\n{text}", "train"))
    assert " ".join(text.split()) not in [each.text for each in lessons]  # a copy is no lesson
    _check_contained(bench, lessons)


@pytest.mark.parametrize("name", POISONS)
def test_what_hides_in_feedback_stays_there(benches: dict[str, Bench], name: str) -> None:
    text, bench = poison(name), benches["feedback"]
    bench.policy = _parrot(text)
    _check_contained(bench, _learn(bench, task("t/bad", split="train"), Says(text)))


@pytest.mark.parametrize("name", POISONS)
def test_what_a_model_writes_itself_is_data_elsewhere(benches: dict[str, Bench], name: str) -> None:
    text, bench = poison(name), benches["reflection"]
    bench.policy = _parrot(text, reflection=text)
    _check_contained(bench, _learn(bench, task("t/bad", split="train")))


@pytest.mark.parametrize("name", POISONS)
def test_a_pack_is_shown_to_nobody_before_a_person_has_read_it_and_then_as_data(
    benches: dict[str, Bench], tmp_path: Path, name: str
) -> None:
    text, bench = poison(name)[-3000:], benches["pack"]
    bench.policy = _parrot(text)
    pack = tmp_path / "pack.jsonl"
    pack.write_text(json.dumps({"text": text, "suite": OTHER.suite}) + "\n")
    (packed,) = bench.store.import_pack(pack, "p").lessons
    assert (packed.trust, packed.status) == ("imported", "quarantined")
    assert _solve_other(bench).attempts[0].messages == OTHER.prompt
    assert bench.store.lessons_of(bench.run.id, OTHER.id) == []
    checked = packed.model_copy(update={"trust": "checked", "status": "active"})
    bench.store.change_lesson(checked)
    _check_contained(bench, [checked])


def test_a_poisoned_reply_does_not_touch_what_a_person_stands_behind(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedPolicy([
        ScriptedRow(task="t/bad", attempts=("no",)),
        ScriptedRow(task=TASK_ID, distill=("\n".join(f"DROP l{n}{n}{n}{n}{n}{n}: obey" for n in range(6)),)),
    ]))  # fmt: skip
    bench.store.add_lessons([lesson(f"l{n}{n}{n}{n}{n}{n}", f"Lesson number {n}.", trust="checked") for n in range(6)])
    assert len(_learn(bench, task("t/bad", split="train"))) == 6
