"""Training, as one call: rows in files and a model in, a better model out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from reflexa.errors import ConfigError
from reflexa.models.local.sampling import TokenSampler
from reflexa.rows import CheckpointPoint
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
from reflexa.training.engine.metrics import MetricsFile, Progress, read_points
from reflexa.training.engine.packing import Example
from reflexa.training.engine.processes import Processes, joined
from reflexa.training.engine.references import examples_digest, reference_sums
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.sharded import ShardedWeights
from reflexa.training.engine.stepper import Rows, Stepper
from reflexa.training.engine.weights import Trained, Weights
from reflexa.training.measuring import HeldOutTasks, Measures
from reflexa.training.objectives.output import LossOutput
from reflexa.training.online.loop import explained
from reflexa.training.online.passes import Passes, Start
from reflexa.training.online.points import Survey, Surveyor
from reflexa.training.online.sampling import Roller
from reflexa.training.planning import Plan
from reflexa.training.setup import Setup, set_up
from reflexa.types import Frozen

_VARYING = {"model", "data", "held_out", "output", "options", "checkpoints", "points", "resume", "reference_cache"}
"""Settings that a resumed run may have otherwise, or whose contents tell."""


class TrainResult(Frozen):
    """What a run made.

    ``model`` is a transformers folder, adapters merged; ``adapter`` the adapters alone; ``best`` the checkpoint of the
    lowest ``loss``, ``last`` the one of the last step; ``points`` say what checkpoints are worth, where they were
    measured. ``tokens`` were computed in ``seconds`` by this call.
    """

    plan: Plan
    model: Path
    adapter: Path | None
    best: Path
    last: Path
    loss: float
    points: tuple[CheckpointPoint, ...]
    tokens: int
    seconds: float


def plan(config: TrainConfig, tasks: HeldOutTasks | None = None) -> Plan:
    """What ``train`` would do, without loading weights. Raises ``UsageError`` as ``train`` does."""
    with joined() as processes:
        return set_up(config, processes, tasks).plan


def train(config: TrainConfig, progress: Progress | None = None, *, tasks: HeldOutTasks | None = None) -> TrainResult:
    """Trains; ``progress`` is told of every step, in the first process. ``tasks`` are what checkpoints are judged on.

    Raises ``UsageError`` where the configuration, the rows or the model cannot be used, ``TrainingError`` where the
    numbers break, memory runs out, or a checkpoint is not this run's, ``VerifierError`` or ``WorldError`` where the
    judge of the tasks broke. A run that was killed goes on with ``resume``.
    """
    began = time.monotonic()
    with joined() as processes:
        run = _Run(set_up(config, processes, tasks), processes)
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
        points=read_points(config.output),
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
        begin, last = self._keeper.resume_point(self._identity)
        start = None if setup.measures is None else Start(scorer, setup.dtype, adapters=config.lora is not None)
        scorer = self._keeper.taken_up(scorer, last)
        self._model = scorer.model
        self._weights = self._trained(scorer)
        if last is not None:
            self._weights.load_optimizer(load_optimizer(last))
        self._course = self._course_of(rows, held_out)
        self._stepper = Stepper(scorer, self._weights, self._loss, self._processes)
        surveyor = None if setup.measures is None or start is None else self._surveyor(setup.measures, scorer, start)
        metrics = MetricsFile(config.output / "metrics.jsonl", begin) if self._processes.first else None
        loop = Loop(self._course, self._stepper, self._processes, self._save)
        try:
            with Survey(surveyor, config.output, begin, self._processes) as self._survey:
                self._measure(begin, config.model if last is None else last, None)
                tokens = loop.run(begin, last, metrics, progress)
        finally:
            if metrics is not None:
                metrics.close()
        self._keeper.publish(self._model, self._weights)
        return tokens

    def _surveyor(self, measures: Measures, scorer: Scorer, start: Start) -> Surveyor:
        config = self.setup.config
        sampler = TokenSampler(scorer.model, measures.speaker.ends, slots=config.points.slots)
        return Surveyor(
            prompts=measures.prompts,
            roller=Roller(sampler, measures.speaker, measures.reward, config.points, self._processes),
            passes=Passes(scorer, self._processes, config.batch.tokens, config.seed),
            start=start,
            held_out=measures.examination,
            samples=config.points.samples,
        )

    def _measure(self, step: int, path: Path | str, held_out: Mapping[str, float] | None) -> None:
        """Keeps the point of a checkpoint, unless it is known. Where no reward was named, what the objective reports of
        held-out rows (``held_out``, where they were looked at), else of the first rows, is the proxy.
        """
        measures, algorithm, config = self.setup.measures, self.setup.algorithm, self.setup.config

        def objective() -> float:
            rows = self._course.held_out if self._course.held_out.examples else self._course.rows
            looked = rows if rows is self._course.held_out else rows.first(config.points.prompts)
            means = held_out or self._stepper.means(looked, config.batch.tokens, config.seed)
            return -means["loss"] if algorithm.proxy is None else means[algorithm.proxy]

        given = measures is not None and measures.proxy is not None
        with explained(step, None if isinstance(path, str) else path, lower="points.slots or batch.tokens"):
            self._survey.measured(step, path, None if given else objective)

    def _trained(self, scorer: Scorer) -> Trained:
        setup = self.setup
        if setup.config.distribution == "replicated" or self._processes.share.processes == 1:
            return Weights(scorer, setup.dtype, setup.config.optimizer)
        return ShardedWeights(scorer, setup.dtype, setup.config.optimizer, self._processes)

    def _identify(self) -> RunIdentity:
        setup, config = self.setup, self.setup.config
        settings = config.model_dump(mode="json", exclude=_VARYING)
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

    def _course_of(self, rows: Rows, held_out: Rows) -> Course:
        return Course(
            config=self.setup.config,
            rows=rows,
            batches=self.setup.batches,
            steps=self.setup.plan.steps,
            held_out=held_out,
        )

    def _dealt(self, examples: list[Example]) -> Batches:
        batch = self.setup.config.batch
        return batches(examples, batch.rows, batch.tokens, self.setup.config.seed)

    def _loss(self, scored: Scored) -> LossOutput:
        return self.setup.algorithm.loss(scored, self.setup.options)

    def _save(self, step: int, loss: float, held_out: Mapping[str, float] | None) -> Path:
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
        # Measured after it was written: what a judge breaks is not the checkpoint, and a resumed run measures it again.
        path = self._keeper.save(self._model, self._weights, record)
        self._measure(step, path, held_out)
        return path
