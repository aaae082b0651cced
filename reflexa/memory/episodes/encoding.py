"""From the vocabulary to rows. What belongs together is one ``Write``, committed at once.

The values of a row are text, numbers, booleans, None and JSON trees, so that a write can also be kept in a file.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from reflexa.errors import StoreError
from reflexa.memory.columns import to_json
from reflexa.types import Attempt, Call, Completion, Episode, Message, Reflection, Task, Verdict

Row = dict[str, Any]
"""One row to be inserted, by column: what SQLAlchemy takes."""


@dataclass(frozen=True)
class Write:
    """Rows for one transaction. A row whose key exists is left as it is, unless its table is in ``replaces``.

    ``bodies`` are long texts by digest; ``rows`` are in the order that foreign keys ask for.
    """

    rows: tuple[tuple[str, tuple[Row, ...]], ...]
    bodies: dict[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()

    def __add__(self, other: Write) -> Write:
        return Write(self.rows + other.rows, self.bodies | other.bodies, self.replaces + other.replaces)


def digest(text: str) -> str:
    """The name of a text by its content: 128 bits of BLAKE2b in hexadecimal."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def task_digest(task: Task) -> str:
    return digest(to_json(_tree(task)))


def call_rows(run_id: str, call: Call) -> Write:
    bodies: dict[str, str] = {}
    context, usage = call.context, call.completion.usage
    row = {
        "run_id": run_id,
        "task_id": context.task_id,
        "purpose": context.purpose,
        "attempt": context.attempt,
        "sample": context.sample,
        "policy": call.policy,
        "messages": _messages(call.messages, bodies),
        "sampling": _tree(call.sampling),
        "completion": _completion(call.completion, bodies),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "seconds": call.seconds,
        "recorded": time.time(),
    }
    return Write((("calls", (row,)),), bodies)


def begin_rows(run_id: str, task: Task) -> Write:
    name = task_digest(task)
    task_row = {"digest": name, "id": task.id, "suite": task.suite, "split": task.split, "body": _tree(task)}
    episode_row = {"run_id": run_id, "task_id": task.id, "task_digest": name, "begun": time.time()}
    return Write((("tasks", (task_row,)), ("episodes", (episode_row,))))


def end_rows(run_id: str, episode: Episode) -> Write:
    usage = episode.usage
    ended = {
        "ended": time.time(),
        "strategy": episode.strategy,
        "submitted": episode.submitted,
        "stop_reason": episode.stop_reason,
        "error": episode.error,
        "solved": episode.solved,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "calls": episode.calls,
        "seconds": episode.seconds,
    }
    (tasks, (task_row,)), (episodes, (begun,)) = begin_rows(run_id, episode.task).rows
    return Write(((tasks, (task_row,)), (episodes, (begun | ended,))), replaces=("episodes",))


def attempt_rows(run_id: str, task_id: str, attempt: Attempt) -> Write:
    bodies: dict[str, str] = {}
    key: Row = {"run_id": run_id, "task_id": task_id}
    row = key | {
        "idx": attempt.index,
        "messages": _messages(attempt.messages, bodies),
        "completion": None if attempt.completion is None else _completion(attempt.completion, bodies),
        "answer": attempt.answer,
        "policy": attempt.policy,
        "seconds": attempt.seconds,
        "recorded": time.time(),
    }
    part = key | {"attempt": attempt.index}
    steps = tuple(part | {"idx": idx} | dict(step) for idx, step in enumerate(attempt.steps))
    recalls = tuple(part | {"idx": idx, "reflection_id": name} for idx, name in enumerate(attempt.recalled))
    return Write((("attempts", (row,)), *_present(("steps", steps), ("recalls", recalls))), bodies)


def verdict_rows(run_id: str, task_id: str, index: int, role: str, verdict: Verdict) -> Write:
    row = {"run_id": run_id, "task_id": task_id, "attempt": index, "role": role} | dict(verdict)
    row["checks"] = [_tree(check) for check in verdict.checks]
    row["step_scores"] = list(verdict.step_scores)
    return Write((("verdicts", (row,)),))


def reflection_rows(run_id: str, task_id: str, reflection: Reflection) -> Write:
    if reflection.task_id != task_id:
        raise StoreError(
            f"reflection {reflection.id!r} is about task {reflection.task_id!r} but was to be recorded "
            f"with task {task_id!r}: record it with its own task"
        )
    return Write((("reflections", ({"run_id": run_id, "recorded": time.time()} | dict(reflection),)),))


def episode_rows(run_id: str, episode: Episode) -> Write:
    """A whole episode at once."""
    task_id = episode.task.id
    write = end_rows(run_id, episode)
    for graded in episode.tries:
        write += attempt_rows(run_id, task_id, graded.attempt)
        for role, verdict in (("feedback", graded.feedback), ("judge", graded.judged)):
            if verdict is not None:
                write += verdict_rows(run_id, task_id, graded.attempt.index, role, verdict)
    for reflection in episode.reflections:
        write += reflection_rows(run_id, task_id, reflection)
    return write


def _messages(messages: Sequence[Message], bodies: dict[str, str]) -> list[list[str]]:
    """Messages as pairs of role and digest; their texts go to ``bodies``."""
    return [[message.role, _body(message.content, bodies)] for message in messages]


def _completion(completion: Completion, bodies: dict[str, str]) -> str:
    """A completion's digest: the attempt that it became and the call that it came from share one text."""
    return _body(to_json(completion.model_dump(exclude_none=True)), bodies)


def _body(text: str, bodies: dict[str, str]) -> str:
    name = digest(text)
    bodies[name] = text
    return name


def _tree(value: BaseModel) -> Any:
    """A JSON tree. pydantic's own JSON cannot hold lone surrogates, so the tree stays Python's."""
    return value.model_dump()


def _present(*tables: tuple[str, tuple[Row, ...]]) -> Iterable[tuple[str, tuple[Row, ...]]]:
    return (table for table in tables if table[1])
