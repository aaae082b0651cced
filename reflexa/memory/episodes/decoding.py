"""From rows to the vocabulary: each episode comes back equal to the one that was recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, select

from reflexa.memory.episodes.schema import (
    attempts,
    bodies,
    calls,
    episodes,
    recalls,
    reflections,
    runs,
    steps,
    tasks,
    verdicts,
)
from reflexa.types import (
    Attempt,
    Call,
    CallContext,
    CheckResult,
    Completion,
    Episode,
    Graded,
    Message,
    Reflection,
    Sampling,
    Step,
    Task,
    Usage,
    Verdict,
)

BODIES_AT_ONCE = 500
"""Bound parameters in one query: SQLite takes 999 at least."""


def load_episodes(connection: Connection, run_id: str, task_ids: Sequence[str]) -> list[Episode]:
    """The episodes of these tasks, finished or not, in the order of ``task_ids``."""
    loader = _Loader(connection, run_id, task_ids)
    return [loader.episode(task_id) for task_id in task_ids if task_id in loader.found]


def load_calls(connection: Connection, rows: Sequence[Row[Any]]) -> list[Call]:
    """Calls from rows of the table ``calls``."""
    texts = _texts(connection, (name for row in rows for name in (row.completion, *_digests(row.messages))))
    return [_call(row, texts) for row in rows]


def reflection(row: Row[Any]) -> Reflection:
    """A reflection from a row of the table ``reflections``."""
    return Reflection(
        id=row.id, task_id=row.task_id, attempt=row.attempt, text=row.text, split=row.split, policy=row.policy
    )


class _Loader:
    """Some episodes of one run: a query per table, whatever their number."""

    def __init__(self, connection: Connection, run_id: str, task_ids: Sequence[str]) -> None:
        self._connection, self._run_id, self._task_ids = connection, run_id, task_ids
        statement = (
            select(episodes, tasks.c.body, runs.c.config)
            .join(tasks, tasks.c.digest == episodes.c.task_digest)
            .join(runs, runs.c.id == episodes.c.run_id)
            .where(self._ours(episodes))
        )
        self.found: dict[str, Row[Any]] = {row.task_id: row for row in connection.execute(statement)}
        self._attempts = self._by_task(attempts, attempts.c.idx)
        self._steps = self._by_attempt(steps, steps.c.idx)
        self._recalls = self._by_attempt(recalls, recalls.c.idx)
        self._verdicts = self._by_attempt(verdicts)
        self._reflections = self._by_task(reflections, reflections.c.seq)
        rows = [row for of_task in self._attempts.values() for row in of_task]
        names = (name for row in rows for name in (row.completion, *_digests(row.messages)) if name is not None)
        self._texts = _texts(connection, names)

    def episode(self, task_id: str) -> Episode:
        row = self.found[task_id]
        known = Episode(
            task=Task.model_validate(row.body),
            strategy=row.strategy if row.strategy is not None else row.config["strategy"],
            tries=tuple(self._graded(attempt) for attempt in self._attempts[task_id]),
            reflections=tuple(reflection(lesson) for lesson in self._reflections[task_id]),
        )
        return self._with_outcome(known, row)

    def _with_outcome(self, episode: Episode, row: Row[Any]) -> Episode:
        if row.ended is None:
            return self._with_calls_so_far(episode)
        return episode.model_copy(
            update={
                "submitted": row.submitted,
                "stop_reason": row.stop_reason,
                "error": row.error,
                "usage": _usage(row),
                "calls": row.calls,
                "seconds": row.seconds,
            }
        )

    def _with_calls_so_far(self, episode: Episode) -> Episode:
        """An unfinished episode's cost is what its calls cost until now."""
        sums = (func.sum(column) for column in (calls.c.input_tokens, calls.c.output_tokens, calls.c.cost_usd))
        where = and_(calls.c.run_id == self._run_id, calls.c.task_id == episode.task.id)
        count, seconds, tokens_in, tokens_out, cost = self._connection.execute(
            select(func.count(), func.sum(calls.c.seconds), *sums).where(where)
        ).one()
        usage = Usage(input_tokens=int(tokens_in or 0), output_tokens=int(tokens_out or 0), cost_usd=cost)
        return episode.model_copy(update={"calls": count, "seconds": seconds or 0.0, "usage": usage})

    def _graded(self, row: Row[Any]) -> Graded:
        key = (row.task_id, row.idx)
        attempt = Attempt(
            index=row.idx,
            messages=_messages(row.messages, self._texts),
            completion=None if row.completion is None else _completion(row.completion, self._texts),
            steps=tuple(_step(step) for step in self._steps[key]),
            answer=row.answer,
            policy=row.policy,
            seconds=row.seconds,
            recalled=tuple(each.reflection_id for each in self._recalls[key]),
        )
        given = {each.role: _verdict(each) for each in self._verdicts[key]}
        return Graded(attempt=attempt, feedback=given.get("feedback"), judged=given.get("judge"))

    def _by_task(self, table: Table, *order: ColumnElement[Any]) -> Mapping[str, list[Row[Any]]]:
        grouped: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        for row in self._connection.execute(select(table).where(self._ours(table)).order_by(*order)).all():
            grouped[row.task_id].append(row)
        return grouped

    def _by_attempt(self, table: Table, *order: ColumnElement[Any]) -> Mapping[tuple[str, int], list[Row[Any]]]:
        grouped: defaultdict[tuple[str, int], list[Row[Any]]] = defaultdict(list)
        for row in self._connection.execute(select(table).where(self._ours(table)).order_by(*order)).all():
            grouped[row.task_id, row.attempt].append(row)
        return grouped

    def _ours(self, table: Table) -> ColumnElement[bool]:
        return and_(table.c.run_id == self._run_id, table.c.task_id.in_(self._task_ids))


def _texts(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    wanted = sorted(set(names))
    texts: dict[str, str] = {}
    for start in range(0, len(wanted), BODIES_AT_ONCE):
        statement = select(bodies.c.digest, bodies.c.body).where(
            bodies.c.digest.in_(wanted[start : start + BODIES_AT_ONCE])
        )
        texts.update((name, body) for name, body in connection.execute(statement))
    return texts


def _digests(messages: list[list[str]]) -> Iterator[str]:
    return (name for _, name in messages)


def _messages(pairs: list[list[str]], texts: Mapping[str, str]) -> tuple[Message, ...]:
    return tuple(Message.model_validate({"role": role, "content": texts[name]}) for role, name in pairs)


def _completion(name: str, texts: Mapping[str, str]) -> Completion:
    return Completion.model_validate(json.loads(texts[name]))


def _call(row: Row[Any], texts: Mapping[str, str]) -> Call:
    return Call(
        context=CallContext(task_id=row.task_id, purpose=row.purpose, attempt=row.attempt, sample=row.sample),
        policy=row.policy,
        messages=_messages(row.messages, texts),
        sampling=Sampling.model_validate(row.sampling),
        completion=_completion(row.completion, texts),
        seconds=row.seconds,
    )


def _usage(row: Row[Any]) -> Usage:
    return Usage(input_tokens=row.input_tokens, output_tokens=row.output_tokens, cost_usd=row.cost_usd)


def _step(row: Row[Any]) -> Step:
    return Step(thought=row.thought, action=row.action, observation=row.observation, reward=row.reward)


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(
        score=row.score,
        passed=row.passed,
        feedback=row.feedback,
        checks=tuple(CheckResult.model_validate(check) for check in row.checks),
        step_scores=tuple(row.step_scores),
        verifier=row.verifier,
        version=row.version,
        sandbox=row.sandbox,
        gameable=row.gameable,
        seconds=row.seconds,
    )
