"""The embedding API: a self-correcting agent in three lines, sync and async."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pydantic import Field

from reflexa.agent.bench import Bench, BenchOptions
from reflexa.agent.budget import Budget, Limits
from reflexa.agent.desk import Cast
from reflexa.agent.diary import Diary, Learnt
from reflexa.agent.distilling import DistillConfig, Distiller
from reflexa.agent.feedback import Feedback
from reflexa.agent.journal import NoJournal, StoreJournal
from reflexa.agent.loop import Loop, LoopConfig
from reflexa.agent.remembering import Remembering
from reflexa.agent.strategies import strategy as named_strategy
from reflexa.errors import UsageError
from reflexa.models import open_embedder
from reflexa.protocols import Environment, Policy, Verifier
from reflexa.types import Episode, Frozen, MemoryScope, Message, Play, Reflection, RunConfig, RunRecord, Task
from reflexa.verifiers import as_verifier

if TYPE_CHECKING:
    from reflexa.memory import Store

OWN_SUITE = "custom"


class AgentConfig(Frozen):
    """What an agent may do: the loop's bounds, its strategy, what it may spend, and how many tasks run at once.

    ``memory``, ``explore``, ``lesson_tokens`` and ``embedder`` are those of a run (``RunConfig``): with ``suite`` or
    ``all`` a task's prompts show lessons of other tasks, of its own suite or of every one.
    """

    strategy: str = "reflexion"
    loop: LoopConfig = LoopConfig(max_new_tokens=1024)
    limits: Limits = Limits()
    tasks_at_once: int = 8
    api_base: str | None = None
    memory: MemoryScope = "episode"
    explore: float = Field(default=0.0, ge=0.0, lt=1.0)
    lesson_tokens: int = Field(default=400, ge=1)
    embedder: str = "none"


class Agent:
    """Attempts a task, verifies, reflects in words, remembers, retries.

        agent = reflexa.Agent(model="gpt-…", verifier=my_verifier, memory="sqlite:///memory.db")
        episode = agent.solve("Write a function that …")    # .answer, .solved, .attempts, .reflections

    Args:
        model: A model string (``embedded``, ``gguf:FILE``, ``hf:…``, any litellm name, ``scripted:FILE``), a
            ``Policy``, or a ``Cast`` where the reflector or the test writer is another model.
        verifier: A verifier's name (``math``, ``critic:RUBRIC.toml``), a ``Verifier``, or any callable of the answer,
            or of task and attempt, that returns bool, a float in [0, 1], feedback as str (empty: passed), or a
            ``Verdict``. Without one, a programming task is checked by its visible examples, and any other gets a
            single attempt, unless it is played: then by what it saw while it acted.
        environment: Opens an environment for each attempt at a task, which is then played step by step. Tasks with
            ``play`` need none: theirs is opened by name.
        memory: A database URL or path, or an opened ``Store``; None keeps nothing. What of it the prompts show is
            ``config.memory``. A ``Store`` finds lessons by its own embedder, where the configuration names no other.

    Raises ``UsageError`` for names that do not exist, and for lessons of other tasks without a database;
    ``PolicyError`` where the model cannot be used at all, ``BudgetExceededError`` at a limit. Failures of single calls
    or checks end the episode with ``episode.error`` set. Safe to use from many threads.
    """

    def __init__(
        self,
        model: str | Policy | Cast = "embedded",
        verifier: str | Verifier | Callable[..., Any] | None = None,
        memory: str | Path | Store | None = None,
        config: AgentConfig | None = None,
        environment: Callable[[Task], Environment] | None = None,
    ) -> None:
        self.config = config or AgentConfig()
        self._strategy = named_strategy(self.config.strategy)
        self._store, self._owns_store = _open_store(memory, self.config)
        self._diary = None if self._store is None else Diary(self._store, self._run_config)
        self._bench = Bench(BenchOptions(concurrency=self.config.tasks_at_once, api_base=self.config.api_base))
        self._cast = self._open_cast(model)
        self._environment = environment
        self._verifier = self._open_verifier(verifier, model)
        self._budget = Budget(self.config.limits)

    def solve(self, task: str | Task) -> Episode:
        """Runs the task's episode to its end and returns it."""
        return self._solve(task, threading.Event())

    async def asolve(self, task: str | Task) -> Episode:
        """``solve`` without blocking the event loop. Cancelling stops the episode before its next call."""
        stop = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._solve, task, stop)
        except asyncio.CancelledError:
            stop.set()
            raise

    def distill(self, config: DistillConfig | None = None) -> Learnt:
        """Makes lessons of what was solved since the last time, for other tasks of the same suites.

        The reflector reads the episodes, a few a call, within the agent's limits. Those under way, those that no
        verifier has judged, and those of a test split (unless ``config`` allows it) make none. Lessons that proved to
        hurt go into quarantine. Raises ``UsageError`` without a database, ``PolicyError`` and ``BudgetExceededError``
        as ``solve`` does: what was not read by then is read the next time.
        """
        if self._diary is None or self._store is None:
            raise UsageError("an agent without a database keeps nothing to learn from: give it memory='sqlite:///FILE'")
        return self._diary.learn(
            Distiller(self._store, self._cast.reflector, config or DistillConfig(), budget=self._budget)
        )

    def close(self) -> None:
        """Frees the model, the sandbox and the database, as far as this agent opened them."""
        if "_pool" in self.__dict__:
            self._pool.shutdown(wait=True, cancel_futures=True)
        if self._diary is not None:
            self._diary.end()
        self._bench.close()
        if self._store is not None and self._owns_store:
            self._store.close()

    def __enter__(self) -> Agent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.config.tasks_at_once, thread_name_prefix="reflexa-agent")

    def _open_cast(self, model: str | Policy | Cast) -> Cast:
        if isinstance(model, Cast):
            return model
        policy = self._bench.policy(model) if isinstance(model, str) else model
        return Cast(policy, policy, policy)

    def _open_verifier(
        self, verifier: str | Verifier | Callable[..., Any] | None, model: str | Policy | Cast
    ) -> Verifier | None:
        if isinstance(verifier, str):
            return self._bench.verifier(verifier, model if isinstance(model, str) else "embedded")
        return None if verifier is None else as_verifier(verifier)

    def _solve(self, task: str | Task, stop: threading.Event) -> Episode:
        task = _task(task) if isinstance(task, str) else task
        if self._environment is not None and task.play is None:
            task = task.model_copy(update={"play": Play(environment=OWN_SUITE)})
        usual = None if task.play is None else self._bench.verifier("trajectory")
        run = None if self._diary is None else self._diary.run_for(task)
        loop = Loop(
            cast=self._cast,
            strategy=self._strategy,
            feedback=Feedback("auto", sandbox=lambda: self._bench.sandbox, own=self._verifier, usual=usual),
            judge=None,
            journal=NoJournal() if run is None or self._store is None else StoreJournal(self._store, run.id),
            config=self.config.loop.model_copy(update={"reflections": self._run_config(task).reflections_shown}),
            budget=self._budget,
            stop=stop,
            environments=self._environment or self._bench.environment,
            remembering=self._remembering(run),
        )
        return loop.solve(task, self._earlier(task, loop.config.reflections))

    def _remembering(self, run: RunRecord | None) -> Remembering | None:
        if run is None or self._store is None or not run.config.recalls_lessons:
            return None
        return Remembering(self._store, run.id, run.config)

    def _earlier(self, task: Task, n: int) -> tuple[Reflection, ...]:
        """What earlier episodes of this very task left. A test split's tasks never recall themselves."""
        if self._store is None or task.split == "test" or not n:
            return ()
        return tuple(self._store.recall(task, n))

    def _run_config(self, task: Task) -> RunConfig:
        config, loop = self.config, self.config.loop
        return RunConfig(
            suite=task.suite,
            split=task.split,
            model=self._cast.actor.name,
            strategy=self._strategy.name,
            attempts=loop.attempts,
            reflections=loop.reflections,
            seed=loop.seed,
            temperature=loop.temperature,
            max_new_tokens=loop.max_new_tokens,
            memory=config.memory,
            explore=config.explore,
            lesson_tokens=config.lesson_tokens,
            embedder=config.embedder if self._store is None else self._store.embedder,
        )


def _task(prompt: str) -> Task:
    digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return Task(id=f"task-{digest}", suite=OWN_SUITE, split="live", prompt=(Message(role="user", content=prompt),))


def _open_store(memory: str | Path | Store | None, config: AgentConfig) -> tuple[Store | None, bool]:
    """The database, if there is one, and whether it was opened here."""
    if memory is None and config.memory in ("suite", "all"):
        raise UsageError(
            f"memory {config.memory!r} shows lessons of other tasks, which stand in a database: "
            "give the agent memory='sqlite:///FILE'"
        )
    embedder = open_embedder(config.embedder)
    opened = isinstance(memory, str | Path)
    if isinstance(memory, str | Path):
        from reflexa.memory import Store

        memory = Store.open(memory)
    if memory is not None and embedder is not None and memory.embedder != embedder.name:
        memory.use_embedder(embedder)
    return memory, opened
