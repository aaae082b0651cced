"""CPU time per sample of the whole loop, beside inspect_ai's, on the same loopback server.

    python benchmarks/loop.py --peer-python PATH_TO_A_PYTHON_WITH_inspect_ai [--json]

Each arm is a process of its own; its CPU time with all its children comes from the operating system. Two sizes are
run, and what is compared is the cost of one more sample: (CPU of the large run - CPU of the small) / difference in
samples. Reflexa's arm does more than the peer's: hidden tests in the sandbox, every call and verdict committed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.faulty_server import FaultyServer, answer  # noqa: E402 - the repository is not installed as a package

ANSWER = "```python\ndef double(x):\n    return 2 * x\n```"
DELAY = 0.05
UNDER_WAY = 64

PEER = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

n, url, logs, under_way = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
samples = [Sample(input=f"Task {i}: double a number.", target="return 2 * x") for i in range(n)]
log = eval(
    Task(dataset=MemoryDataset(samples), solver=generate(), scorer=includes()), model="openai/mock", model_base_url=url,
    model_args={"responses_api": False}, display="none", log_dir=logs, max_connections=under_way, max_samples=under_way,
)[0]
assert log.status == "success" and len(log.samples) == n, log.error
"""


@dataclass(frozen=True)
class Arm:
    """What one process of an arm cost: CPU-seconds of it and its children."""

    name: str
    small: float
    large: float
    samples: int

    @property
    def ms_per_sample(self) -> float:
        return (self.large - self.small) / self.samples * 1000


def cpu_of(command: list[str], folder: Path) -> float:
    """Runs a command to its end; its CPU-seconds. Raises where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "sk-none", "NO_COLOR": "1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed:\n{(folder / 'log').read_text()[-2000:]}")
    return usage.ru_utime + usage.ru_stime


def write_suite(path: Path, n: int) -> None:
    rows = [
        {
            "task_id": f"double/{i}",
            "prompt": f'def double(x):\n    """Task {i}: double a number."""\n',
            "entry_point": "double",
            "canonical_solution": "    return 2 * x\n",
            "test": "def check(candidate):\n    assert candidate(4) == 8\n",
        }
        for i in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def ours(n: int, url: str, folder: Path) -> float:
    suite, database = folder / f"suite-{n}.jsonl", folder / f"run-{n}-{os.urandom(4).hex()}.db"
    write_suite(suite, n)
    command = [
        sys.executable,
        "-m",
        "reflexa",
        "run",
        "--task",
        str(suite),
        "--model",
        "openai/mock",
        "--api-base",
        url,
    ]
    command += ["--strategy", "none", "--concurrency", str(UNDER_WAY), "--database", f"sqlite:///{database}", "--json"]
    return cpu_of(command, folder)


def peer(n: int, url: str, folder: Path, python: str) -> float:
    script = folder / "peer.py"
    script.write_text(PEER)
    return cpu_of(
        [python, str(script), str(n), url, str(folder / f"logs-{os.urandom(4).hex()}"), str(UNDER_WAY)], folder
    )


def measure(small: int, large: int, repeats: int, peer_python: str | None) -> list[Arm]:
    arms: dict[str, list[tuple[float, float]]] = {}
    with (
        tempfile.TemporaryDirectory() as temporary,
        FaultyServer(lambda received: answer(ANSWER, after=DELAY)) as server,
    ):
        folder = Path(temporary)
        for _ in range(repeats):
            pair = (ours(small, server.url, folder), ours(large, server.url, folder))
            arms.setdefault("reflexa", []).append(pair)
            if peer_python:
                peers = (peer(small, server.url, folder, peer_python), peer(large, server.url, folder, peer_python))
                arms.setdefault("inspect_ai", []).append(peers)
    return [
        Arm(
            name=name,
            small=statistics.median(pair[0] for pair in pairs),
            large=statistics.median(pair[1] for pair in pairs),
            samples=large - small,
        )
        for name, pairs in arms.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="a Python that has inspect_ai and openai")
    parser.add_argument("--small", type=int, default=100)
    parser.add_argument("--large", type=int, default=700)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    arms = measure(options.small, options.large, options.repeats, options.peer_python)
    ratio = arms[0].ms_per_sample / arms[1].ms_per_sample if len(arms) > 1 else None
    if options.json:
        print(json.dumps({"arms": {arm.name: arm.ms_per_sample for arm in arms}, "ratio": ratio}))
        return
    for arm in arms:
        whole = f"whole runs: {arm.small:.2f} s, {arm.large:.2f} s"
        print(f"{arm.name:12} {arm.ms_per_sample:6.2f} CPU-ms per sample  ({whole})")
    if ratio is not None:
        print(f"reflexa / inspect_ai: {ratio:.2f}")


if __name__ == "__main__":
    main()
