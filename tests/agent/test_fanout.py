"""A run on a real Ray cluster of two processes on this machine; the rest needs no cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from reflexa.agent.bench import BenchOptions
from reflexa.agent.budget import Limits
from reflexa.agent.fanout import Joining, _together, reachable
from reflexa.agent.runner import Outcome, Tally
from reflexa.errors import UsageError
from reflexa.memory import Store
from reflexa.tasks import load_suite
from reflexa.types import RunConfig, RunStatus, Usage
from tests.cli.support import ROOT, learning_script

SECONDS = 120.0
SERVER = "postgresql://me@10.0.0.1/reflexa"


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name: the paths of Ray's sockets may be no longer than a hundred letters."""
    with tempfile.TemporaryDirectory(prefix="rx-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_two_processes_of_a_cluster_do_a_run(tmp_path: Path, short: Path) -> None:
    model = learning_script(tmp_path / "answers.jsonl", 4)
    what = ["--task", "humaneval", "--limit", "4", "--attempts", "2", "--model", model, "--name", "wide", "--json"]
    means = ["--on", "ray", "--workers", "2", "--concurrency", "2", "--database", str(tmp_path / "runs.db")]
    done = subprocess.run(
        [sys.executable, "-m", "reflexa", "run", *what, *means],
        cwd=ROOT,
        env=os.environ | {"HOME": str(short), "RAY_TMPDIR": str(short)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["status"], report["n_tasks"], report["solved"], report["calls"]) == ("finished", 4, 3, 8)
    with Store.open(tmp_path / "runs.db") as store:
        calls = [call.context for call in store.calls(store.find_run("wide").id)]
    assert len(calls) == len(set(calls)) == 8
    assert [line for line in _command_lines() if str(short) in line] == []


def _command_lines() -> list[str]:
    """Of all processes."""
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return listing.stdout.splitlines()


def test_a_cluster_of_several_machines_needs_a_server(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the cluster has others \(10\.0\.0\.2\): name a PostgreSQL database"):
        reachable(f"sqlite:///{tmp_path}/runs.db", ["10.0.0.1", "10.0.0.2"], here="10.0.0.1")
    assert reachable(SERVER, ["10.0.0.1", "10.0.0.2"], here="10.0.0.1") == SERVER
    assert reachable(f"sqlite:///{tmp_path}/runs.db", ["10.0.0.1"], here="10.0.0.1") == f"{tmp_path}/runs.db"


@pytest.mark.parametrize(
    ("ends", "together"),
    [
        (["failed", "finished"], "finished"),
        (["budget", "failed"], "budget"),
        (["budget", "interrupted"], "interrupted"),
        (["failed", "failed"], "failed"),
    ],
)
def test_the_processes_outcomes_are_one(ends: list[RunStatus], together: RunStatus) -> None:
    tally = Tally(total=5, solved=2, failed=1, usage=Usage(input_tokens=3))
    outcome = _together([Outcome(status=end, detail=end, tally=tally) for end in ends], total=7)
    assert (outcome.status, outcome.detail) == (together, together)
    assert outcome.tally == Tally(total=7, solved=4, failed=2, usage=Usage(input_tokens=6))


def test_what_makes_a_process_useless_is_told(tmp_path: Path) -> None:
    suite = load_suite("humaneval")
    with Store.open(tmp_path / "runs.db") as store:
        run = store.create_run(RunConfig(suite="humaneval", model=f"scripted:{tmp_path}/nowhere.jsonl"))
    joining = Joining(
        database=str(tmp_path / "runs.db"), run_id=run.id, suite=suite, options=BenchOptions(), limits=Limits()
    )
    outcome = joining.work()
    assert outcome.status == "failed"
    assert "nowhere.jsonl" in outcome.detail
    with Store.open(tmp_path / "runs.db") as store:
        assert store.find_run(run.id).status == "failed"


def test_without_ray_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['ray'] = None; from reflexa.cli.main import main; main()"
    (tmp_path / "answers.jsonl").write_text("")
    arguments = ["run", "--task", "humaneval", "--limit", "1", "--model", f"scripted:{tmp_path}/answers.jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", hidden, *arguments, "--on", "ray", "--database", str(tmp_path / "runs.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert 'pip install "reflexa[ray]"' in done.stderr
    assert not (tmp_path / "runs.db").exists()
