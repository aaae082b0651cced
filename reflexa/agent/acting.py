"""An attempt at a task that is played: think, act, observe, until it is over (ReAct, Yao et al. 2023)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from reflexa.agent.desk import Desk
from reflexa.agent.prompting import last_user_text, render, with_last_user_message
from reflexa.agent.replies import Reply, read_completion, shown
from reflexa.agent.transcript import UNREAD_LIMIT, Transcript, reward_words, seen
from reflexa.errors import ContextOverflowError, UsageError
from reflexa.protocols import Environment, ToolWorld, Verifier
from reflexa.types import (
    Attempt,
    CallContext,
    Completion,
    Frozen,
    Message,
    Play,
    Sampling,
    Step,
    Task,
    ToolForm,
    ToolSpec,
    Usage,
    Verdict,
)

_STOP = ("\nObservation:",)
"""Where a reply ends that goes on to invent what happens."""


class ActingLimits(Frozen):
    """What bounds an attempt at a played task beside its own number of steps.

    ``seconds`` is wall-clock time; ``tokens`` what all its calls may take, in and out; ``window`` the characters of the
    attempt that one call shows.
    """

    seconds: float = 900.0
    tokens: int | None = None
    window: int = 12_000


@dataclass(frozen=True)
class Played:
    """How an attempt went: what was sent first, its steps, and its answer: the one given, or the actions.

    ``last`` is the last reply, with the usage of all of them.
    """

    messages: tuple[Message, ...]
    steps: tuple[Step, ...]
    answer: str
    last: Completion


@dataclass
class Player:
    """Plays one attempt. ``calls_left`` is how many more calls the task may make, ``form`` how they name actions."""

    desk: Desk
    environment: Environment
    limits: ActingLimits
    calls_left: Callable[[], float]
    form: ToolForm = "auto"

    def play(self, context: CallContext, prompt: tuple[Message, ...], sampling: Sampling) -> Played:
        """Plays to the end. Call i of the attempt is sample i of ``context``, so that recorded calls are replayed."""
        play = _play(self.desk.task)
        began = time.monotonic()
        observation = seen(self.environment.reset(self.desk.task))
        tools = self._tools(context)
        first = self._opening(prompt, play, observation, bool(tools))
        sampling = sampling.model_copy(update={"stop": (*sampling.stop, *_STOP), "tools": tools})
        transcript = Transcript(first, self.limits.window)
        steps: list[Step] = []
        usage = Usage()
        ending = ""
        while not ending:
            call = context.model_copy(update={"sample": len(steps)})
            completion = self._ask(call, transcript, sampling)
            usage += completion.usage
            step, ending, answer = self._turn(completion, tools)
            steps.append(step)
            transcript.add(_said(step, completion), f"Observation: {step.observation}{reward_words(step.reward)}")
            ending = ending or self._limit(play, steps, usage) or self._scarcity(call, began)
        steps[-1] = steps[-1].model_copy(update={"observation": f"{steps[-1].observation}\n({ending})".lstrip()})
        last = Completion(
            text=completion.text, finish_reason=completion.finish_reason, usage=usage, calls=completion.calls
        )
        return Played(first, tuple(steps), _answer(play, steps, answer), last)

    def _tools(self, context: CallContext) -> tuple[ToolSpec, ...]:
        """What the model is offered natively: the environment's tools, where it has such and the model takes them."""
        if self.form == "text" or not isinstance(self.environment, ToolWorld):
            return ()
        takes = self.desk.takes_tools(context.model_copy(update={"sample": 0}))
        if takes is None and self.form == "native":
            raise UsageError(
                "this model cannot be offered tools natively, only hosted ones can: leave --tools out, or use text"
            )
        return self.environment.tools() if takes or self.form == "native" else ()

    def _opening(self, prompt: tuple[Message, ...], play: Play, observation: str, native: bool) -> tuple[Message, ...]:
        self.desk.allow(observation)
        return opening(prompt, play, observation, native=native)

    def _ask(self, call: CallContext, transcript: Transcript, sampling: Sampling) -> Completion:
        """The next reply. Where the model's context overflows, less of the attempt is shown."""
        while True:
            try:
                return self.desk.ask(call, transcript.messages(), sampling)
            except ContextOverflowError:
                if not transcript.narrow():
                    raise

    def _turn(self, completion: Completion, tools: tuple[ToolSpec, ...]) -> tuple[Step, str, str | None]:
        """The step, how it ended the attempt (empty: it goes on), and the answer that it gave, if any."""
        reply = read_completion(completion, tools)
        if reply.fault:
            return _malformed(reply), "", None
        observation, reward, terminated, truncated, info = self.environment.step(reply.action)
        observation = seen(observation)
        self.desk.allow(observation)
        step = Step(thought=reply.thought, action=reply.action, observation=observation, reward=float(reward))
        answer = info.get("answer")
        ending = "The environment ended the attempt." if terminated or truncated else ""
        return step, ending, answer if isinstance(answer, str) else None

    def _limit(self, play: Play, steps: list[Step], usage: Usage) -> str:
        """Which limit ends the attempt now; empty where none does. The paper's triggers are among them."""
        if len(steps) >= play.steps:
            return f"The attempt ended: all {play.steps} steps are taken."
        if play.repeats and _repeated(steps, play.repeats):
            what = "the same action had the same result" if steps[-1].action else "the reply could not be read"
            return f"The attempt ended: {what} {play.repeats} times in a row."
        if self.limits.tokens is not None and usage.tokens >= self.limits.tokens:
            return f"The attempt ended: its calls took {self.limits.tokens} tokens or more."
        return ""

    def _scarcity(self, call: CallContext, began: float) -> str:
        """Whether time or calls are up; never before a call that is recorded, for it was made in time."""
        if self.desk.recorded(call.model_copy(update={"sample": call.sample + 1})):
            return ""
        if time.monotonic() - began > self.limits.seconds:
            return f"The attempt ended: it took more than {self.limits.seconds:g} seconds."
        return "The attempt ended: no calls are left." if self.calls_left() < 1 else ""


def opening(prompt: tuple[Message, ...], play: Play, observation: str, *, native: bool = False) -> tuple[Message, ...]:
    """What an attempt begins with: the task, how to act, and the world's first observation."""
    template = "act_natively" if native else "act"
    content = render(template, task=last_user_text(prompt), steps=play.steps, observation=observation)
    return with_last_user_message(prompt, content)


def replay(environment: Environment, task: Task, actions: str) -> Attempt:
    """Plays a list of actions, one a line, without a model: how a walkthrough becomes an attempt that can be judged."""
    play = _play(task)
    environment.reset(task)
    steps: list[Step] = []
    for action in actions.splitlines()[: play.steps]:
        observation, reward, terminated, truncated, _ = environment.step(action.strip())
        steps.append(Step(action=action.strip(), observation=seen(observation), reward=float(reward)))
        if terminated or truncated:
            break
    close(environment)
    return Attempt(steps=tuple(steps), answer=actions)


class Replaying:
    """A verifier that is also handed actions which nobody played yet, such as walkthroughs: it plays them first."""

    def __init__(self, verifier: Verifier, environments: Callable[[Task], Environment]) -> None:
        self.name, self.version = verifier.name, verifier.version
        self._verifier = verifier
        self._environments = environments

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        if task.play is not None and task.play.goal is not None and not attempt.steps:
            attempt = replay(self._environments(task), task, attempt.answer)
        return self._verifier.verify(task, attempt)


def close(environment: Environment) -> None:
    """Frees what an environment holds, where it has such a method: Gymnasium's do, and nobody's must."""
    closing = getattr(environment, "close", None)
    if closing is not None:
        closing()


def _play(task: Task) -> Play:
    if task.play is None:
        raise UsageError(f"task {task.id} is not played: give it `play` to solve it in an environment")
    return task.play


def _malformed(reply: Reply) -> Step:
    return Step(thought=reply.thought, observation=reply.fault, reward=0.0)


def _said(step: Step, completion: Completion) -> str:
    """The agent's turn as it is shown to it again: without what it invented after its action."""
    if not step.action:
        return seen(shown(completion), UNREAD_LIMIT) or "(nothing)"
    return f"Thought: {step.thought}\nAction: {step.action}" if step.thought else f"Action: {step.action}"


def _repeated(steps: list[Step], times: int) -> bool:
    last = [(step.action, step.observation) for step in steps[-times:]]
    return len(last) == times and len(set(last)) == 1


def _answer(play: Play, steps: list[Step], given: str | None) -> str:
    """The answer that was given, where the environment takes one; else the actions, one a line."""
    if play.goal is None:
        return given or ""
    return "\n".join(step.action for step in steps if step.action)
