"""Every seam of Reflexa, in one place. Anything with these methods fits; nothing has to be inherited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from reflexa.rows import Text
from reflexa.types import (
    Attempt,
    CallContext,
    Completion,
    Episode,
    Message,
    Reflection,
    Sampling,
    Task,
    ToolSpec,
    Verdict,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Policy(Protocol):
    """What answers. ``name`` identifies model and form (``gguf:FILE``); ``generate`` may be called from any thread."""

    name: str

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """Draws ``n`` completions. Raises ``PolicyError`` where it cannot; never returns fewer."""
        ...

    def close(self) -> None:
        """Frees what the policy holds. Further calls are errors."""
        ...


@runtime_checkable
class ContextualPolicy(Policy, Protocol):
    """A policy whose answers depend on which call of which task is made, as scripted and replayed ones do."""

    def bind(self, context: CallContext) -> Policy:
        """The policy that answers this one call."""
        ...


@runtime_checkable
class ToolPolicy(Policy, Protocol):
    """A policy that can be offered ``Sampling.tools``, and gives ``Completion.calls`` where its model calls them."""

    @property
    def takes_tools(self) -> bool:
        """Whether its model is known to take tools; False where nobody knows."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """What turns texts into directions. Vectors of different names are never compared; any thread may call it."""

    name: str

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [texts, dimensions], of any length. Raises ``PolicyError`` where it cannot; never returns fewer."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """What judges. ``name`` and ``version`` go with each verdict."""

    name: str
    version: str

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        """Judges an attempt. Raises ``VerifierError`` where it cannot tell; never scores 0 for that."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """A trained reward model. ``name`` identifies its checkpoint; both methods may be called from any thread.

    An outcome model knows rewards, a process model knows steps: asked for the other, it raises ``UsageError``. What
    does not fit or cannot be computed raises ``PolicyError``.
    """

    name: str

    def score(self, exchanges: Sequence[tuple[Text, Text]], /) -> list[float]:
        """The reward of each (prompt, answer): a logit, of any size."""
        ...

    def step_scores(self, prompt: Text, steps: Sequence[str], /) -> list[float]:
        """For each step the probability, in [0, 1], that it is right, given the prompt and the steps before it."""
        ...


@runtime_checkable
class Chooser(Protocol):
    """A model that is asked how likely it is to say either of several things, not to say one."""

    name: str

    def choose(self, messages: Sequence[Message], options: Sequence[str], /) -> list[float]:
        """The probability of each option, as the whole answer to the messages, among the options alone.

        Raises ``PolicyError`` for what does not fit or cannot be computed. May be called from any thread.
        """
        ...


@runtime_checkable
class Environment(Protocol):
    """Gymnasium's contract over text: a Markov decision process for multi-step tasks."""

    def reset(self, task: Task) -> str:
        """Starts the task and returns the first observation."""
        ...

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Acts; returns observation, reward, terminated, truncated, info."""
        ...


@runtime_checkable
class ToolWorld(Environment, Protocol):
    """An environment whose actions are tools: to call NAME with INPUT is the action ``NAME[INPUT]``."""

    def tools(self) -> tuple[ToolSpec, ...]:
        """All its actions, once it is reset."""
        ...


@runtime_checkable
class Reflector(Protocol):
    """What turns a failure into a lesson."""

    def reflect(self, task: Task, attempt: Attempt, verdict: Verdict, past: Sequence[Reflection]) -> Reflection:
        """Writes the lesson of one failed attempt, given the episode's earlier ones."""
        ...


@runtime_checkable
class Memory(Protocol):
    """What keeps episodes and gives back lessons."""

    def remember(self, episode: Episode) -> None:
        """Keeps a finished episode."""
        ...

    def recall(self, task: Task, k: int) -> list[Reflection]:
        """The ``k`` lessons most worth showing for this task, best first."""
        ...
