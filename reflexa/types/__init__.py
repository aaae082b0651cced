"""The vocabulary: frozen data that every part of Reflexa speaks, without behaviour of its own.

No dict stands in for a message, a verdict or a row. Sequences are tuples, so that a value can be shared
between threads, hashed by content and stored as it is.
"""

from __future__ import annotations

from reflexa.types.base import Frozen as Frozen
from reflexa.types.calls import Call as Call
from reflexa.types.calls import CallContext as CallContext
from reflexa.types.calls import Completion as Completion
from reflexa.types.calls import FinishReason as FinishReason
from reflexa.types.calls import Message as Message
from reflexa.types.calls import Purpose as Purpose
from reflexa.types.calls import Role as Role
from reflexa.types.calls import Sampling as Sampling
from reflexa.types.calls import ToolCall as ToolCall
from reflexa.types.calls import ToolSpec as ToolSpec
from reflexa.types.calls import Usage as Usage
from reflexa.types.episodes import Attempt as Attempt
from reflexa.types.episodes import CheckResult as CheckResult
from reflexa.types.episodes import Episode as Episode
from reflexa.types.episodes import Graded as Graded
from reflexa.types.episodes import Reflection as Reflection
from reflexa.types.episodes import SandboxLevel as SandboxLevel
from reflexa.types.episodes import Step as Step
from reflexa.types.episodes import StopReason as StopReason
from reflexa.types.episodes import Verdict as Verdict
from reflexa.types.episodes import VerdictRole as VerdictRole
from reflexa.types.episodes import choose_submitted as choose_submitted
from reflexa.types.runs import FeedbackSource as FeedbackSource
from reflexa.types.runs import MemoryScope as MemoryScope
from reflexa.types.runs import RunConfig as RunConfig
from reflexa.types.runs import RunRecord as RunRecord
from reflexa.types.runs import RunStatus as RunStatus
from reflexa.types.runs import ToolForm as ToolForm
from reflexa.types.tasks import AnswerCheck as AnswerCheck
from reflexa.types.tasks import AnswerKind as AnswerKind
from reflexa.types.tasks import Check as Check
from reflexa.types.tasks import CodeSpec as CodeSpec
from reflexa.types.tasks import Example as Example
from reflexa.types.tasks import GeneratedCheck as GeneratedCheck
from reflexa.types.tasks import GoalCheck as GoalCheck
from reflexa.types.tasks import Play as Play
from reflexa.types.tasks import ProgramCheck as ProgramCheck
from reflexa.types.tasks import Task as Task
from reflexa.types.tasks import TestCheck as TestCheck
from reflexa.types.tasks import TestForm as TestForm
