"""S11: whatever a model or a program writes comes back as it was written."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from reflexa.memory.store import Store
from reflexa.types import CheckResult, Completion, Episode, Graded, Message, Step
from tests.memory.support import CONFIG, a_call, a_reflection, a_task, a_verdict, an_attempt, an_episode, record

FUZZED = 10_000
PIECES = ["\x00", "\x1a", "\x1a0000", "\x1b[2J", "\x1b]0;x\x07", "\ud800", "\udfff", "\ud83d\ude00", "\u202e", "\ufeff"]
PIECES += [
    "\r",
    "\n",
    "\x7f",
    "\x85",
    "\u2028",
    "\\u0000",
    "\\",
    "'",
    '"',
    "%s",
    ":x",
    "\uffff",
    "🙂",
    "e\u0301",
    "a",
    " ",
]


def fuzzed(count: int) -> list[str]:
    chance = random.Random(11)
    return ["".join(chance.choices(PIECES, k=chance.randrange(12))) for _ in range(count)]


def test_10_000_fuzzed_strings_come_back(store: Store) -> None:
    texts = fuzzed(FUZZED)
    steps = tuple(Step(thought=a, action=b, observation=c) for a, b, c in zip(*[iter(texts[:3000])] * 3, strict=True))
    checks = tuple(
        CheckResult(name=a, passed=True, detail=b) for a, b in zip(*[iter(texts[3000:9000])] * 2, strict=True)
    )
    messages = tuple(Message(role="user", content=text) for text in texts[9000:])
    attempt = an_attempt().model_copy(
        update={"messages": messages, "steps": steps, "answer": texts[0], "completion": Completion(text=texts[1])}
    )
    verdict = a_verdict().model_copy(update={"checks": checks, "feedback": texts[2]})
    episode = Episode(
        task=a_task(texts[3] + "id"),
        strategy=texts[4],
        tries=(Graded(attempt=attempt, feedback=verdict),),
        reflections=(a_reflection(0, texts[3] + "id", texts[5]),),
        error=texts[6],
    )
    run = store.create_run(CONFIG)
    record(store, run.id, episode)
    assert list(store.episodes(run.id)) == [episode]


def test_many_episodes_are_not_mixed_up(store: Store) -> None:
    run, other = store.create_run(CONFIG), store.create_run(CONFIG)
    episodes = [an_episode(f"Sums/{number}", attempts=1 + number % 4) for number in range(12)]
    for episode in episodes:
        record(store, run.id, episode)
        record(store, other.id, an_episode(episode.task.id, attempts=1))
    assert list(store.episodes(run.id)) == episodes


def test_a_message_sent_with_another_role_is_another_message(store: Store) -> None:
    run = store.create_run(CONFIG)
    said = tuple(Message(role=role, content="same") for role in ("system", "user", "assistant", "user"))
    call = a_call().model_copy(update={"messages": said})
    store.record_call(run.id, call)
    assert store.call(run.id, call.context) == call


def test_native_calls_of_tools_come_back(store: Store) -> None:
    run, call = store.create_run(CONFIG), a_call()
    store.record_call(run.id, call)
    back = store.call(run.id, call.context)
    assert back == call
    assert back is not None
    assert back.completion.calls == call.completion.calls != ()
    assert back.sampling.tools == call.sampling.tools != ()


def test_calls_that_were_recorded_before_there_were_tools_are_read(tmp_path: Path) -> None:
    call = a_call()
    before = call.model_copy(
        update={
            "sampling": call.sampling.model_copy(update={"tools": ()}),
            "completion": Completion(text="before"),
        }
    )
    file = tmp_path / "old.db"
    with Store.open(file) as store:
        run = store.create_run(CONFIG)
        store.record_call(run.id, before)
    with closing(sqlite3.connect(file)) as database, database:
        ((sampling, completion),) = database.execute("SELECT sampling, completion FROM calls").fetchall()
        ((body,),) = database.execute("SELECT body FROM bodies WHERE digest = ?", (completion,)).fetchall()
        database.execute("UPDATE calls SET sampling = ?", (_without(sampling, "tools"),))
        database.execute("UPDATE bodies SET body = ? WHERE digest = ?", (_without(body, "calls"), completion))
    with Store.open(file) as store:
        assert store.call(run.id, call.context) == before


def _without(tree: str, field: str) -> str:
    values = json.loads(tree)
    assert values.pop(field) == []
    return json.dumps(values)
