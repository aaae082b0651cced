"""What the checkpoints of a training on rows are judged on: the suite that the command line names beside the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reflexa.agent import Bench
from reflexa.cli.session import Session, suite_reference
from reflexa.cli.training.common import bench_options, validated
from reflexa.errors import UsageError
from reflexa.rows import Text
from reflexa.tasks import Suite, select

if TYPE_CHECKING:
    from reflexa.improve.rewarding import TaskSource
    from reflexa.training.config import TrainConfig
    from reflexa.training.measuring import HeldOutTasks

_LEARNT = ("split", "limit", "steps")
"""Settings of a suite that is learnt on."""


def source_of(given: Mapping[str, Any]) -> TaskSource | None:
    """The suite that judges checkpoints, of the settings ``tasks``; None where none was named.

    Raises ``UsageError`` for settings of a suite that is learnt on: what is learnt here are rows.
    """
    from reflexa.improve.rewarding import TaskSource

    if not given:
        return None
    learnt = [name for name in _LEARNT if name in given]
    if learnt:
        raise UsageError(
            f"tasks.{learnt[0]} says which tasks are learnt, and this algorithm learns rows: of the suite that judges "
            "its checkpoints, expected --held-out-split and --held-out-limit alone"
        )
    if not given.get("suite"):
        raise UsageError(f"no suite for {', '.join(given)}: name the one that judges checkpoints (--task SUITE)")
    return validated(TaskSource, {"held_out_split": "test", **given, "suite": suite_reference(given["suite"])})


@contextmanager
def judged(
    source: TaskSource | None, config: TrainConfig, session: Session, weak: bool
) -> Iterator[HeldOutTasks | None]:
    """Within it the suite's held-out tasks can be judged; None where there is no suite.

    A verifier that was named is the proxy: the reward that the rows are to teach.
    """
    if source is None:
        yield None
        return
    from reflexa.improve.rewarding import learnt_on
    from reflexa.training.measuring import HeldOutTasks

    suite = session.load_suite(source.suite, source.held_out_split or "test", source.data)
    if source.held_out_limit is not None and source.held_out_limit < len(suite.tasks):
        suite = select(suite, limit=source.held_out_limit)
    check_rows_apart(config, suite)
    with Bench(bench_options(session, config.points.workers, weak)) as bench:
        found = learnt_on(source, bench, suite, suite)
        if found.held_out is None:
            yield None
        else:
            yield HeldOutTasks(found.held_out, found.reward if source.verifier else None)


def check_rows_apart(config: TrainConfig, suite: Suite) -> None:
    """Raises ``UsageError`` where a row that is learnt answers a held-out task, word for word."""
    from reflexa.training.algorithms import find_algorithm
    from reflexa.training.data import load_rows

    held_out = {_words(task.prompt): task.id for task in suite.tasks}
    rows = load_rows(config.data, find_algorithm(config.algorithm).rows)
    shared = [held_out[words] for row in rows if (words := _words(getattr(row, "prompt", ""))) in held_out]
    if shared:
        raise UsageError(
            f"{len(shared)} rows answer tasks of {suite.name} that are held out ({shared[0]}, …): what is learnt would "
            "be measured on itself; leave those rows out, or judge by another split (--held-out-split)"
        )


def _words(prompt: Text) -> tuple[str, ...]:
    """What a prompt says, be it plain text or chat messages."""
    return (prompt,) if isinstance(prompt, str) else tuple(message.content for message in prompt)
