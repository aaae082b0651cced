"""Circles without weights: a round's "training" hands over the next scripted model, all else is real."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reflexa.agent import BenchOptions
from reflexa.improve import Circle, ImproveConfig, Ledger, Method, Step, Suites, Workshop
from reflexa.memory import Store
from reflexa.rows import TrainingRecord
from reflexa.tasks import Suite
from reflexa.types import Message, Task

HELD_OUT = 16
RIGHT, WRONG, GAMED = "fine: right", "poor", "fine: nothing"
"""What the judge passes; what nobody passes; what only the proxy passes."""


def suite(split: str, n: int, feedback: str | None) -> Suite:
    tasks = tuple(
        Task(id=f"{split}/{i}", suite="words", split=split, prompt=(Message(role="user", content=f"{split} {i}"),))
        for i in range(n)
    )
    return Suite(name="words", split=split, tasks=tasks, digest=split, judge="regex:right", feedback=feedback)


def script(path: Path, answers: Sequence[Sequence[str]]) -> str:
    """A model that answers held-out task i with ``answers[i]``, one answer an attempt, and is wrong elsewhere."""
    rows = [
        {"task": f"test/{i}", "attempts": list(answers[i]) if i < len(answers) else [WRONG]} for i in range(HELD_OUT)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"scripted:{path}"


def solving(n: int, gamed: int = 0) -> list[list[str]]:
    """Answers that solve the first ``n`` tasks, and fool the proxy on the next ``gamed``."""
    return [[RIGHT]] * n + [[GAMED]] * gamed


@dataclass(frozen=True, kw_only=True)
class Handing(Method):
    """Round k "makes" the k-th model."""

    models: Mapping[int, str] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[Step, ...]:
        return (self.hand_over,)

    def hand_over(self, shop: Workshop, ledger: Ledger) -> Ledger:
        current = ledger.rounds[-1]
        if current.checkpoint is not None:
            return ledger
        model = self.models[current.number]
        record = TrainingRecord(
            id=f"{ledger.id}-{current.number}",
            algorithm="handing",
            model=current.learner,
            config={"output": model.removeprefix("scripted:")},
            created=float(current.number),
        )
        shop.store.record_training(record)
        shop.ended(record, Path(model.removeprefix("scripted:")), 0.0)
        return shop.with_round(
            ledger, current.with_(training=record.id, checkpoint=model).with_costs(sampled=1000, learnt=50)
        )


class Play:
    """A circle over scripted models: the first one, and one for each round."""

    def __init__(self, folder: Path, *answers: Sequence[Sequence[str]], feedback: str | None = "regex:fine") -> None:
        self.folder = folder
        self.store = Store.open(folder / "m.db")
        self.models = [script(folder / f"model-{i}.jsonl", each) for i, each in enumerate(answers)]
        self.feedback = feedback
        self.said: list[str] = []

    def circle(self, save: Callable[[Ledger], None] | None = None) -> Circle:
        suites = Suites(suite("train", 2, self.feedback), suite("test", HELD_OUT, self.feedback))
        return Circle(self.store, suites, BenchOptions(concurrency=4), save or self.save, self.said.append)

    def save(self, now: Ledger) -> None:
        self.store.record_improvement(now.id, now.created, now.model_dump(mode="json"))

    def ledger(self, **changes: object) -> Ledger:
        settings: dict[str, object] = {
            "suite": "words",
            "model": self.models[0],
            "method": "handing",
            "output": self.folder / "out",
            "rounds": len(self.models) - 1,
            "max_new_tokens": 8,
        }
        return Ledger(id="i1", config=ImproveConfig.model_validate(settings | changes), created=1.0)

    def go(self, **changes: object) -> Ledger:
        return self.circle().run(self.ledger(**changes), self.method)

    @property
    def method(self) -> Handing:
        models = dict(enumerate(self.models))
        return Handing(name="handing", summary="hands over what is ready", algorithm="sft", models=models)

    def tokens(self, run_id: str) -> int:
        return sum(episode.usage.tokens for episode in self.store.episodes(run_id))

    def retracting(self, training: str) -> Callable[[Ledger], None]:
        """Saves, and retracts a training as soon as its model was measured."""

        def save(now: Ledger) -> None:
            self.save(now)
            if now.rounds and now.rounds[-1].held_out is not None:
                self.store.ancestry.retract(training, "poisoned")

        return save

    def known(self) -> Ledger:
        return Ledger.model_validate(self.store.find_improvement("i1"))
