"""Suites as prompts, and their verifiers as rewards: what online training learns from.

A suite's own judge reads what is hidden from the model: a run that is rewarded by it is an *oracle* run. Held-out tasks
are only measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from reflexa.agent import Bench
from reflexa.errors import UsageError
from reflexa.improve.playing import TaskPlayer, Worth, logit, most_turns, passed, played_prompts, score
from reflexa.improve.workshop import Suites, check_apart
from reflexa.tasks import Suite, select
from reflexa.tasks.answers import extract_for
from reflexa.training.online.playing import Played
from reflexa.training.online.points import Examination
from reflexa.training.online.rollouts import Answer, OnlinePrompt, StepRewards
from reflexa.training.online.scoring import step_rewards
from reflexa.types import Attempt, Completion, Frozen, Task, Usage
from reflexa.verifiers.steps import steps_of

LoadSuite = Callable[[str, str, str | None], Suite]
"""A suite by its name, its split, and the file that it is read from, if any."""


class TaskSource(Frozen):
    """Where prompts and rewards come from: a suite's training split, judged by ``verifier`` (None: the suite's judge).

    With ``steps`` an answer earns step by step what a verifier of steps finds of each, with ``logit`` the logit of the
    verifier's score: the raw score of a reward model. ``held_out_split`` is measured
    at each checkpoint by ``judge`` (None: the suite's); None measures nothing. ``judge_model`` answers where a verifier
    is a model. ``limit`` and ``held_out_limit`` take the first tasks alone.
    """

    suite: str
    split: str = "train"
    held_out_split: str | None = None
    verifier: str | None = None
    steps: bool = False
    logit: bool = False
    judge: str | None = None
    judge_model: str = "embedded"
    data: str | None = None
    limit: int | None = None
    held_out_limit: int | None = None

    @model_validator(mode="after")
    def _one_kind_of_reward(self) -> Self:
        if self.steps and self.logit:
            raise ValueError("steps earn probabilities and logit asks for raw scores: expected one of the two")
        return self

    @property
    def worth(self) -> Worth:
        """What a verdict is worth to learn from."""
        return logit if self.logit else score


class VerifierReward:
    """What a verdict on an answer is ``worth`` as its reward, with ``steps`` the scores of its steps where the verifier
    scores these.

    It judges answers to the suite's tasks, and to ``others``. Raises ``VerifierError`` where the verifier cannot tell.
    """

    def __init__(
        self,
        bench: Bench,
        suite: Suite,
        verifier: str | None = None,
        model: str = "embedded",
        *,
        worth: Worth = score,
        steps: bool = False,
        others: Sequence[Task] = (),
    ) -> None:
        self._tasks = {task.id: task for task in (*suite.tasks, *others)}
        self._verifier = bench.verifier(verifier or suite.judge, model)
        self._worth, self._steps = worth, steps
        self.name = self._verifier.name

    def __call__(self, answer: Answer) -> float | StepRewards:
        task = self._tasks[answer.prompt.id]
        completion = Completion(
            text=answer.text,
            finish_reason="stop" if answer.finished else "length",
            usage=Usage(output_tokens=answer.tokens),
        )
        attempt = Attempt(
            index=answer.sample, messages=task.prompt, completion=completion, answer=extract_for(task, answer.text)
        )
        verdict = self._verifier.verify(task, attempt)
        if self._steps and verdict.step_scores:
            return step_rewards(answer.text, steps_of(attempt), verdict.step_scores)
        return self._worth(verdict)


@dataclass(frozen=True)
class OnlineTasks:
    """What an online run is given: ``prompts``, their ``reward`` by the verifier ``name``, how checkpoints are judged.

    ``oracle`` tells that the reward reads what is hidden from the model.
    """

    prompts: tuple[OnlinePrompt, ...]
    reward: VerifierReward | Played
    name: str
    held_out: Examination | None
    oracle: bool


def suite_prompts(suite: Suite) -> tuple[OnlinePrompt, ...]:
    """The tasks of a suite as prompts, by their ids. Raises ``UsageError`` for tasks that are played."""
    played = next((task for task in suite.tasks if task.play is not None), None)
    if played is not None:
        raise UsageError(f"task {played.id} is played in an environment: its answers are not single samples")
    return tuple(OnlinePrompt(id=task.id, prompt=task.prompt) for task in suite.tasks)


def online_tasks(source: TaskSource, load: LoadSuite, bench: Bench) -> OnlineTasks:
    """Prompts, reward and examination of a suite.

    Raises ``UsageError`` where what would be learnt from is a test split, or shares a task with what is held out.
    """
    if source.split == "test" or source.split == source.held_out_split:
        raise UsageError(
            f"the split {source.split!r} is what models are measured on: learn from another (--split), or hold out "
            "another one (--held-out-split)"
        )
    train = _first(load(source.suite, source.split, source.data), source.limit)
    tested: Suite | None = None
    if source.held_out_split is not None:
        tested = _first(load(source.suite, source.held_out_split, source.data), source.held_out_limit)
        check_apart(Suites(train, tested))
    return learnt_on(source, bench, train, tested)


def learnt_on(source: TaskSource, bench: Bench, train: Suite, tested: Suite | None = None) -> OnlineTasks:
    """Prompts, reward and examination of splits that are at hand, whether one answer solves their tasks or they are
    played. Raises ``UsageError`` where some are played and others are not.
    """
    played = any(task.play is not None for task in train.tasks)
    make = _played if played else _answered
    return make(source, bench, train, tested)


def _answered(source: TaskSource, bench: Bench, train: Suite, tested: Suite | None) -> OnlineTasks:
    """Tasks that one answer solves."""
    model = source.judge_model
    # At checkpoints the reward that is learnt is measured on held-out tasks too.
    reward = VerifierReward(
        bench, train, source.verifier, model, worth=source.worth, steps=source.steps, others=_tasks(tested)
    )
    held_out: Examination | None = None
    if tested is not None:
        judge = VerifierReward(bench, tested, source.judge, model, worth=passed)
        held_out = Examination(suite_prompts(tested), judge)
    return OnlineTasks(suite_prompts(train), reward, reward.name, held_out, _is_oracle(source, train))


def _played(source: TaskSource, bench: Bench, train: Suite, tested: Suite | None) -> OnlineTasks:
    """Tasks that are played in an environment."""
    if source.steps:
        raise UsageError(f"{train.name} is played: what is rewarded is a whole dialogue; leave out tasks.steps")
    model, turns = source.judge_model, most_turns(train)
    player = TaskPlayer(bench, train, source.verifier, model, worth=source.worth, others=_tasks(tested))
    held_out: Examination | None = None
    if tested is not None:
        judge = TaskPlayer(bench, tested, source.judge, model, worth=passed)
        held_out = Examination(played_prompts(bench, tested), Played(judge, most_turns(tested)))
    prompts = played_prompts(bench, train)
    return OnlineTasks(prompts, Played(player, turns), player.name, held_out, _is_oracle(source, train))


def _tasks(suite: Suite | None) -> tuple[Task, ...]:
    return () if suite is None else suite.tasks


def _is_oracle(source: TaskSource, train: Suite) -> bool:
    return source.verifier in (None, train.judge, source.judge)


def _first(suite: Suite, limit: int | None) -> Suite:
    return suite if limit is None or limit >= len(suite.tasks) else select(suite, limit=limit)
