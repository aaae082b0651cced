"""Small tasks, scripts and parts for the agent's tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reflexa.agent.desk import Cast
from reflexa.agent.feedback import Feedback
from reflexa.agent.journal import StoreJournal
from reflexa.agent.loop import Loop, LoopConfig
from reflexa.agent.strategies import strategy
from reflexa.memory import Store
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.protocols import Policy
from reflexa.types import AnswerCheck, Attempt, Message, RunConfig, Task, Verdict

SECRET = "the hidden answer of this very task"


class Contains:
    """A verifier that wants a word in the answer, and says so."""

    version = "1"

    def __init__(self, word: str, name: str = "contains") -> None:
        self.word = word
        self.name = name
        self.checked: list[str] = []

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        self.checked.append(attempt.answer)
        passed = self.word in attempt.answer
        feedback = "" if passed else f"the word {self.word!r} is missing in {attempt.answer!r}"
        return Verdict(score=float(passed), passed=passed, feedback=feedback, verifier=self.name)


def task(task_id: str = "t/0", prompt: str = "Say the word.", split: str = "test") -> Task:
    return Task(
        id=task_id, split=split, prompt=(Message(role="user", content=prompt),), check=AnswerCheck(answer=SECRET)
    )


def script(
    attempts: Sequence[str], reflections: Sequence[str] = ("Think of the word.",), task_id: str = "t/0"
) -> ScriptedPolicy:
    row = ScriptedRow(task=task_id, attempts=tuple(attempts), reflections=tuple(reflections), feedback=("Not bold.",))
    return ScriptedPolicy([row])


class Bench:
    """A loop over a scripted policy and a real SQLite file."""

    def __init__(self, folder: Path, policy: Policy, name: str = "reflexion") -> None:
        self.store = Store.open(folder / "memory.db")
        self.run = self.store.create_run(RunConfig(suite="s", model="scripted", strategy=name))
        self.feedback = Contains("word")
        self.judge = Contains("right word", name="judge")
        self.policy = policy
        self.name = name

    def loop(self, config: LoopConfig | None = None) -> Loop:
        return Loop(
            cast=Cast(self.policy, self.policy, self.policy),
            strategy=strategy(self.name),
            feedback=Feedback("auto", own=self.feedback),
            judge=self.judge,
            journal=StoreJournal(self.store, self.run.id),
            config=config or LoopConfig(attempts=3),
        )

    def sent(self) -> list[str]:
        """All that was sent, message by message."""
        return [message.content for call in self.store.calls(self.run.id) for message in call.messages]
