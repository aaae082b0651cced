from __future__ import annotations

from pathlib import Path

from reflexa.memory import Store
from reflexa.types import Attempt, Message, Reflection, RunConfig, Task
from tests.cli.support import Cli


def test_a_reflection_with_an_ambiguous_start_is_asked_for_again(cli: Cli, home: Path) -> None:
    task = Task(id="t", suite="mine", prompt=(Message(role="user", content="?"),))
    with Store.open(home.parent / "runs.db") as store:
        run = store.create_run(RunConfig(suite="mine", model="m"))
        store.begin_episode(run.id, task)
        for number in range(2):
            store.record_attempt(run.id, "t", Attempt(index=number))
            store.record_reflection(run.id, "t", Reflection(id=f"ra{number}", task_id="t", attempt=number, text="x"))
    refused = cli("memory", "show", "ra")
    assert refused.code == 2
    assert "'ra' could be" in refused.complaint
