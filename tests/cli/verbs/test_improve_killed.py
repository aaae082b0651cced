"""The circle, really killed: SIGKILL in the middle of each of its steps, and what comes of it after ``--resume``."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from safetensors.torch import load_file  # noqa: E402

from reflexa.memory import Store  # noqa: E402
from tests.cli.support import LETTERS, Cli, finish, started, wait_until  # noqa: E402
from tests.support.tiny_models import make_checkpoint  # noqa: E402

TASKS = 8
PATIENCE = 180.0
"""Seconds that a process may take, imports and all, on a machine that has much else to do."""
MORTAL = '''
"""Passes letters of the alphabet's first half. FUSE="SPLIT N" kills the process at a run's N-th answer to SPLIT."""
import itertools, os, signal

count = itertools.count(1)
split, _, number = os.environ.get("FUSE", "").partition(" ")

def verify(task, attempt):
    if task.split == split and next(count) == int(number):
        os.kill(os.getpid(), signal.SIGKILL)
    return any(letter in "abcdefghijklm" for letter in attempt.answer)
'''


@pytest.fixture
def options(home: Path, tmp_path: Path) -> list[str]:
    """A tiny model and a suite whose judge can kill. One task at a time, in one thread as the killed processes: what is
    computed together, or in parts, differs in its last digits from what is not, and so do now and then the answers.
    """
    torch.set_num_threads(1)
    (home / "reflexa.toml").touch()
    (home / "verifiers").mkdir()
    (home / "verifiers" / "mortal.py").write_text(MORTAL)
    rows = [
        {"id": f"{split}{n}", "question": f"{split} {n}?", "split": split}
        for split in ("train", "test")
        for n in range(TASKS)
    ]
    (home / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "letters.toml").write_text(LETTERS.replace("regex:[a-m]", "mortal"))
    model = make_checkpoint(tmp_path / "tiny")
    return [
        *("improve", "--task", "letters.toml", "--model", str(model), "--rounds", "2", "--samples", "2"),
        *("--max-new-tokens", "6", "--concurrency", "1", "--json", "--set", "checkpoints.every=2"),
    ]


def whole(cli: Cli, options: Sequence[str], folder: Path) -> dict[str, Any]:
    """What an uninterrupted circle comes to."""
    done = cli(*options, "--out", str(folder / "whole"), "--database", str(folder / "whole.db"))
    assert done.code == 0, done.err
    return story(done.json, folder / "whole", folder / "whole.db")


def killed(arguments: Sequence[str], folder: Path, fuse: str) -> str:
    """What a circle says until its judge kills it."""
    with started(arguments, folder, FUSE=fuse, OMP_NUM_THREADS="1") as process:
        ended = finish(process, PATIENCE)
    assert ended.code == -signal.SIGKILL, ended.err
    return ended.err


def id_of(said: str) -> str:
    """The circle's id, as it was told before any step."""
    found = re.search(r"goes on with reflexa improve --resume (\w+)", said)
    assert found, said
    return found[1]


def story(ledger: Mapping[str, Any], output: Path, database: Path) -> dict[str, Any]:
    """A ledger without what tells two circles apart: its clock, its folder, the ids that were drawn."""
    drawn = {str(output): "OUT"}
    with Store.open(database) as store:
        drawn |= {run.id: str(run.name) for run in store.list_runs()}
    drawn |= {each["dataset"]: f"DATA-{each['number']}" for each in ledger["rounds"] if each["dataset"]}
    text = json.dumps({name: value for name, value in ledger.items() if name not in ("created", "seconds")})
    for known, name in (*drawn.items(), (ledger["id"], "ID")):
        text = text.replace(known, name)
    return dict(json.loads(text))


def ended_steps(database: Path) -> dict[str, Any]:
    """All that is recorded of runs that have ended: their answers, calls and times, none of which may change."""
    with Store.open(database) as store:
        ended = [run for run in store.list_runs() if run.finished is not None]
        return {run.id: (run, list(store.episodes(run.id)), list(store.calls(run.id))) for run in ended}


def check_nothing_doubled(database: Path, circle: str, steps: Sequence[str]) -> None:
    """One run for each step, one episode for each task, no call twice; one training a round."""
    with Store.open(database) as store:
        runs = store.list_runs()
        assert sorted(str(run.name) for run in runs) == sorted(f"{circle}-{step}" for step in steps)
        for run in runs:
            assert len({episode.task.id for episode in store.episodes(run.id)}) == TASKS
            calls = [(call.context.task_id, call.context.attempt, call.context.sample) for call in store.calls(run.id)]
            assert len(calls) == len(set(calls)) == TASKS * run.config.attempts
        assert sorted(each.id for each in store.list_trainings()) == [f"{circle}-1", f"{circle}-2"]


def same_weights(one: Path, other: Path) -> None:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    torch.testing.assert_close(first, second)


def test_a_circle_killed_in_every_step_comes_to_what_an_unbroken_one_does(
    cli: Cli, home: Path, tmp_path: Path, options: list[str]
) -> None:
    """Killed among its attempts, in its training, and while its model is measured."""
    options += ["--set", "epochs=16"]
    expected = whole(cli, options, tmp_path)
    output, database = tmp_path / "killed", tmp_path / "runs.db"
    circle = id_of(killed([*options, "--out", str(output)], home, "train 5"))
    (first,) = now(database, circle)["rounds"]
    assert (first["grow_run"] is None, first["grown"]) == (False, None)
    done = ended_steps(database)
    assert len(done) == 1  # the first model's score

    resume = ["improve", "--resume", circle, "--json"]
    with started(resume, home, OMP_NUM_THREADS="1") as process:
        checkpoints = output / "round-1" / "checkpoints"
        wait_until(lambda: any(checkpoints.glob("step-*")), process, PATIENCE)
        process.kill()
        assert finish(process).code == -signal.SIGKILL
    (first,) = now(database, circle)["rounds"]
    assert (first["dataset"] is None, first["checkpoint"]) == (False, None)
    assert done.items() <= ended_steps(database).items()
    done = ended_steps(database)
    assert len(done) == 2
    kept = max(checkpoints.glob("step-*")).name.removeprefix("step-")
    learnt = metrics(output)[: int(kept)]

    killed(resume, home, "test 3")
    (first,) = now(database, circle)["rounds"]
    assert (first["held_out_run"] is None, first["held_out"]) == (False, None)
    assert metrics(output)[: len(learnt)] == learnt
    weights = (output / "round-1" / "model" / "model.safetensors").stat()

    ended = cli(*resume)
    assert ended.code == 0, ended.err
    assert story(ended.json, output, database) == expected
    assert done.items() <= ended_steps(database).items()
    assert (output / "round-1" / "model" / "model.safetensors").stat() == weights
    steps = [f"{number}-{step}" for number in (1, 2) for step in ("grow", "held-out")]
    check_nothing_doubled(database, circle, ["before", *steps, "1-rival"])
    for number in (1, 2):
        same_weights(output / f"round-{number}" / "model", tmp_path / "whole" / f"round-{number}" / "model")


def test_a_circle_that_learns_while_it_samples_goes_on_from_its_checkpoint(
    cli: Cli, home: Path, tmp_path: Path, options: list[str]
) -> None:
    """Killed in the third of four steps: 4 answers each were judged in the first two, 8 for each of two points."""
    options += ["--method", "rlvr", "--rounds", "1", "--set", "steps=4", "--set", "prompts=2"]
    expected = whole(cli, options, tmp_path)
    output, database = tmp_path / "killed", tmp_path / "runs.db"
    circle = id_of(killed([*options, "--out", str(output)], home, "train 26"))
    assert now(database, circle)["rounds"][0]["checkpoint"] is None
    (kept,) = (output / "round-1" / "checkpoints").glob("step-*")
    assert kept.name == "step-00000002"
    learnt = metrics(output)[:2]
    ended = cli("improve", "--resume", circle, "--json")
    assert ended.code == 0, ended.err
    assert metrics(output)[:2] == learnt
    assert story(ended.json, output, database) == expected
    same_weights(output / "round-1" / "model", tmp_path / "whole" / "round-1" / "model")


def now(database: Path, circle: str) -> Mapping[str, Any]:
    """The ledger as it stands."""
    with Store.open(database) as store:
        return store.find_improvement(circle)


def metrics(output: Path) -> list[str]:
    """What each step of the first round's training reported, its clock included."""
    return (output / "round-1" / "metrics.jsonl").read_text().splitlines()
