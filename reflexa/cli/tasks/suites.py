"""Suites: what they hold, whether their judge accepts their own solutions, and whether the feedback agrees with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reflexa.agent import Bench
from reflexa.agent.audit import Audit, Problem, ProblemKind, Validation, audit_attempts, audit_references
from reflexa.agent.audit import validate as validate_suite
from reflexa.cli.failures import DONE, FAILED
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session, suite_reference
from reflexa.cli.tasks.verifying import bench_options
from reflexa.cli.text import aligned, indented, one_line, plural, seconds
from reflexa.errors import UsageError
from reflexa.protocols import Verifier
from reflexa.tasks import Suite, SuiteInfo, list_suites, select
from reflexa.types import Episode, Frozen, Task

if TYPE_CHECKING:
    from reflexa.cli.options.tasks import AuditOptions, ListOptions, ShowOptions, ValidateOptions
    from reflexa.memory import Store

_SHOWN = 10
_KINDS: dict[ProblemKind, str] = {
    "reference": "right answers that the judge rejects",
    "wrong": "wrong answers that it accepts",
    "leak": "answers that stand in the prompt",
    "error": "tasks that cannot be judged",
}


class AuditReport(Frozen):
    """Verifiers on a suite's known answers, and recorded feedback against the judge where there are attempts."""

    task: str
    references: tuple[Audit, ...]
    attempts: Audit | None
    runs: tuple[str, ...]


def list_all(options: ListOptions) -> int:
    """``reflexa tasks list``."""
    found = list_suites(Session.here({}).workspace.root)
    if options.json:
        emit_json([info.model_dump() for info in found])
        return DONE
    rows = [("suite", "tasks", "what", "from")]
    rows += [
        (_callable_as(info), "–" if info.n is None else str(info.n), info.description, info.source) for info in found
    ]
    emit(aligned([tuple(one_line(cell) for cell in row) for row in rows], right=(1,)))
    return DONE


def _callable_as(info: SuiteInfo) -> str:
    return f"{info.name}:{info.argument}" if info.argument else info.name


def show(options: ShowOptions) -> int:
    """``reflexa tasks show``."""
    suite = Session.here({}).load_suite(options.name, options.split, options.data)
    if options.task is not None:
        return _show_task(select(suite, only=[options.task]).tasks[0], options.json)
    if options.json:
        emit_json(
            {
                "task": suite_reference(options.name),
                "split": suite.split,
                "n": len(suite.tasks),
                "description": suite.description,
                "source": suite.source,
                "digest": suite.digest,
                "tasks": [task.id for task in suite.tasks],
            }
        )
        return DONE
    emit(f"{one_line(suite.name)} ({suite.split}): {plural(len(suite.tasks), 'task')}; {one_line(suite.description)}")
    emit(f"from {one_line(suite.source)} · digest {suite.digest[:12]}")
    rows = [("task", "examples", "asks for")]
    rows += [(one_line(task.id, 40), str(len(task.examples)), _asks_for(task)) for task in suite.tasks]
    emit(aligned(rows, right=(1,)))
    return DONE


def validate(options: ValidateOptions) -> int:
    """``reflexa tasks validate``: exit code 1 where there is a problem."""
    session = _session(options)
    suite = session.load_suite(options.name, options.split, options.data)
    with Bench(bench_options(session)) as bench:
        judge = bench.verifier(suite.judge, session.settings.judge_model or session.settings.model)
        found = validate_suite(suite, judge, workers=os.cpu_count() or 2)
        level = bench.sandbox_level()
    if options.json:
        emit_json(found)
        return _sound(found)
    emit(
        f"{one_line(suite.name)}: the judge accepts {found.passed:,} of {plural(found.n, 'reference solution')} "
        f"and rejects {found.rejected:,} of {plural(found.wrong_n, 'wrong answer')} in {seconds(found.seconds)} · "
        f"judge {judge.name} {judge.version}{f' · sandbox {level}' if level else ''}"
    )
    emit(_problems(found.problems))
    return _sound(found)


def _problems(problems: Sequence[Problem]) -> str:
    """A line for each problem, up to so many of a kind."""
    if not problems:
        return "no problem: no prompt gives its answer away"
    lines = []
    for kind, found in _by_kind(problems).items():
        lines.append(f"{_KINDS[kind]} ({len(found)}):")
        lines += [f"  {one_line(each.task, 40)}: {one_line(each.detail, 200)}" for each in found[:_SHOWN]]
        lines += [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "\n".join(lines)


def _by_kind(problems: Sequence[Problem]) -> dict[ProblemKind, list[Problem]]:
    return {kind: found for kind in _KINDS if (found := [each for each in problems if each.kind == kind])}


def audit(options: AuditOptions) -> int:
    """``reflexa tasks audit``."""
    session = _session(options, options.database)
    suite = session.load_suite(options.name, options.split, options.data)
    with session.open_store() as store:
        runs = _runs(store, options.run, suite_reference(options.name))
        attempts = audit_attempts(_episodes(store, runs)) if runs else None
    with Bench(bench_options(session)) as bench:
        model = session.settings.judge_model or session.settings.model
        references = tuple(
            _audited(suite, spec, bench.verifier(spec, model)) for spec in _audited_specs(options, suite)
        )
    report = AuditReport(task=suite_reference(options.name), references=references, attempts=attempts, runs=tuple(runs))
    if options.json:
        emit_json(report)
        return DONE
    for each in references:
        emit(_audit_text("known answers", each, "tasks have no visible examples"))
    if attempts is None:
        emit("no recorded attempts at this suite: run it, then audit again")
    else:
        emit(_audit_text(f"attempts of {plural(len(runs), 'run')}", attempts, "attempts lack one of the verdicts"))
    return DONE


def _audited_specs(options: AuditOptions, suite: Suite) -> list[str]:
    """The verifiers asked for; else the suite's feedback, or its examples, or, where it has neither, its judge."""
    shown = "visible-examples" if any(task.examples for task in suite.tasks) else suite.judge
    return options.verifier or [suite.feedback or shown]


def _audited(suite: Suite, spec: str, verifier: Verifier) -> Audit:
    by_examples = spec == "visible-examples"
    return audit_references(
        suite, lambda task: verifier if task.examples or not by_examples else None, os.cpu_count() or 2
    )


def _session(options: ValidateOptions | AuditOptions, database: str | None = None) -> Session:
    weak = options.allow_weak_sandbox or None
    return Session.here({"sandbox": options.sandbox, "allow_weak_sandbox": weak, "database_url": database})


def _sound(found: Validation) -> int:
    return FAILED if found.problems else DONE


def _runs(store: Store, named: list[str] | None, suite: str) -> list[str]:
    """The runs asked for, else all runs of the suite."""
    if not named:
        return [run.id for run in store.list_runs() if run.config.suite == suite]
    runs = [store.find_run(name) for name in named]
    for run in runs:
        if run.config.suite != suite:
            raise UsageError(f"run {run.id} is of the suite {run.config.suite}, not of {suite}: leave it out")
    return [run.id for run in runs]


def _episodes(store: Store, runs: list[str]) -> Iterator[Episode]:
    for run_id in runs:
        yield from store.episodes(run_id)


def _audit_text(what: str, found: Audit, undecided: str) -> str:
    accepted, refused = found.right - len(found.false_failures), found.wrong - len(found.false_passes)
    share = f"{100 * found.agree / found.n:.1f} %" if found.n else "–"
    lines = [
        f"{what}: {one_line(found.verifier)} accepts {accepted:,} of {plural(found.right, 'right answer')} "
        f"and rejects {refused:,} of {plural(found.wrong, 'wrong one')}: it agrees with the judge on {share}"
    ]
    for name, ids in (
        ("right answers that it rejects", found.false_failures),
        ("wrong answers that it accepts", found.false_passes),
    ):
        if ids:
            more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
            lines.append(f"  {len(ids)} {name}: {', '.join(one_line(each, 100) for each in ids[:_SHOWN])}{more}")
    if found.undecided:
        lines.append(f"  {found.undecided} {undecided}")
    return "\n".join(lines)


def _show_task(task: Task, as_json: bool) -> int:
    """A task as the agent sees it: the hidden tests and the solution are not shown."""
    if as_json:
        emit_json(task.model_dump(exclude={"check"}))
        return DONE
    emit(f"{one_line(task.id)} ({task.suite}, {task.split}) · asks for {_asks_for(task)}")
    for message in task.prompt:
        emit(f"{message.role}:\n{indented(message.content)}")
    if task.examples:
        emit("visible examples, which the feedback checks:")
        emit("\n".join(f"    {one_line(example.input)} → {one_line(example.output)}" for example in task.examples))
    if task.play is not None:
        won = "" if task.play.goal is None else f", won with a total reward of {task.play.goal:g}"
        emit(f"played in {one_line(task.play.environment)}: at most {plural(task.play.steps, 'step')}{won}")
    return DONE


def _asks_for(task: Task) -> str:
    if task.play is not None:
        return "actions" if task.play.goal is not None else "actions, then an answer"
    return f"{task.code.entry_point}()" if task.code else task.answer_kind
