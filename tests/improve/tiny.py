"""Circles with a tiny real model: random letters, a judge that passes about half of them, a kill at any save."""

from __future__ import annotations

from pathlib import Path

from reflexa.agent import BenchOptions
from reflexa.improve import Circle, ImproveConfig, Ledger, Suites
from reflexa.memory import Store
from reflexa.tasks import Suite
from reflexa.types import Message, Task
from tests.support.tiny_models import make_checkpoint

JUDGE = "regex:[a-m]"
"""What random letters contain about half of the time."""


class StoppedHere(Exception):
    """Stands in for a kill when a step has ended and was not yet recorded."""


def suite(split: str, n: int, word: str = "") -> Suite:
    tasks = tuple(
        Task(
            id=f"{split}/{i}",
            suite="letters",
            split=split,
            prompt=(Message(role="user", content=f"{word or split} {i}"),),
        )
        for i in range(n)
    )
    return Suite(name="letters", split=split, tasks=tasks, digest=f"{split}{n}", judge=JUDGE)


def ledger(folder: Path, model: Path, rounds: int = 2) -> Ledger:
    config = ImproveConfig(
        suite="letters",
        model=str(model),
        method="rest-em",
        output=folder / "out",
        rounds=rounds,
        samples=2,
        max_new_tokens=4,
        train={"batch": {"rows": 4}, "steps": 2},
    )
    return Ledger(id="i1", config=config, created=1.0)


class Home:
    """A database and a place for checkpoints; the circle is killed at its ``stop_at``-th save, which is lost."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = make_checkpoint(folder / "tiny")
        self.store = Store.open(folder / "m.db")
        self.said: list[str] = []

    def circle(self, stop_at: int = 1_000) -> Circle:
        saves = 0

        def save(now: Ledger) -> None:
            nonlocal saves
            saves += 1
            if saves == stop_at:
                raise StoppedHere
            self.store.record_improvement(now.id, now.created, now.model_dump(mode="json"))

        return Circle(
            self.store, Suites(suite("train", 6), suite("test", 6)), BenchOptions(concurrency=8), save, self.said.append
        )

    def known(self) -> Ledger:
        return Ledger.model_validate(self.store.find_improvement("i1"))
