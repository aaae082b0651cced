"""What is asked of a policy, what it answers, and what that cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reflexa.types.base import Frozen

Role = Literal["system", "user", "assistant"]
Purpose = Literal["attempt", "reflection", "tests", "feedback", "critic", "judge", "distill"]
"""Why a call is made: an answer, a reflection, self-written tests, a critique to revise by; a verdict, where the
feedback verifier (critic) or the judge is a model; or lessons for other tasks, from episodes that have ended."""
FinishReason = Literal["stop", "length", "content_filter"]


class Message(Frozen):
    """One chat message."""

    role: Role
    content: str


class Usage(Frozen):
    """What a call cost. ``cost_usd`` is None where the price is unknown, which is not the same as free."""

    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cost_usd: float | None = None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=sum(costs) if costs else None,
        )


class ToolSpec(Frozen):
    """A tool as a model is told of it: it takes one string, which ``argument`` describes in a word."""

    name: str
    summary: str
    argument: str


class ToolCall(Frozen):
    """A native call of a tool, as the model wrote it: neither the name nor the JSON of its arguments is checked."""

    name: str
    arguments: str


class Sampling(Frozen):
    """How to sample. ``max_tokens`` bounds new tokens; ``seed`` None leaves the choice to the policy.

    ``tools`` may be called natively, where the policy is a ``ToolPolicy``; others do not heed them.
    """

    temperature: float = Field(default=0.0, ge=0.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    max_tokens: int = Field(default=512, gt=0)
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: bool = False
    tools: tuple[ToolSpec, ...] = ()


class Completion(Frozen):
    """One sample from a policy.

    ``token_ids`` and ``logprobs`` (natural logarithms, one per new token) are given by policies that know them
    when ``Sampling.logprobs`` asks for them. ``calls`` are native calls of ``Sampling.tools``, beside
    which the text may be empty.
    """

    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    calls: tuple[ToolCall, ...] = ()


class CallContext(Frozen):
    """Which call of which episode this is: what scripted and replayed policies answer by.

    ``attempt`` counts from 0. ``sample`` tells apart calls of one purpose within one attempt.
    """

    task_id: str
    purpose: Purpose
    attempt: int = 0
    sample: int = 0


class Call(Frozen):
    """One model call, as it is recorded. ``policy`` is the policy's name; ``seconds`` is wall-clock latency."""

    context: CallContext
    policy: str
    messages: tuple[Message, ...]
    sampling: Sampling
    completion: Completion
    seconds: float = 0.0
