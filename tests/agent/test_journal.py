"""The journal: nothing is kept without a store, and a store's run is opened once."""

from __future__ import annotations

from pathlib import Path

from reflexa.agent.journal import NoJournal, StoreJournal
from reflexa.memory import Store
from reflexa.types import Attempt, Call, CallContext, Completion, Message, RunConfig, Sampling, Usage
from tests.agent.support import task

CALL = Call(
    context=CallContext(task_id="t/0", purpose="attempt"),
    policy="p",
    messages=(Message(role="user", content="x"),),
    sampling=Sampling(),
    completion=Completion(text="a", usage=Usage(input_tokens=2, output_tokens=1)),
)


def test_without_a_store_nothing_is_kept() -> None:
    journal = NoJournal()
    assert journal.begin(task()) is None
    journal.call(CALL)
    assert list(journal.calls("t/0")) == []


def test_a_later_session_finds_what_an_earlier_one_began(tmp_path: Path) -> None:
    with Store.open(tmp_path / "m.db") as store:
        run = store.create_run(RunConfig(suite="s", model="m"))
        first = StoreJournal(store, run.id)
        assert first.begin(task()) is None
        first.call(CALL)
        first.attempt("t/0", Attempt(messages=CALL.messages, completion=CALL.completion, answer="a", policy="p"))

        second = StoreJournal(store, run.id)
        recorded = second.begin(task())
        assert recorded is not None
        assert [attempt.answer for attempt in recorded.attempts] == ["a"]
        assert list(second.calls("t/0")) == [CALL]
        assert second.begin(task("t/1")) is None
