"""R3 and R17: a whole run against a server that misbehaves has the verdicts of one against a server that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.agent.runner import Runner
from reflexa.types import Task
from tests.agent.support import Bench, task
from tests.support.faulty_server import (
    FaultyServer,
    RandomFaults,
    Received,
    Reply,
    Responder,
    answer,
    empty,
    error,
    hang,
    malformed,
    reset,
    truncated,
)
from tests.support.hosted import quick

TASKS = 24
FAULTS: list[tuple[float, Reply]] = [
    (0.10, error(429, "slow down")),
    (0.05, error(503, "overloaded")),
    (0.03, hang()),
    (0.03, reset()),
    (0.03, truncated()),
    (0.03, malformed()),
    (0.02, empty()),
]


def _honest(received: Received) -> Reply:
    """A model without chance: what it says follows from the prompt alone. Every third task is beyond it."""
    prompt = received.prompt
    number = int(prompt.rsplit("number ", 1)[-1].split(".")[0]) if "Explain" not in prompt else 0
    if "Explain" in prompt:
        return answer("Name the thing asked for.")
    right = number % 3 != 0 and ("earlier attempts" in prompt or number % 2 == 0)
    return answer("a right word" if right else f"no {number}")


def _tasks() -> list[Task]:
    return [task(f"t/{i}", prompt=f"Say word number {i}.") for i in range(TASKS)]


def _verdicts(folder: Path, respond: Responder, concurrency: int) -> dict[str, tuple[bool, int]]:
    folder.mkdir()
    with FaultyServer(respond) as server:
        policy = quick(server, timeout=1.0, max_tries=12)
        bench = Bench(folder, policy)
        try:
            outcome = Runner(bench.loop(), concurrency).run(_tasks())
        finally:
            policy.close()
    assert (outcome.status, outcome.tally.errors) == ("finished", 0)
    return {episode.task.id: (episode.solved, len(episode.tries)) for episode in bench.store.episodes(bench.run.id)}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def test_faults_and_concurrency_change_no_verdict(tmp_path: Path) -> None:
    plain = _verdicts(tmp_path / "plain", _honest, 1)
    assert {solved for solved, _ in plain.values()} == {True, False}
    for concurrency, seed in ((1, 1), (8, 2)):
        faulty = _verdicts(tmp_path / f"faults-{seed}", RandomFaults(seed, FAULTS, _honest), concurrency)
        assert faulty == plain
