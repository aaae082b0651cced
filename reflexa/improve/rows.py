"""Methods that learn rows: attempts at the training split, what is kept of them, fine-tuning on that."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from reflexa.export import ExportOptions, Measuring, export_rows
from reflexa.export.options import Kind
from reflexa.improve.config import Ledger
from reflexa.improve.method import Method, Step
from reflexa.improve.workshop import Workshop
from reflexa.rows import TrainingRecord
from reflexa.training.api import train
from reflexa.training.config import TrainConfig
from reflexa.training.engine.metrics import tokens_of


@dataclass(frozen=True, kw_only=True)
class RowMethod(Method):
    """``strategy`` makes attempts at the training split, ``kind`` of rows is kept, and ``algorithm`` learns these."""

    strategy: str
    kind: Kind
    without_memory: bool = False
    one_a_task: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.grow, self.keep, self.learn

    def export(self, run_id: str, split: str, min_score: float | None, cap: int | None) -> ExportOptions:
        """What is kept of a run: at most ``cap`` rows a task, each from ``min_score`` on (None: passed)."""
        return ExportOptions(
            kind=self.kind,
            runs=(run_id,),
            split=split,
            min_score=min_score,
            dedupe=True,
            limit_per_task=1 if self.one_a_task else cap,
            without_memory=self.without_memory,
        )

    def grow(self, shop: Workshop, ledger: Ledger) -> Ledger:
        """Attempts at the training split."""
        current, config = ledger.rounds[-1], ledger.config
        if current.grown is not None:
            return ledger
        suite = shop.train_suite(config)
        asked = shop.run_config(
            config,
            suite,
            model=current.sampler,
            strategy=self.strategy,
            attempts=config.samples,
            temperature=config.temperature,
            feedback=config.feedback,
            judge=config.reward or config.judge,
            seed=config.seed + current.number,
        )
        run = shop.recorded(current.grow_run, f"{ledger.id}-{current.number}-grow", asked)
        ledger = shop.with_round(ledger, current.with_(grow_run=run.id))
        summary = shop.carry_out(run, suite)
        rate = summary.solved / max(1, summary.n_tasks)
        shop.say(
            f"round {current.number}: {self.strategy} on {len(suite.tasks)} training tasks, "
            f"{100 * rate:.1f} % handed in right"
        )
        return shop.with_round(ledger, ledger.rounds[-1].with_(grown=rate).with_costs(sampled=summary.tokens))

    def keep(self, shop: Workshop, ledger: Ledger) -> Ledger:
        """Rows of what was good enough."""
        current, config = ledger.rounds[-1], ledger.config
        if current.rows is not None or current.grow_run is None:
            return ledger
        wanted = self.export(current.grow_run, config.train_split, config.threshold(current.number), config.cap)
        if config.feedback == "oracle":
            wanted = wanted.model_copy(update={"allow": ("oracle",)})
        path = _rows_file(shop, ledger)
        path.parent.mkdir(parents=True, exist_ok=True)
        card = export_rows(shop.store, wanted, path, measuring=Measuring(shop.suites.held_out.tasks))
        shop.say(f"round {current.number}: {card.rows} rows of {card.attempts} attempts")
        current = current.with_(dataset=card.id, rows=card.rows)
        if not card.rows:
            current = current.with_(promoted=False, why="no attempt was good enough to learn from")
        return shop.with_round(ledger, current)

    def learn(self, shop: Workshop, ledger: Ledger) -> Ledger:
        """Fine-tuning on the rows."""
        current = ledger.rounds[-1]
        if current.checkpoint is not None or current.dataset is None:
            return ledger
        output = shop.folder(ledger)
        settings = {
            **ledger.config.train,
            "algorithm": self.algorithm,
            "model": current.learner,
            "data": [_rows_file(shop, ledger)],
            "output": output,
            "resume": (output / "checkpoints").is_dir(),
        }
        config = TrainConfig.model_validate(settings)
        record = TrainingRecord(
            id=f"{ledger.id}-{current.number}",
            algorithm=self.algorithm,
            model=current.learner,
            config=config.model_dump(mode="json"),
            datasets=(current.dataset,),
            created=time.time(),
        )
        record = shop.begun(record)
        result = train(config)
        shop.ended(record, result.model, result.loss)
        shop.say(f"round {current.number}: {self.algorithm} on {current.rows} rows, loss {result.loss:.4f}")
        current = current.with_(training=record.id, checkpoint=str(result.model)).with_costs(learnt=tokens_of(output))
        return shop.with_round(ledger, current)


def _rows_file(shop: Workshop, ledger: Ledger) -> Path:
    return shop.folder(ledger) / "rows.jsonl"
