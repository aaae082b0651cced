"""What runs, verifications and audits work with: policies, a sandbox, verifiers, each opened when first asked for."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reflexa.agent.acting import Replaying
from reflexa.agent.hearing import Witness
from reflexa.agent.runner import default_concurrency
from reflexa.errors import UsageError
from reflexa.models import PolicyOptions, open_chooser, open_policy, open_scorer
from reflexa.protocols import Chooser, Environment, Policy, Scorer, Verifier
from reflexa.tasks import environments
from reflexa.types import Frozen, SandboxLevel, Task
from reflexa.verifiers import Means, Persistent, open_verifier

if TYPE_CHECKING:
    from reflexa.sandbox import Limits, Sandbox


class BenchOptions(Frozen):
    """How work is carried out: nothing here changes what is being measured.

    ``check_seconds`` is what the tests of one answer get; None is the sandbox's own.
    """

    concurrency: int = 0
    sandbox: SandboxLevel | None = None
    allow_weak_sandbox: bool = False
    sandbox_prefix: tuple[str, ...] = ()
    check_seconds: float | None = None
    context: int = 4096
    api_base: str | None = None
    timeout: float = 120.0
    workspace: Path | None = None

    @property
    def tasks_at_once(self) -> int:
        return self.concurrency or default_concurrency()


class Bench:
    """Opens each thing once, shares it among all who ask, and closes them together. A context manager."""

    def __init__(self, options: BenchOptions | None = None) -> None:
        self.options = options or BenchOptions()
        self._policies: dict[str, Policy] = {}
        self._scorers: dict[str, Scorer] = {}
        self._choosers: dict[str, Chooser] = {}
        self._verifiers: dict[tuple[str, str, bool], Verifier] = {}
        self._resources = ExitStack()

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened and tested when first needed."""
        from reflexa.sandbox import Sandbox

        options = self.options
        return Sandbox.open(
            options.sandbox,
            slots=min(options.tasks_at_once, os.cpu_count() or 2),
            limits=self._limits(),
            allow_weak=options.allow_weak_sandbox,
            prefix=options.sandbox_prefix,
        )

    def sandbox_level(self) -> SandboxLevel | None:
        """The level of the sandbox where something needed one."""
        return self.sandbox.level if "sandbox" in self.__dict__ else None

    def policy(self, spec: str) -> Policy:
        """The policy of a model string."""
        if spec not in self._policies:
            self._policies[spec] = self._open(spec)
        return self._policies[spec]

    def scorer(self, checkpoint: str) -> Scorer:
        """The trained reward model of a checkpoint."""
        if checkpoint not in self._scorers:
            self._scorers[checkpoint] = open_scorer(checkpoint)
        return self._scorers[checkpoint]

    def chooser(self, model: str) -> Chooser:
        """The likelihoods of a checkpoint."""
        if model not in self._choosers:
            self._choosers[model] = open_chooser(model)
        return self._choosers[model]

    def verifier(self, spec: str, model: str = "embedded", *, blind: bool = False) -> Verifier:
        """The verifier of that name, which tries again after transient failures.

        ``model`` answers where the verifier is a model. A ``blind`` one may not read ``Task.check``.
        """
        key = (spec, model, blind)
        if key not in self._verifiers:
            self._verifiers[key] = Persistent(
                Replaying(open_verifier(spec, self.means(model, blind=blind)), self.environment)
            )
        return self._verifiers[key]

    def environment(self, task: Task) -> Environment:
        """A new environment for one attempt at a task that is played."""
        if task.play is None:
            raise UsageError(f"task {task.id} is not played in an environment")
        return environments.open_environment(task.play.environment, environments.Means(lambda: self.sandbox))

    def means(self, model: str = "embedded", *, blind: bool = False) -> Means:
        """What ``open_verifier`` and ``open_comparison`` open with: this bench's sandbox, models and workspace."""
        return Means(
            sandbox=lambda: self.sandbox,
            policy=lambda name: Witness(self.policy(name)),
            model=model,
            workspace=self.options.workspace,
            limits=self._limits(),
            blind=blind,
            scorer=self.scorer,
            chooser=self.chooser,
            resources=self._resources,
        )

    def close(self) -> None:
        """Ends the verifiers' and the sandbox's processes, then frees the models: one whose calls hang may never be."""
        self._resources.close()
        self._verifiers.clear()
        if "sandbox" in self.__dict__:
            self.sandbox.close()
            del self.__dict__["sandbox"]
        for policy in self._policies.values():
            policy.close()
        self._policies.clear()
        self._scorers.clear()
        self._choosers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, spec: str) -> Policy:
        options = self.options
        return open_policy(
            spec,
            PolicyOptions(
                slots=options.tasks_at_once, context=options.context, api_base=options.api_base, timeout=options.timeout
            ),
        )

    def _limits(self) -> Limits | None:
        from reflexa.sandbox import Limits

        return None if self.options.check_seconds is None else Limits(seconds=self.options.check_seconds)
