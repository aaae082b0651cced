"""R18: ten thousand tasks in one process: memory, file descriptors and children stay as they were after the warm-up.

    python benchmarks/soak.py [--tasks 10000] [--json]

Scripted answers, real sandbox, real database. A third of the tasks pass at once, a third after a reflection, a third
never (two attempts). Memory is the resident set of this process without what it shares with files.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reflexa.agent import BenchOptions, Tally, Workbench
from reflexa.memory import Store
from reflexa.tasks import Suite, load_suite
from reflexa.types import RunConfig

GROWTH = 10 << 20
"""Bytes that may be added after the warm-up."""
WARM_UP = 0.2
"""The share of tasks that count as warm-up."""
_CONCURRENCY = 4


@dataclass(frozen=True)
class Sample:
    """What the process holds when ``done`` tasks have ended. ``memory`` is in bytes."""

    done: int
    memory: int
    descriptors: int
    children: int
    zombies: int


@dataclass
class Soak:
    """A listener that takes samples while the run goes on."""

    every: int
    samples: list[Sample] = field(default_factory=list)

    def __call__(self, tally: Tally) -> None:
        if tally.done >= len(self.samples) * self.every:
            self.samples.append(sample(tally.done))

    @property
    def warm(self) -> list[Sample]:
        """The samples after the warm-up."""
        last = self.samples[-1].done
        return [one for one in self.samples if one.done >= WARM_UP * last]

    @property
    def growth(self) -> int:
        """Bytes from the first warm sample to the highest."""
        return max(one.memory for one in self.warm) - self.warm[0].memory

    @property
    def kept(self) -> bool:
        """Whether the promise was kept. A connection or a sandbox more or less may be open at a sample's moment."""
        descriptors = {one.descriptors for one in self.warm}
        return (
            self.growth <= GROWTH
            and max(descriptors) - min(descriptors) <= 2 * _CONCURRENCY
            and self.samples[-1].descriptors <= self.warm[0].descriptors + _CONCURRENCY
            and all(one.zombies == 0 for one in self.warm)
        )


def sample(done: int) -> Sample:
    """What this process holds now."""
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    states = [_state(pid) for pid in _children()]
    return Sample(
        done=done,
        memory=int(status["RssAnon"].split()[0]) << 10,
        descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 (no entry may vanish in between)
        children=len(states),
        zombies=states.count("Z"),
    )


def soak(folder: Path, tasks: int, every: int) -> Soak:
    """Runs the tasks and samples after each ``every``."""
    listener = Soak(every)
    suite = _suite(folder, tasks)
    config = RunConfig(
        suite="soak",
        model=f"scripted:{folder / 'answers.jsonl'}",
        attempts=2,
        task_ids=tuple(task.id for task in suite.tasks),
    )
    with _bench(folder) as bench:
        run = bench.store.create_run(config)
        outcome = bench.execute(run, suite, listener=listener)
    if outcome.tally.errors:
        raise RuntimeError(f"{outcome.tally.errors} tasks ended in errors")
    return listener


@contextmanager
def _bench(folder: Path) -> Iterator[Workbench]:
    options = BenchOptions(concurrency=_CONCURRENCY)
    with Store.open(folder / "runs.db") as store, Workbench(store, options) as bench:
        yield bench


def _suite(folder: Path, tasks: int) -> Suite:
    right, wrong = "    return 2 * x\n", "    return x\n"
    with (folder / "suite.jsonl").open("w") as suite, (folder / "answers.jsonl").open("w") as answers:
        for number in range(tasks):
            prompt = f'def double{number}(x):\n    """Twice x.\n    >>> double{number}(2)\n    4\n    """\n'
            row = {
                "task_id": f"soak/{number}",
                "prompt": prompt,
                "entry_point": f"double{number}",
                "canonical_solution": right,
                "test": "def check(candidate):\n    assert candidate(3) == 6\n",
            }
            suite.write(json.dumps(row) + "\n")
            bodies = ([right], [wrong, right], [wrong])[number % 3]
            attempts = [prompt + body for body in bodies]
            answers.write(json.dumps({"task": row["task_id"], "attempts": attempts, "reflections": ["Double."]}) + "\n")
    return load_suite(str(folder / "suite.jsonl"))


def _children() -> list[int]:
    pids: list[int] = []
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            pids += map(int, listing.read_text(encoding="ascii").split())
        except OSError:  # a thread that has ended
            continue
    return pids


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), asked.tasks, max(1, asked.tasks // 20))
    if asked.json:
        print(
            json.dumps({"growth": found.growth, "kept": found.kept, "samples": [asdict(one) for one in found.samples]})
        )
    else:
        print("  tasks  memory, MB  descriptors  children  zombies")
        for one in found.samples:
            megabytes = one.memory / (1 << 20)
            print(f"{one.done:7}  {megabytes:10.1f}  {one.descriptors:11}  {one.children:8}  {one.zombies:7}")
        print(f"growth after the warm-up: {found.growth / (1 << 20):.1f} MB of at most {GROWTH >> 20}")
    return 0 if found.kept else 1


if __name__ == "__main__":
    sys.exit(main())
