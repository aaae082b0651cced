"""Writes training rows, and says what was written, what was dropped, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session
from reflexa.cli.tasks.verifying import watched
from reflexa.cli.text import one_line, plural
from reflexa.errors import UsageError, unknown_name
from reflexa.export import DatasetCard, ExportOptions, Measuring, export_rows
from reflexa.export.options import Allowance, Format, Kind
from reflexa.types import Task

if TYPE_CHECKING:
    from reflexa.cli.options.export import ExportVerbOptions
    from reflexa.memory.episodes.gathering import TaskAttempts

_TEST = "test"
_SHOWN = 12


def export(options: ExportVerbOptions) -> int:
    """``reflexa export``."""
    session = Session.here({"database_url": options.database})
    with session.open_store() as store:
        wanted = _options(options, {store.find_run(name).id for name in options.run or ()})
        path = Path(options.out or f"{wanted.kind}.jsonl").expanduser()
        marks = (run for run in store.run_marks() if not wanted.runs or run.id in wanted.runs)
        suites = {run.suite for run in marks if run.split == wanted.split}
        measuring = _measuring(session, options.held_out or (), sorted(suites))
        card = export_rows(store, wanted, path, measuring=measuring, watch=_watched)
    if options.json:
        emit_json(card)
    else:
        emit(_report(card, path))
    return DONE


def _options(options: ExportVerbOptions, runs: set[str]) -> ExportOptions:
    for what, given, known in (
        ("kind of rows", [options.kind], get_args(Kind)),
        ("format", [options.format], get_args(Format)),
        ("allowance", options.allow or [], get_args(Allowance)),
    ):
        for name in given:
            if name not in known:
                raise unknown_name(what, name, known)
    return ExportOptions.model_validate(
        {
            "kind": options.kind,
            "runs": tuple(sorted(runs)),
            "suite": options.suite,
            "split": options.split,
            "min_score": options.min_score,
            "dedupe": options.dedupe,
            "limit_per_task": options.limit_per_task,
            "format": options.format,
            "plain": options.plain,
            "without_memory": options.without_memory,
            "labels": options.labels,
            "allow": tuple(sorted(set(options.allow or ()))),
        }
    )


def _measuring(session: Session, named: Sequence[str], suites: Sequence[str]) -> Measuring:
    """The test splits of the runs' suites, as far as they can be read, and those named, which must be readable."""
    tasks: list[Task] = [task for name in named for task in session.load_suite(name, _TEST).tasks]
    unread = []
    for name in suites:
        try:
            tasks += session.load_suite(name, _TEST).tasks
        except UsageError:
            unread.append(name)
    return Measuring(tuple(tasks), tuple(unread))


def _watched(items: Iterable[TaskAttempts], total: int) -> Iterable[TaskAttempts]:
    return watched(items, total, "exporting tasks")


def _report(card: DatasetCard, path: Path) -> str:
    """The card in words."""
    lines = [
        f"{plural(card.rows, 'row')} of {plural(card.tasks, 'task')} and {plural(card.attempts, 'attempt')}"
        f" in {one_line(str(path))} · data set {card.id} · sha256 {card.hash[:12]}…"
    ]
    for what, dropped in (("attempts", card.attempts_dropped), ("rows", card.rows_dropped)):
        if dropped:
            lines.append(f"{what} dropped: " + ", ".join(f"{n:,} {reason}" for reason, n in dropped.items()))
    if card.rows:
        lines.append(_origin(card))
    if card.held_out.prompts:
        lines.append(f"compared with {plural(card.held_out.prompts, 'prompt')} of test splits")
    if card.held_out.unread:
        lines.append(f"not compared with the test splits of {', '.join(map(one_line, card.held_out.unread[:_SHOWN]))}")
    return "\n".join(lines)


def _origin(card: DatasetCard) -> str:
    """Who judged, and whose answers they are."""
    feedback = card.verdicts.get("feedback", 0)
    by = ", ".join(f"{one_line(name, 40)} ({n:,})" for name, n in list(card.verifiers.items())[:_SHOWN])
    words = f"judged by {by}"
    if feedback:
        words += f"; {feedback:,} by the feedback verifier, for no judge was recorded"
    policies = ", ".join(f"{one_line(name, 40)} ({n:,})" for name, n in list(card.policies.items())[:_SHOWN])
    return f"{words}\nanswers of {policies}"
