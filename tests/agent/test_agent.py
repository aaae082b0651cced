"""The embedding API, as small as the README says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import reflexa
from reflexa.agent.distilling import TASK_ID
from reflexa.errors import BudgetExceededError, UsageError
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.types import Completion, MemoryScope, Message, Sampling
from tests.agent.lessons import lesson


class Echo:
    """A policy of one's own: counts its calls, and learns the word from the prompt's feedback."""

    name = "echo"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        self.asked.append(messages[-1].content)
        return [Completion(text="please" if "say please" in messages[-1].content else "now")]

    def close(self) -> None:
        self.asked.append("closed")


def polite(answer: str) -> str:
    return "" if "please" in answer else "say please"


def test_three_lines(tmp_path: Path) -> None:
    agent = reflexa.Agent(model=Echo(), verifier=polite, memory=f"sqlite:///{tmp_path / 'memory.db'}")
    episode = agent.solve("Ask for the salt.")
    assert episode.answer == "please"
    assert episode.solved
    assert len(episode.attempts) == 2
    assert len(episode.reflections) == 1
    agent.close()
    with reflexa.Store.open(tmp_path / "memory.db") as store:
        (run,) = store.list_runs()
        assert run.status == "finished"
        assert list(store.episodes(run.id)) == [episode]


@pytest.mark.parametrize(
    ("verdict", "solved"),
    [(True, True), (False, False), (1.0, True), (0.4, False), ("", True), ("too short", False)],
)
def test_verifiers_may_return_what_is_at_hand(verdict: object, solved: bool) -> None:
    with reflexa.Agent(model=Echo(), verifier=lambda answer: verdict) as agent:
        assert agent.solve("x").solved is solved


def test_a_verdict_of_ones_own_and_a_verifier_of_task_and_attempt() -> None:
    def judge(task: reflexa.Task, attempt: reflexa.Attempt) -> reflexa.Verdict:
        return reflexa.Verdict(score=0.5, passed=task.prompt[0].content == "x", feedback=attempt.answer)

    with reflexa.Agent(model=Echo(), verifier=judge) as agent:
        assert agent.solve("x").solved


def test_a_verifier_that_returns_nonsense_is_an_error_not_a_score() -> None:
    with reflexa.Agent(model=Echo(), verifier=lambda answer: [1, 2]) as agent:
        episode = agent.solve("x")
    assert not episode.solved
    assert episode.error is not None
    assert "VerifierError" in episode.error


def test_without_a_verifier_there_is_one_attempt() -> None:
    with reflexa.Agent(model=Echo()) as agent:
        episode = agent.solve("Ask for the salt.")
    assert (episode.stop_reason, episode.answer, episode.solved) == ("no_feedback", "now", False)


def test_solving_again_recalls_what_was_learnt(tmp_path: Path) -> None:
    row = ScriptedRow(task="greet", attempts=("hm",), reflections=("Be polite.",))
    task = reflexa.Task(id="greet", split="train", prompt=(Message(role="user", content="Greet."),))
    config = reflexa.AgentConfig(loop=reflexa.LoopConfig(attempts=2))
    with reflexa.Agent(ScriptedPolicy([row]), polite, tmp_path / "m.db", config) as agent:
        agent.solve(task)
        again = agent.solve(task)
    assert "Be polite." in again.attempts[0].messages[-1].content
    assert len(again.attempts[0].recalled) == 1


def test_a_test_splits_task_never_recalls_itself(tmp_path: Path) -> None:
    row = ScriptedRow(task="greet", attempts=("hm",), reflections=("Be polite.",))
    task = reflexa.Task(id="greet", split="test", prompt=(Message(role="user", content="Greet."),))
    with reflexa.Agent(ScriptedPolicy([row]), polite, tmp_path / "m.db") as agent:
        agent.solve(task)
        assert agent.solve(task).attempts[0].messages == task.prompt


def test_async_solves_side_by_side() -> None:
    together = threading.Barrier(4, timeout=20)

    def meets(answer: str) -> bool:
        together.wait()
        return True

    async def run() -> list[reflexa.Episode]:
        with reflexa.Agent(model=Echo(), verifier=meets) as agent:
            return await asyncio.gather(*(agent.asolve(f"task {i}") for i in range(4)))

    assert [episode.solved for episode in asyncio.run(run())] == [True] * 4


def test_cancelling_stops_before_the_next_call() -> None:
    policy = Echo()
    verifying, cancelled = threading.Event(), threading.Event()

    def slow(answer: str) -> bool:
        verifying.set()
        cancelled.wait(20)
        return False

    async def run() -> None:
        agent = reflexa.Agent(model=policy, verifier=slow)
        solving = asyncio.create_task(agent.asolve("x"))
        await asyncio.to_thread(verifying.wait, 20)
        solving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await solving
        cancelled.set()
        agent.close()

    asyncio.run(run())
    assert len(policy.asked) == 1


def test_limits_hold_over_all_tasks_of_an_agent() -> None:
    row = ScriptedRow(task="a", attempts=("one two three",))
    config = reflexa.AgentConfig(limits=reflexa.Limits(tokens=1))
    with reflexa.Agent(ScriptedPolicy([row]), lambda answer: True, config=config) as agent:
        agent.solve("x y z")
        with pytest.raises(BudgetExceededError):
            agent.solve("x y z")


def test_a_policy_that_was_brought_is_not_closed() -> None:
    policy = Echo()
    with reflexa.Agent(model=policy, verifier=polite) as agent:
        agent.solve("x")
    assert "closed" not in policy.asked


def test_an_unknown_strategy_is_said_at_once() -> None:
    with pytest.raises(UsageError, match="did you mean reflexion"):
        reflexa.Agent(model=Echo(), config=reflexa.AgentConfig(strategy="reflexon"))


EACH = 12
_CUE = "multiply by one thousand"


def _metres(number: int, split: str = "train") -> reflexa.Task:
    prompt = f"How many metres are {number} kilometres?"
    return reflexa.Task(
        id=f"{split}-{number}", suite="metres", split=split, prompt=(Message(role="user", content=prompt),)
    )


def _converted(task: reflexa.Task, attempt: reflexa.Attempt) -> bool:
    return attempt.answer == f"{task.id.rpartition('-')[2]}000"


def _learner() -> ScriptedPolicy:
    """Repeats the number, unless its prompt holds the lesson that it distils from having done so."""
    rows = [
        ScriptedRow(
            task=f"{split}-{number}",
            attempts=(str(number),),
            cue=_CUE,
            informed=(f"{number}000",),
            reflections=("No.",),
        )
        for split in ("train", "test")
        for number in range(1, EACH + 1)
    ]
    return ScriptedPolicy([*rows, ScriptedRow(task=TASK_ID, distill=(f"ADD: For metres, {_CUE}.",))])


def _config(memory: MemoryScope = "suite", explore: float = 0.0, embedder: str = "none") -> reflexa.AgentConfig:
    return reflexa.AgentConfig(strategy="none", memory=memory, explore=explore, embedder=embedder)


def test_what_one_split_taught_helps_on_the_other(tmp_path: Path) -> None:
    with reflexa.Agent(_learner(), _converted, tmp_path / "m.db", _config()) as agent:
        assert not any(agent.solve(_metres(number)).solved for number in range(1, EACH + 1))
        learnt = agent.distill()
        assert [each.text for each in learnt.lessons] == ["For metres, multiply by one thousand."]
        assert [(each.suite, each.split, each.episodes) for each in learnt.runs] == [("metres", "train", EACH)]
        episode = agent.solve(_metres(3, "test"))
    assert episode.solved
    assert _CUE in episode.attempts[0].messages[-1].content
    with reflexa.Store.open(tmp_path / "m.db") as store:
        run = store.list_runs(1)[0]
        assert (run.config.suite, run.config.split, run.config.memory) == ("metres", "test", "suite")
        assert store.lessons_of(run.id, "test-3") == [learnt.lessons[0].id]


@pytest.mark.parametrize(("memory", "solved"), [("none", False), ("episode", False), ("suite", True), ("all", True)])
def test_lessons_are_shown_where_memory_reaches_them(tmp_path: Path, memory: MemoryScope, solved: bool) -> None:
    with reflexa.Store.open(tmp_path / "m.db") as store:
        store.add_lessons([lesson("l1", f"For metres, {_CUE}.", suite="metres")])
        with reflexa.Agent(_learner(), _converted, store, _config(memory)) as agent:
            assert agent.solve(_metres(3)).solved is solved


def test_what_is_left_out_by_lot_counts_for_what_lessons_are_worth(tmp_path: Path) -> None:
    with reflexa.Store.open(tmp_path / "m.db") as store:
        store.add_lessons([lesson("l1", f"For metres, {_CUE}.", suite="metres")])
        with reflexa.Agent(_learner(), _converted, store, _config(explore=0.5)) as agent:
            solved = [agent.solve(_metres(number)).solved for number in range(1, EACH + 1)]
        counts = store.lesson_outcomes(["l1"])["l1"]
        assert 0 < counts.left_out < EACH
        assert (counts.shown, counts.shown_solved, counts.left_out_solved) == (sum(solved), sum(solved), 0)
        (run,) = store.list_runs()
        assert (run.config.explore, run.config.lesson_tokens) == (0.5, 400)


def test_without_memory_nothing_is_reflected_or_recalled(tmp_path: Path) -> None:
    row = ScriptedRow(task="greet", attempts=("hm",), reflections=("Be polite.",))
    task = reflexa.Task(id="greet", split="train", prompt=(Message(role="user", content="Greet."),))
    config = reflexa.AgentConfig(loop=reflexa.LoopConfig(attempts=2), memory="none")
    with reflexa.Agent(ScriptedPolicy([row]), polite, tmp_path / "m.db", config) as agent:
        episodes = [agent.solve(task), agent.solve(task)]
    assert [episode.reflections for episode in episodes] == [(), ()]
    assert episodes[1].attempts[0].messages == task.prompt


def test_an_episode_under_way_is_left_out_and_recorded_all_the_same(tmp_path: Path) -> None:
    verifying, distilled = threading.Event(), threading.Event()

    def slow(task: reflexa.Task, attempt: reflexa.Attempt) -> bool:
        if task.id == "train-2":
            verifying.set()
            distilled.wait(20)
        return False

    with reflexa.Agent(_learner(), slow, tmp_path / "m.db", _config()) as agent:
        agent.solve(_metres(1))
        solving = threading.Thread(target=agent.solve, args=(_metres(2),))
        solving.start()
        assert verifying.wait(20)
        learnt = agent.distill()
        distilled.set()
        solving.join(20)
    assert [each.episodes for each in learnt.runs] == [1]
    with reflexa.Store.open(tmp_path / "m.db") as store:
        (run,) = store.list_runs()
        assert (run.status, store.finished(run.id)) == ("finished", {"train-1", "train-2"})


class Lengths:
    """An embedder of one's own."""

    name = "lengths"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[len(text), 1.0] for text in texts], np.float32)


def test_a_stores_own_embedder_stays_and_is_recorded(tmp_path: Path) -> None:
    with reflexa.Store.open(tmp_path / "m.db") as store:
        store.use_embedder(Lengths())
        store.add_lessons([lesson("l1", f"Without a word of the task: {_CUE}.", suite="metres")])
        with reflexa.Agent(_learner(), _converted, store, _config()) as agent:
            assert agent.solve(_metres(3)).solved
        assert store.list_runs()[0].config.embedder == "lengths"


def test_lessons_without_a_database_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"memory 'suite' shows lessons .* give the agent memory="):
        reflexa.Agent(model=Echo(), config=_config())
    with pytest.raises(UsageError, match=r"unknown embedder 'wordlama'.*wordllama"):
        reflexa.Agent(model=Echo(), memory=tmp_path / "m.db", config=_config(embedder="wordlama"))
    with reflexa.Agent(model=Echo()) as agent, pytest.raises(UsageError, match="keeps nothing to learn from"):
        agent.distill()
