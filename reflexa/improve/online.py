"""Methods that learn while they sample: the model's answers to the training split, judged, and learnt from at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from reflexa.agent import Bench
from reflexa.improve.config import Ledger
from reflexa.improve.method import Method, Step
from reflexa.improve.rewarding import TaskSource, learnt_on
from reflexa.improve.workshop import Workshop
from reflexa.rows import TrainingRecord
from reflexa.training.engine.metrics import read_points, tokens_of
from reflexa.training.online.api import train_online
from reflexa.training.online.config import OnlineConfig


@dataclass(frozen=True)
class OnlineMethod(Method):
    """``algorithm`` samples, is rewarded by the verifier, and learns, step by step.

    What is measured is the model after its last step: held-out tasks choose no checkpoint, so that the test that they
    decide stays a fair one.
    """

    @property
    def steps(self) -> tuple[Step, ...]:
        return (self.learn,)

    def learn(self, shop: Workshop, ledger: Ledger) -> Ledger:
        """The whole training, from its last checkpoint where it had begun."""
        current, config = ledger.rounds[-1], ledger.config
        if current.checkpoint is not None:
            return ledger
        suite = shop.train_suite(config)
        asked = self._asked(shop, ledger)
        source = TaskSource(
            suite=config.suite,
            split=suite.split,
            verifier=config.reward or config.judge,
            judge=config.judge,
            data=config.data,
        )
        with Bench(shop.options) as bench:
            tasks = learnt_on(source, bench, suite)
            how = {"reward": tasks.name, "oracle": tasks.oracle, "suite": config.suite, "split": suite.split}
            record = TrainingRecord(
                id=f"{ledger.id}-{current.number}",
                algorithm=self.algorithm,
                model=current.learner,
                config=asked.model_dump(mode="json") | how,
                created=time.time(),
            )
            record = shop.begun(record)
            result = train_online(asked, tasks.prompts, tasks.reward)
        shop.store.record_points(record.id, read_points(asked.output))
        shop.ended(record, result.model, -result.reward)
        shop.say(f"round {current.number}: {self.algorithm} on {len(suite.tasks)} tasks, reward {result.reward:.3f}")
        current = current.with_(training=record.id, checkpoint=str(result.model), grown=result.reward)
        return shop.with_round(ledger, current.with_costs(sampled=tokens_of(asked.output)))

    def _asked(self, shop: Workshop, ledger: Ledger) -> OnlineConfig:
        current, config = ledger.rounds[-1], ledger.config
        output = shop.folder(ledger)
        settings: dict[str, Any] = {
            "samples": config.samples,
            "max_new_tokens": config.max_new_tokens,
            "temperature": config.temperature,
            **config.train,
            "seed": config.seed + current.number,
            "algorithm": self.algorithm,
            "model": current.learner,
            "output": output,
            "resume": (output / "checkpoints").is_dir(),
        }
        return OnlineConfig.model_validate(settings)
