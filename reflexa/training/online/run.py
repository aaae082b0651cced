"""One online run, from its model's loading to its last file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from pydantic import ValidationError

from reflexa.errors import TrainingError
from reflexa.models.local.sampling import TokenSampler
from reflexa.training.algorithms.online_algorithm import CriticOptions
from reflexa.training.engine.checkpoint import FORMAT, CheckpointRecord, RunIdentity, digest_of, load_optimizer
from reflexa.training.engine.keeping import Keeper
from reflexa.training.engine.loading import load_model, prepare, weights_digest
from reflexa.training.engine.metrics import MetricsFile, Progress, StepReport
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.weights import Weights
from reflexa.training.online.alarms import Alarm, Watch
from reflexa.training.online.critic import Critic, CriticPlan
from reflexa.training.online.deck import Deck
from reflexa.training.online.learning import Learner
from reflexa.training.online.loop import LoopState, OnlineLoop, explained
from reflexa.training.online.passes import Start
from reflexa.training.online.playing import Played
from reflexa.training.online.points import Examination, Survey, Surveyor, some_of
from reflexa.training.online.rollouts import Reward
from reflexa.training.online.sampling import Roller
from reflexa.training.online.setup import OnlineSetup, with_parts

_STATE = "online.json"
_VARYING = {"model", "output", "options", "checkpoints", "resume", "alarms", "slots", "batch_tokens", "workers"}
"""Settings that a resumed run may have otherwise: with less computed at once, sums differ in their last digits."""


class OnlineRun:
    """Trains, and writes all that a run leaves. ``tell`` is told of steps in the first process."""

    def __init__(
        self,
        setup: OnlineSetup,
        processes: Processes,
        reward: Reward | Played,
        held_out: Examination | None,
        tell: Progress | None,
    ) -> None:
        self._setup, self._processes, self._tell = setup, processes, tell
        self._reward = with_parts(reward, setup.options, setup.config.max_new_tokens)
        self._held_out = held_out
        self._keeper = Keeper(setup.config, "language", setup.tokenizer, processes)
        self.checkpoints = self._keeper.checkpoints
        self.alarms: list[Alarm] = []

    def go(self) -> int:
        """Trains and writes the final model; the tokens sampled."""
        setup, config = self._setup, self._setup.config
        self._keeper.refuse_to_overwrite()
        torch.manual_seed(config.seed)
        model = load_model(config.model)
        self._identity = self._identify(weights_digest(model))
        scorer = prepare(model.to(self._processes.device))
        begin, last = self._keeper.resume_point(self._identity)
        start = Start(scorer, setup.dtype, adapters=config.lora is not None)
        scorer = self._keeper.taken_up(scorer, last)
        self._model = scorer.model
        self._weights = Weights(scorer, setup.dtype, config.optimizer)
        if last is not None:
            self._weights.load_optimizer(load_optimizer(last))
        self._critic = self._critic_of(last)
        loop = self._loop(scorer, start, _state_of(last))
        self.alarms = loop.alarms
        surveyor = self._surveyor(loop, start) if config.points.prompts else None
        with self._metrics_of(begin), Survey(surveyor, config.output, begin, self._processes) as self._survey:
            if begin == 0:
                with explained(0, last):
                    self._survey.measured(0, config.model)
            tokens = loop.run(begin, last)
        self._keeper.publish(self._model, self._weights)
        return tokens

    @contextmanager
    def _metrics_of(self, begin: int) -> Iterator[None]:
        """Within it the run's metrics can be written, by the first process."""
        path = self._setup.config.output / "metrics.jsonl"
        self._metrics = MetricsFile(path, begin) if self._processes.first else None
        try:
            yield
        finally:
            if self._metrics is not None:
                self._metrics.close()

    def _surveyor(self, loop: OnlineLoop, start: Start) -> Surveyor:
        """Measures the run's own samples: of held-out prompts, where there are such."""
        held_out, setup = self._held_out, self._setup
        pool = setup.prompts if held_out is None else held_out.prompts
        return Surveyor(
            prompts=some_of(pool, setup.config.points.prompts),
            roller=loop.roller,
            passes=loop.learner.passes,
            start=start,
            held_out=held_out,
            weights=setup.options.weights,
        )

    def _loop(self, scorer: Scorer, start: Start, state: LoopState) -> OnlineLoop:
        setup, config, options = self._setup, self._setup.config, self._setup.options
        sampler = TokenSampler(scorer.model, setup.speaker.ends, slots=config.slots)
        roller = Roller(sampler, setup.speaker, self._reward, config, self._processes)
        if setup.algorithm.roller is not None:
            roller = setup.algorithm.roller(roller, options)
        learner = Learner(setup, scorer, self._weights, self._processes, self._critic)
        if state.penalty is not None:
            learner.penalty = state.penalty
        return OnlineLoop(
            config=config,
            options=options,
            deck=Deck(setup.prompts, config.seed, config.gates, state.deck),
            watch=Watch(config.alarms, state.watch),
            roller=roller,
            learner=learner,
            start=start,
            keep=self._save,
            tell=self._told,
            recompute=state.recompute,
        )

    def _critic_of(self, last: Path | None) -> Critic | None:
        """The critic of algorithms that have one, as the checkpoint ``last`` left it."""
        config, options = self._setup.config, self._setup.options
        if self._setup.algorithm.returns is None or not isinstance(options, CriticOptions):
            return None
        plan = CriticPlan(
            start=options.critic or config.model,
            values=options,
            lora=options.critic_lora or config.lora,
            learning_rate=options.critic_learning_rate or config.optimizer.learning_rate,
            dtype=self._setup.dtype,
        )
        return Critic(config, plan, self._processes, last)

    def _identify(self, model: str) -> RunIdentity:
        setup = self._setup
        settings = setup.config.model_dump(mode="json", exclude=_VARYING)
        return RunIdentity(
            algorithm=setup.algorithm.name,
            options=digest_of(setup.options.model_dump(mode="json")),
            model=model,
            examples=setup.digest,
            settings=digest_of([settings, setup.plan.precision, setup.plan.processes]),
        )

    def _told(self, report: StepReport) -> None:
        if self._metrics is not None:
            self._metrics.write(report)
        if self._tell is not None and self._processes.first:
            self._tell(report)

    def _save(self, step: int, mean: float, state: LoopState) -> Path:
        """Writes a checkpoint. It counts as the better the higher its true reward, its proxy or ``mean`` is."""
        config = self._setup.config
        point = self._survey.measured(step, self.checkpoints.path(step))
        reward = mean if point is None else point.proxy if point.true is None else point.true
        record = CheckpointRecord(
            format=FORMAT,
            step=step,
            loss=-reward,
            identity=self._identity,
            lineage={"model": config.model, "prompts": self._setup.digest, "configuration": config.model_dump_json()},
            files={},
        )

        def write(folder: Path) -> None:
            (folder / _STATE).write_text(state.model_dump_json(), encoding="utf-8")
            if self._critic is not None:
                self._critic.save(folder)

        return self._keeper.save(self._model, self._weights, record, write)


def _state_of(checkpoint: Path | None) -> LoopState:
    """What a checkpoint knows beside its weights. Raises ``TrainingError`` where it cannot be read."""
    if checkpoint is None:
        return LoopState()
    try:
        return LoopState.model_validate_json((checkpoint / _STATE).read_bytes())
    except (OSError, ValidationError) as error:
        raise TrainingError(f"{checkpoint}: {_STATE} cannot be read ({type(error).__name__})") from None
