"""The vocabulary: frozen data that every part of Reflexa speaks, without behaviour of its own.

No dict stands in for a message, a verdict or a row. Sequences are tuples, so that a value can be shared
between threads, hashed by content and stored as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Role = Literal["system", "user", "assistant"]
Purpose = Literal["attempt", "reflection", "tests", "feedback", "critic", "judge", "distill"]
"""Why a call is made: an answer, a reflection, self-written tests, a critique to revise by; a verdict, where the
feedback verifier (critic) or the judge is a model; or lessons for other tasks, from episodes that have ended."""
FinishReason = Literal["stop", "length", "content_filter"]
AnswerKind = Literal["python", "text"]
FeedbackSource = Literal["visible", "self-tests", "auto", "oracle"]
"""What the agent may learn from while it works; ``oracle`` means that the judge itself is the feedback."""
ToolForm = Literal["auto", "native", "text"]
"""How an acting agent names its actions: by native tool calls, in its text, or natively where its model has them."""
MemoryScope = Literal["none", "episode", "suite", "all"]
"""What a prompt may remember: nothing; the episode's own reflections; with them the lessons of its suite, or all."""
SandboxLevel = Literal["double", "strong", "external", "weak"]
VerdictRole = Literal["feedback", "judge"]
StopReason = Literal["passed", "attempts", "no_feedback", "calls", "error"]
"""Why an episode ended: the feedback passed, the attempts or calls ran out, nothing could be learnt, or it broke."""


class Frozen(BaseModel):
    """Base of all vocabulary types: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Example(Frozen):
    """A visible example of a task. For code both sides are Python expressions: ``add(1, 2)`` and ``3``."""

    input: str
    output: str


class CodeSpec(Frozen):
    """What makes a task a programming task: the function to write and the code that the prompt begins with."""

    entry_point: str
    stub: str


TestForm = Literal["check", "pytest", "doctest"]
"""How hidden tests are written: HumanEval's ``check(candidate)``, a pytest file, or a doctest text."""


class TestCheck(Frozen):
    """Hidden tests. In HumanEval's form ``source`` defines ``check(candidate)``; other forms import the answer.

    ``in_process`` marks tests that inspect live objects and so must share the candidate's process: their
    verdicts are *gameable*. ``wrong`` are answers that are known to be wrong: a sound judge rejects them.
    """

    __test__ = False

    kind: Literal["tests"] = "tests"
    source: str
    form: TestForm = "check"
    in_process: bool = False
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class ProgramCheck(Frozen):
    """Hidden runs of a whole program: what it reads from standard input, and what it should print."""

    kind: Literal["program"] = "program"
    runs: tuple[Example, ...] = Field(min_length=1)
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class AnswerCheck(Frozen):
    """A reference answer that an answer is compared with; ``aliases`` count as much.

    ``reference`` is a worked solution that ends in the answer, where the suite has one.
    """

    kind: Literal["answer"] = "answer"
    answer: str
    aliases: tuple[str, ...] = ()
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class GeneratedCheck(Frozen):
    """A task that a procedural generator made, with what its own scorer needs to judge an answer."""

    kind: Literal["generated"] = "generated"
    generator: str
    entry: dict[str, JsonValue]
    reference: str | None = None
    wrong: tuple[str, ...] = ()


class GoalCheck(Frozen):
    """An environment's goal: passed where the rewards of the attempt's steps sum to at least ``goal``.

    ``reference`` is a walkthrough, one action a line.
    """

    kind: Literal["goal"] = "goal"
    goal: float = 1.0
    reference: str | None = None
    wrong: tuple[str, ...] = ()


Check = Annotated[TestCheck | ProgramCheck | AnswerCheck | GeneratedCheck | GoalCheck, Field(discriminator="kind")]


class Play(Frozen):
    """How a task is played in an environment, which is what the agent may know.

    ``parameters`` are the environment's own. An attempt is over after ``steps`` turns, or where ``repeats`` turns in
    a row had the same action and observation (0: never). Where rewards tell success, it is won with a total of
    ``goal`` or more; None: the environment takes an answer, and no reward tells whether it is right.
    """

    environment: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    steps: int = Field(default=30, ge=1)
    repeats: int = Field(default=3, ge=0)
    goal: float | None = Field(default=1.0, gt=0)


class Task(Frozen):
    """One task of a suite. ``check`` is private: only the judge reads it, and no message may hold its text.

    ``choices`` are the options of a multiple-choice question, in the order in which they are lettered. ``play`` makes
    it a task of many steps.
    """

    id: str = Field(min_length=1)
    suite: str = "custom"
    split: str = "test"
    prompt: tuple[Message, ...] = Field(min_length=1)
    answer_kind: AnswerKind = "text"
    code: CodeSpec | None = None
    examples: tuple[Example, ...] = ()
    choices: tuple[str, ...] = ()
    play: Play | None = None
    check: Check | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class Step(Frozen):
    """One observe/act turn of an environment, or one reasoning step, within an attempt."""

    thought: str = ""
    action: str = ""
    observation: str = ""
    reward: float | None = None


class Attempt(Frozen):
    """One try at a task. ``index`` counts from 0; ``recalled`` names the reflections that stood in its prompt.

    Where the task is played, ``messages`` are what the attempt began with, and ``completion`` is its last reply with
    the usage of all.
    """

    index: int = Field(default=0, ge=0)
    messages: tuple[Message, ...] = ()
    completion: Completion | None = None
    steps: tuple[Step, ...] = ()
    answer: str = ""
    policy: str = ""
    seconds: float = 0.0
    recalled: tuple[str, ...] = ()


class CheckResult(Frozen):
    """One test or criterion of a verdict."""

    name: str
    passed: bool
    detail: str = ""


class Verdict(Frozen):
    """A judgement of one attempt.

    ``feedback`` is text that the agent may read. ``gameable`` marks a verdict whose tests ran where the
    candidate could reach them. A broken verifier raises ``VerifierError``: it never scores 0.
    """

    score: float = Field(ge=0.0, le=1.0)
    passed: bool
    feedback: str = ""
    checks: tuple[CheckResult, ...] = ()
    step_scores: tuple[float, ...] = ()
    verifier: str = ""
    version: str = "1"
    sandbox: SandboxLevel | None = None
    gameable: bool = False
    seconds: float = 0.0


class Reflection(Frozen):
    """A lesson in words. ``attempt`` is the index of the failed attempt that it came from."""

    id: str
    task_id: str
    attempt: int
    text: str
    split: str = "test"
    policy: str = ""


class Graded(Frozen):
    """An attempt with what the feedback verifier and, after the episode, the judge said of it."""

    attempt: Attempt
    feedback: Verdict | None = None
    judged: Verdict | None = None


class Episode(Frozen):
    """A task, its attempts with verdicts and reflections, and why it stopped: the unit stored, shown, exported.

    ``submitted`` is the index of the attempt that stands as the answer, chosen without the judge.
    """

    task: Task
    strategy: str
    tries: tuple[Graded, ...] = ()
    reflections: tuple[Reflection, ...] = ()
    submitted: int | None = None
    stop_reason: StopReason = "attempts"
    error: str | None = None
    usage: Usage = Usage()
    calls: int = 0
    seconds: float = 0.0

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(graded.attempt for graded in self.tries)

    @property
    def answer(self) -> str:
        """The submitted attempt's answer; empty where there is none."""
        return "" if self.submitted is None else self.tries[self.submitted].attempt.answer

    @property
    def verdict(self) -> Verdict | None:
        """What counts for the submitted attempt: the judge's verdict, or the feedback's where no judge was given."""
        if self.submitted is None:
            return None
        graded = self.tries[self.submitted]
        return graded.judged or graded.feedback

    @property
    def solved(self) -> bool:
        verdict = self.verdict
        return verdict is not None and verdict.passed


class RunConfig(Frozen):
    """All that decides a run's results: what a resumed run is compared with. Secrets never stand in it.

    ``feedback`` is a ``FeedbackSource`` or a verifier's name, ``judge`` a verifier's name (None: the suite's own), and
    ``data`` the file that a built-in suite was read from. ``constitution`` is a file, or the name of one in the
    workspace (None: Reflexa's own); it says something to the strategy ``constitutional`` alone, as ``tools`` does to
    tasks that are played. Where ``memory`` reaches beyond the episode, the lessons of one prompt have ``lesson_tokens``
    together, and each is left out with the chance ``explore``, so that what it is worth can be told.
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


RunStatus = Literal["running", "finished", "interrupted", "budget", "failed"]


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


def choose_submitted(feedback: Sequence[Verdict | None]) -> int | None:
    """The index of the attempt that is handed in, chosen by feedback alone.

    The first whose feedback passed; else the highest feedback score, ties to the latest; None without attempts.
    """
    passed = next((i for i, verdict in enumerate(feedback) if verdict is not None and verdict.passed), None)
    if passed is not None:
        return passed
    scores = [-1.0 if verdict is None else verdict.score for verdict in feedback]
    return max(range(len(scores)), key=lambda i: (scores[i], i), default=None)
