"""Where threads get their tasks; and real processes that share a run, some of them killed."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest

from benchmarks import sharing
from reflexa.agent.journal import StoreJournal
from reflexa.agent.runner import Runner
from reflexa.agent.sharing import OwnWork, SharedWork
from reflexa.memory import Store
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.types import Task
from tests.agent.support import Bench, task

NEVER = threading.Event()


def _tasks(n: int) -> list[Task]:
    return [task(f"t/{i}") for i in range(n)]


def test_own_work_is_given_once_in_its_order() -> None:
    tasks = _tasks(2)
    work = OwnWork(tasks)
    assert [work.next(None, NEVER), work.next(tasks[0], NEVER), work.next(None, NEVER)] == [*tasks, None]


def _bench(folder: Path, n: int) -> Bench:
    rows = [ScriptedRow(task=f"t/{i}", attempts=("no", "a right word"), reflections=("Think.",)) for i in range(n)]
    return Bench(folder, ScriptedPolicy(rows))


def test_two_runners_of_one_run_do_each_task_once(tmp_path: Path) -> None:
    bench, tasks, done = _bench(tmp_path, 30), _tasks(30), list[int]()

    def work(store: Store) -> None:
        with store.claim(bench.run.id, [task.id for task in tasks], shared=True) as claim:
            bench_loop = bench.loop()
            outcome = Runner(bench_loop, 3).run_shared(SharedWork(claim, tasks, set()), len(tasks))
            done.append(outcome.tally.done)

    with Store.open(tmp_path / "memory.db") as other:
        threads = [threading.Thread(target=work, args=(store,)) for store in (bench.store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(done) == 30
    assert bench.store.find_run(bench.run.id).status == "finished"
    contexts = [call.context for call in bench.store.calls(bench.run.id)]
    assert len(contexts) == len(set(contexts)) == 90


def test_what_another_left_in_the_midst_is_taken_up_where_it_was(tmp_path: Path) -> None:
    bench, tasks = _bench(tmp_path, 2), _tasks(2)
    names = [task.id for task in tasks]
    with Store.open(tmp_path / "memory.db") as other, bench.store.claim(bench.run.id, names) as claim:
        journal = StoreJournal(bench.store, bench.run.id)
        work = SharedWork(claim, tasks, journal.begun)
        with other.claim(bench.run.id, shared=True) as theirs:
            assert theirs.next().task_id == "t/0"
            other.begin_episode(bench.run.id, tasks[0])
            assert work.next(None, NEVER) == tasks[1]
            looking: list[Task | None] = []
            thread = threading.Thread(target=lambda: looking.append(work.next(None, NEVER)))
            thread.start()
        thread.join()
        assert looking == [tasks[0]]
        assert journal.begun == {"t/0"}
        assert journal.begin(tasks[0]) is not None


def test_who_waits_for_others_stops_when_told(tmp_path: Path) -> None:
    bench, tasks, stop = _bench(tmp_path, 1), _tasks(1), threading.Event()
    with Store.open(tmp_path / "memory.db") as other, other.claim(bench.run.id, ["t/0"]) as theirs:
        assert theirs.next().task_id == "t/0"
        with bench.store.claim(bench.run.id, ["t/0"], shared=True) as claim:
            stop.set()
            assert SharedWork(claim, tasks, set()).next(None, stop) is None


@pytest.mark.parametrize("postgres", [False, True], ids=["sqlite", "postgres"])
def test_processes_share_a_run_and_take_over_from_the_killed(tmp_path: Path, postgres: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="reflexa-") as folder, sharing.database(Path(folder), postgres) as url:
        figures = sharing.measure(tmp_path, url, workers=2, tasks=8, kills=1)
    assert figures.kept, figures
    assert figures.kills == 1
    assert len(figures.tasks_by_worker) >= 2
