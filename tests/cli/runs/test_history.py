from __future__ import annotations

import json
from pathlib import Path

from reflexa.memory import Store
from reflexa.types import Attempt, Completion, Episode, Graded, Message, Reflection, RunConfig, Task, Usage, Verdict
from tests.cli.support import Cli

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\ud800\x00 end"


def test_what_a_model_wrote_is_inert_on_the_terminal_and_whole_in_json(cli: Cli, home: Path) -> None:
    name = HOSTILE.replace("\ud800", "")  # names are found by, and must be valid text
    task = Task(id=f"t{name}", suite="mine", prompt=(Message(role="user", content="?"),))
    attempt = Attempt(
        answer=HOSTILE, completion=Completion(text=HOSTILE, usage=Usage(input_tokens=1, output_tokens=1)), policy="m"
    )
    verdict = Verdict(score=0.0, passed=False, feedback=HOSTILE)
    lesson = Reflection(id="r1", task_id=task.id, attempt=0, text=HOSTILE, policy=HOSTILE)
    graded = Graded(attempt=attempt, feedback=verdict, judged=verdict)
    episode = Episode(
        task=task, strategy="reflexion", tries=(graded,), reflections=(lesson,), submitted=0, error=HOSTILE, calls=1
    )
    with Store.open(home.parent / "runs.db") as store:
        run = store.create_run(RunConfig(suite=f"s{name}", model=f"m{HOSTILE}"), name=f"n{name}")
        store.begin_episode(run.id, task)
        store.record_attempt(run.id, task.id, attempt)
        store.record_verdict(run.id, task.id, 0, "feedback", verdict)
        store.record_verdict(run.id, task.id, 0, "judge", verdict)
        store.record_reflection(run.id, task.id, lesson)
        store.end_episode(run.id, episode)
    for arguments in (
        ("runs", "list"),
        ("runs", "show", run.id),
        ("runs", "show", run.id, "--task", task.id),
        ("memory", "list"),
        ("memory", "show", "r1"),
    ):
        shown = cli(*arguments)
        assert shown.code == 0
        assert not set(HOSTILE) & set("\x1b\x07\u202e\ud800\x00") & set(shown.out + shown.err)
        assert json.loads(cli(*arguments, "--json").out)
    assert cli("memory", "show", "r1", "--json").json["text"] == HOSTILE
    detail = cli("runs", "show", run.id, "--task", task.id, "--json").json
    assert detail["attempts"][0]["answer"] == HOSTILE
