"""Several processes share one run: what each did, and what is lost or doubled when some of them are killed.

    python benchmarks/sharing.py [--workers 4] [--tasks 164] [--kills 10] [--postgres] [--json]

Every worker is the command line in a process of its own: one starts the run, the others join it. Their model takes
0.1 s a call and writes down every answer that it was paid for. Workers are killed with SIGKILL at random moments, each
replaced by a new one, until the run is finished; then its table is held against that of one process alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import kill
from reflexa.memory import Store
from reflexa.types import Episode, Verdict

SHARED = "shared"
PATIENCE = 600.0
SLOW = os.environ | {"CALL_SECONDS": "0.1"}
"""A worker takes a second to start: the others must not have done all by then."""


@dataclass(frozen=True)
class Figures:
    """What became of one shared run. ``repaid`` are answers that were paid for and not recorded.

    ``tasks_by_worker`` counts the tasks that a worker had a part in, for every worker that was paid for an answer. The
    tables are solved tasks by attempt, tasks, solved, calls and tokens. ``differing`` are the tasks that ended in
    another way than in one process alone, each with both endings.
    """

    workers: int
    tasks: int
    kills: int
    lost: int
    repaid: int
    tasks_by_worker: tuple[int, ...]
    table: object
    table_alone: object
    differing: dict[str, tuple[str, str]]
    finished: bool

    @property
    def kept(self) -> bool:
        """Whether nothing was lost, and nothing doubled but what was under way in a worker that was killed."""
        bounded = self.repaid <= self.kills * kill.CONCURRENCY
        same = self.table == self.table_alone and not self.differing
        return same and self.finished and self.lost == 0 and bounded


def measure(folder: Path, url: str, workers: int, tasks: int, kills: int, seed: int = 1) -> Figures:
    """One shared run in the empty database at ``url``."""
    answers = folder / "answers.jsonl"
    kill.write_answers(answers, tasks)
    alone = folder / "alone"
    alone.mkdir()
    kill.write_answers(alone / "answers.jsonl", tasks)
    url_alone = f"sqlite:///{alone}/runs.db"
    expected = kill.table(_start(alone / "answers.jsonl", tasks, url_alone), alone, tasks)
    with Store.open(url):
        pass
    done = _work(answers, tasks, url, workers, kills, random.Random(seed))
    last = kill.table(_join(url), folder, tasks)
    with Store.open(url) as store:
        run = store.find_run(SHARED)
        recorded = sum(1 for _ in store.calls(run.id))
        lost = tasks - len(store.finished(run.id))
    by_worker: dict[str, set[str]] = {}
    paid = kill.meter(answers).read_text(encoding="utf-8").splitlines()
    for line in paid:
        process, _, context = line.partition(" ")
        by_worker.setdefault(process, set()).add(json.loads(context)["task_id"])
    return Figures(
        workers=workers,
        tasks=tasks,
        kills=done,
        lost=lost,
        repaid=len(paid) - recorded,
        tasks_by_worker=tuple(sorted(map(len, by_worker.values()))),
        table=last,
        table_alone=expected,
        differing=_differing(url_alone, url),
        finished=run.status == "finished",
    )


def _differing(alone: str, shared: str) -> dict[str, tuple[str, str]]:
    """The tasks that ended differently, each with both of its endings. Words may differ: some tests draw at random."""
    one, other = _endings(alone), _endings(shared)
    return {
        name: (_words(one.get(name)), _words(other.get(name)))
        for name in sorted(one.keys() | other.keys())
        if _result(one.get(name)) != _result(other.get(name))
    }


def _endings(url: str) -> dict[str, Episode]:
    """How each task of the run ended."""
    with Store.open(url) as store:
        return {episode.task.id: episode for episode in store.episodes(store.find_run(SHARED).id)}


def _verdicts(episode: Episode) -> list[tuple[str, Verdict]]:
    """What was said of each attempt, with by whom."""
    both = [
        (f"attempt {graded.attempt.index} by {role}", verdict)
        for graded in episode.tries
        for role, verdict in (("feedback", graded.feedback), ("judge", graded.judged))
    ]
    return [(whom, verdict) for whom, verdict in both if verdict is not None]


def _result(episode: Episode | None) -> object:
    if episode is None:
        return None
    return episode.calls, episode.error, [(whom, verdict.passed) for whom, verdict in _verdicts(episode)]


def _words(episode: Episode | None) -> str:
    if episode is None:
        return "nothing"
    said = [
        f"{whom} {'passed' if verdict.passed else f'failed: {verdict.feedback.strip()}'}"
        for whom, verdict in _verdicts(episode)
    ]
    return "; ".join([f"{episode.calls} calls, error {episode.error}", *said])


def _work(answers: Path, tasks: int, url: str, workers: int, kills: int, chosen: random.Random) -> int:
    """Starts the workers and kills some; returns how many, when the last one has ended."""
    paid, killed = kill.meter(answers), 0
    deadline = time.monotonic() + PATIENCE
    running = [_process(_start(answers, tasks, url))]
    try:
        while running[0].poll() is None and not (paid.exists() and paid.stat().st_size):
            time.sleep(0.01)
        running += [_process(_join(url)) for _ in range(workers - 1)]
        while alive := [process for process in running if process.poll() is None]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the run did not end within {PATIENCE:g} s")
            time.sleep(chosen.uniform(0.1, 0.8))
            if killed < kills:
                victim = chosen.choice(alive)
                victim.kill()
                killed += victim.wait() == -9
                running.append(_process(_join(url)))
        broken = [process for process in running if process.returncode not in (0, -9)]
        if broken and broken[0].stderr:
            raise RuntimeError(broken[0].stderr.read().decode())
    finally:
        for process in running:
            process.kill()
            process.communicate()
    return killed


def _process(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=SLOW, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _start(answers: Path, tasks: int, url: str) -> list[str]:
    what = ["--task", "humaneval", "--limit", str(tasks), "--name", SHARED, "--model", f"metered:{answers}"]
    return _command(url, *what)


def _join(url: str) -> list[str]:
    return _command(url, "--join", SHARED)


def _command(url: str, *what: str) -> list[str]:
    means = ["--concurrency", str(kill.CONCURRENCY), "--database", url, "--json"]
    return [sys.executable, kill.__file__, "--child", "run", *what, *means]


@contextmanager
def database(folder: Path, postgres: bool) -> Iterator[str]:
    """The URL of an empty database."""
    if not postgres:
        yield f"sqlite:///{folder}/shared.db"
        return
    from tests.memory.postgres import start_server

    server = start_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=164)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server in place of a SQLite file")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, database(Path(name), asked.postgres) as url:
        figures = measure(Path(name), url, asked.workers, asked.tasks, asked.kills)
    if asked.json:
        print(json.dumps(asdict(figures)))
        return 0 if figures.kept else 1
    counts = Counter(figures.tasks_by_worker)
    rows = {
        "processes at once, killed": f"{figures.workers}, {figures.kills}",
        "tasks, lost": f"{figures.tasks}, {figures.lost}",
        f"answers paid for twice (at most {figures.kills * kill.CONCURRENCY})": figures.repaid,
        "tasks by process": ", ".join(f"{n} × {count}" if n > 1 else f"{count}" for count, n in sorted(counts.items())),
        "final table": figures.table,
        "as of one process alone": figures.table == figures.table_alone or figures.table_alone,
        "run recorded as finished": figures.finished,
    }
    for label, value in rows.items():
        print(f"{label:<60} {value}")
    for task_id, (one, other) in figures.differing.items():
        print(f"{task_id} alone: {one}\n{task_id} here:  {other}")
    return 0 if figures.kept else 1


if __name__ == "__main__":
    sys.exit(main())
