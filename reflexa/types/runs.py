"""Runs over a suite: all that decides their results, and how they stand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reflexa.types.base import Frozen
from reflexa.types.episodes import SandboxLevel

FeedbackSource = Literal["visible", "self-tests", "auto", "oracle"]
"""What the agent may learn from while it works; ``oracle`` means that the judge itself is the feedback."""
ToolForm = Literal["auto", "native", "text"]
"""How an acting agent names its actions: by native tool calls, in its text, or natively where its model has them."""
MemoryScope = Literal["none", "episode", "suite", "all"]
"""What a prompt may remember: nothing; the episode's own reflections; with them the lessons of its suite, or all."""
RunStatus = Literal["running", "finished", "interrupted", "budget", "failed"]


class RunConfig(Frozen):
    """All that decides a run's results: what a resumed run is compared with. Secrets never stand in it.

    ``feedback`` is a ``FeedbackSource`` or a verifier's name, ``judge`` a verifier's name (None: the suite's own), and
    ``data`` the file that a built-in suite was read from. ``constitution`` is a file, or the name of one in the
    workspace (None: Reflexa's own); it says something to the strategy ``constitutional`` alone, as ``tools`` does to
    tasks that are played. Where ``memory`` reaches beyond the episode, the lessons of one prompt have ``lesson_tokens``
    together, and each is left out with the chance ``explore``, so that what it is worth can be told; ``embedder`` is
    what finds them by their vectors (``none``: they are found by their words alone).
    """

    suite: str
    split: str = "test"
    model: str
    reflector_model: str | None = None
    tester_model: str | None = None
    strategy: str = "reflexion"
    constitution: str | None = None
    feedback: str = "auto"
    judge: str | None = None
    judge_model: str | None = None
    data: str | None = None
    attempts: int = Field(default=5, ge=1)
    reflections: int = Field(default=3, ge=0)
    calls_per_task: int | None = Field(default=None, ge=1)
    task_ids: tuple[str, ...] = ()
    seed: int = 0
    temperature: float | None = Field(default=None, ge=0.0)
    max_new_tokens: int = Field(default=512, gt=0)
    tools: ToolForm = "auto"
    memory: MemoryScope = "episode"
    explore: float = Field(default=0.0, ge=0.0, lt=1.0)
    lesson_tokens: int = Field(default=400, ge=1)
    embedder: str = "none"
    sandbox: SandboxLevel | None = None
    suite_digest: str = ""

    @property
    def recalls_lessons(self) -> bool:
        """Whether prompts show lessons of other tasks."""
        return self.memory in ("suite", "all")

    @property
    def reflections_shown(self) -> int:
        """How many reflections a prompt may show: none without memory."""
        return 0 if self.memory == "none" else self.reflections


class RunRecord(Frozen):
    """A run as the store knows it. Times are seconds since the epoch, UTC."""

    id: str
    name: str | None = None
    config: RunConfig
    status: RunStatus = "running"
    baseline_of: str | None = None
    created: float = 0.0
    finished: float | None = None
    code_version: str = ""
    packages: dict[str, str] = Field(default_factory=dict)
