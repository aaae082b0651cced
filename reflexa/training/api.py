"""Training, as one call: rows in files and a model in, a better model out."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor

from reflexa.errors import ConfigError
from reflexa.training.config import TrainConfig
from reflexa.training.data import files_digest
from reflexa.training.engine.batching import Batches, batches
from reflexa.training.engine.checkpoint import (
    FORMAT,
    CheckpointRecord,
    RunIdentity,
    digest_of,
    load_optimizer,
    read_record,
)
from reflexa.training.engine.keeping import Keeper
from reflexa.training.engine.loading import load_model, prepare, weights_digest
from reflexa.training.engine.loop import Course, Loop
from reflexa.training.engine.metrics import MetricsFile, Progress
from reflexa.training.engine.packing import Example
from reflexa.training.engine.processes import Processes, joined
from reflexa.training.engine.references import examples_digest, reference_sums
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.sharded import ShardedWeights
from reflexa.training.engine.stepper import Rows, Stepper
from reflexa.training.engine.weights import Trained, Weights
from reflexa.training.objectives.output import LossOutput
from reflexa.training.planning import Plan
from reflexa.training.setup import Setup, set_up
from reflexa.types import Frozen


class TrainResult(Frozen):
    """What a run made.

    ``model`` is a transformers folder, adapters merged; ``adapter`` the adapters alone; ``best`` the checkpoint of the
    lowest ``loss``, ``last`` the one of the last step. ``tokens`` were computed in ``seconds`` by this call.
    """

    plan: Plan
    model: Path
    adapter: Path | None
    best: Path
    last: Path
    loss: float
    tokens: int
    seconds: float


def plan(config: TrainConfig) -> Plan:
    """What ``train`` would do, without loading weights. Raises ``UsageError`` as ``train`` does."""
    with joined() as processes:
        return set_up(config, processes).plan


def train(config: TrainConfig, progress: Progress | None = None) -> TrainResult:
    """Trains; ``progress`` is told of every step, in the first process.

    Raises ``UsageError`` where the configuration, the rows or the model cannot be used, ``TrainingError`` where the
    numbers break, memory runs out, or a checkpoint is not this run's. A run that was killed goes on with ``resume``.
    """
    began = time.monotonic()
    with joined() as processes:
        run = _Run(set_up(config, processes), processes)
        tokens = run.go(progress)
        processes.wait()
        checkpoints = run.checkpoints
        best, last = checkpoints.best(), checkpoints.last()
    if best is None or last is None:
        raise ConfigError(f"{config.output} holds no checkpoint: its files were removed during the run")
    return TrainResult(
        plan=run.setup.plan,
        model=config.output / "model",
        adapter=last if config.lora else None,
        best=best,
        last=last,
        loss=read_record(best).loss,
        tokens=tokens,
        seconds=time.monotonic() - began,
    )


class _Run:
    """One run, from its model's loading to its last file."""

    def __init__(self, setup: Setup, processes: Processes) -> None:
        self.setup, self._processes = setup, processes
        self._keeper = Keeper(setup.config, setup.algorithm.head, setup.tokenizer, processes)
        self.checkpoints = self._keeper.checkpoints

    def go(self, progress: Progress | None) -> int:
        """Trains and writes the final model; the tokens computed."""
        setup, config = self.setup, self.setup.config
        self._keeper.refuse_to_overwrite()
        torch.manual_seed(config.seed)
        model = load_model(config.model, setup.algorithm.head)
        self._base = weights_digest(model)
        self._identity = self._identify()
        scorer = prepare(model.to(self._processes.device))
        rows, held_out = self._rows(scorer)
        start, last = self._keeper.resume_point(self._identity)
        scorer = self._keeper.taken_up(scorer, last)
        self._model = scorer.model
        self._weights = self._trained(scorer)
        if last is not None:
            self._weights.load_optimizer(load_optimizer(last))
        course = self._course(rows, held_out)
        stepper = Stepper(scorer, self._weights, self._loss, self._processes)
        metrics = MetricsFile(config.output / "metrics.jsonl", start) if self._processes.first else None
        try:
            tokens = Loop(course, stepper, self._processes, self._save).run(start, last, metrics, progress)
        finally:
            if metrics is not None:
                metrics.close()
        self._keeper.publish(self._model, self._weights)
        return tokens

    def _trained(self, scorer: Scorer) -> Trained:
        setup = self.setup
        if setup.config.distribution == "replicated" or self._processes.share.processes == 1:
            return Weights(scorer, setup.dtype, setup.config.optimizer)
        return ShardedWeights(scorer, setup.dtype, setup.config.optimizer, self._processes)

    def _identify(self) -> RunIdentity:
        setup, config = self.setup, self.setup.config
        varying = {"model", "data", "held_out", "output", "options", "checkpoints", "resume", "reference_cache"}
        settings = config.model_dump(mode="json", exclude=varying)
        return RunIdentity(
            algorithm=setup.algorithm.name,
            options=digest_of(setup.options.model_dump(mode="json")),
            model=self._base,
            examples=examples_digest(setup.data.examples),
            settings=digest_of([settings, setup.plan.precision, setup.plan.max_length, setup.plan.processes]),
        )

    def _rows(self, scorer: Scorer) -> tuple[Rows, Rows]:
        """The rows and the held-out rows, with the reference's sums where the objective wants them."""
        data = self.setup.data
        if not self.setup.algorithm.reference:
            return Rows(data.examples), Rows(data.held_out)
        # The reference computes as the policy will: in the same precision, so that both start out equal.
        weights = [parameter.data for parameter in scorer.parameters()]
        for parameter in scorer.parameters():
            parameter.data = parameter.data.to(self.setup.dtype)
        rows, held_out = (self._with_references(scorer, examples) for examples in (data.examples, data.held_out))
        for parameter, weight in zip(scorer.parameters(), weights, strict=True):
            parameter.data = weight
        return rows, held_out

    def _with_references(self, scorer: Scorer, examples: list[Example]) -> Rows:
        sums, baseline = self._reference_sums(scorer, examples), self.setup.algorithm.baseline
        if baseline is None or not examples:
            return Rows(examples, sums)
        others = baseline(examples, self.setup.plan.max_length)
        return Rows(examples, sums, Rows(others, self._reference_sums(scorer, others)))

    def _reference_sums(self, scorer: Scorer, examples: list[Example]) -> list[Tensor]:
        if not examples:
            return []
        config = self.setup.config
        dealt = self._dealt(examples)
        name = digest_of([self._base, examples_digest(examples), self.setup.plan.precision])
        cache = config.reference_cache or config.output.parent / "references"
        rounds = dealt.deal(range(len(examples)), self._processes.share.processes)
        return reference_sums(scorer, examples, rounds, self._processes, cache / f"{name}.safetensors")

    def _course(self, rows: Rows, held_out: Rows) -> Course:
        return Course(
            config=self.setup.config,
            rows=rows,
            batches=self.setup.batches,
            steps=self.setup.plan.steps,
            held_out=held_out,
            held_out_batches=self._dealt(self.setup.data.held_out) if held_out.examples else None,
        )

    def _dealt(self, examples: list[Example]) -> Batches:
        batch = self.setup.config.batch
        return batches(examples, batch.rows, batch.tokens, self.setup.config.seed)

    def _loss(self, scored: Scored) -> LossOutput:
        return self.setup.algorithm.loss(scored, self.setup.options)

    def _save(self, step: int, loss: float) -> Path:
        config = self.setup.config
        lineage = {
            "model": config.model,
            "data": files_digest(config.data),
            "files": ", ".join(path.name for path in config.data),
            "configuration": config.model_dump_json(),
        }
        record = CheckpointRecord(
            format=FORMAT, step=step, loss=loss, identity=self._identity, lineage=lineage, files={}
        )
        return self._keeper.save(self._model, self._weights, record)
