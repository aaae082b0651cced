"""Carries out ``reflexa run``: plans, opens what is needed, runs, and reports from the database."""

from __future__ import annotations

import shlex
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from reflexa.agent import (
    NO_LESSONS,
    BenchOptions,
    Joining,
    Limits,
    Outcome,
    Tally,
    Workbench,
    code_version,
    fan_out,
    package_versions,
)
from reflexa.agent.budget import Budget
from reflexa.agent.distilling import Distilled, Distiller
from reflexa.cli.commands import INTERRUPTED
from reflexa.cli.failures import BUDGET, DONE, FAILED
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.runs.ended import EndedReport, print_report
from reflexa.cli.runs.interrupts import announced_interrupts
from reflexa.cli.runs.plan import (
    Plan,
    baseline_plan,
    check_names,
    cluster,
    flags,
    limits,
    new_plan,
    resumed_plan,
    show_plan,
)
from reflexa.cli.runs.progress import RunProgress
from reflexa.cli.runs.report import title
from reflexa.cli.session import Session
from reflexa.cli.text import one_line, plural
from reflexa.errors import ReflexaError
from reflexa.evaluation import audit_memory, compare, summarise
from reflexa.types import Episode, RunRecord

if TYPE_CHECKING:
    from reflexa.cli.options.run import RunOptions
    from reflexa.memory import Store

CLOSING_SECONDS = 0.5
"""What an interrupted run waits for models and sandboxes to close: calls may hang."""
_SHOWN_ERRORS = 3


def start(options: RunOptions) -> int:
    """Runs, or goes on with, what the options ask for. Returns the exit code."""
    check_names(options)
    session = Session.here(flags(options))
    if options.known_run is None and options.dry_run:  # a plan alone makes no database
        return show_plan(new_plan(options, session), options)
    plan = None if options.known_run else new_plan(options, session)
    with session.open_store() as store:
        plan = plan or resumed_plan(options, session, store)
        if options.dry_run:
            return show_plan(plan, options)
        return _Execution(options, session, store, Workbench(store, bench_options(options, session, plan))).start(plan)


def bench_options(options: RunOptions, session: Session, plan: Plan) -> BenchOptions:
    """How the plan is carried out."""
    settings = session.settings
    default = BenchOptions()
    return BenchOptions(
        concurrency=settings.concurrency if "concurrency" in settings.model_fields_set else default.concurrency,
        sandbox=plan.config.sandbox,
        allow_weak_sandbox=settings.allow_weak_sandbox,
        sandbox_prefix=session.sandbox_prefix,
        context=options.context or default.context,
        api_base=settings.api_base,
        workspace=session.workspace.root,
    )


def resume_command(options: RunOptions, run: RunRecord) -> str:
    """The command that goes on with a run, with the options that no run records."""
    words = []
    for flag, value in (
        ("--baseline", options.baseline),
        ("--api-base", options.api_base),
        ("--context", options.context),
        ("--concurrency", options.concurrency),
        ("--on", options.on),
        ("--workers", options.workers),
    ):
        if value is not None:
            words += [flag, str(value)]
    words += ["--distill"] * options.distill + ["--allow-weak-sandbox"] * options.allow_weak_sandbox
    return _command(options, "run", "--join" if options.join else "--resume", run.id, *words)


def _command(options: RunOptions, *words: str) -> str:
    """A command that finds the same database."""
    named = options.database is not None and "@" not in options.database  # else it may hold a password
    return shlex.join(["reflexa", *words, *(["--database", options.database or ""] if named else [])])


@dataclass
class _Execution:
    """One command's runs: the one asked for, and perhaps its baseline, on one workbench."""

    options: RunOptions
    session: Session
    store: Store
    bench: Workbench

    def start(self, plan: Plan) -> int:
        """Carries out the plan and prints its report. Returns the exit code."""
        run: RunRecord | None = None
        outcome: Outcome | None = None
        try:
            run = self._ready(plan)
            budget = limits(self.session)
            outcome = self._execute(plan, run, budget)
            main = self._reported(run)
            budget = _left(budget, outcome.tally)
            if plan.baseline is not None and outcome.status == "finished":
                baseline = baseline_plan(plan, run, plan.baseline, self.store)
                other = self._ready(baseline, baseline_of=run)
                outcome = self._execute(baseline, other, budget)
                main = self._compared(main, run, other)
                budget = _left(budget, outcome.tally)
            if plan.distill and outcome.status == "finished":
                note(f"{title(run)}: making lessons of its episodes")
                main = main.model_copy(update={"distilled": self._distilled(run, budget)})
        except KeyboardInterrupt:
            if run is not None:
                self._say_how_to_resume("interrupted", run)
            return INTERRUPTED
        except ReflexaError:
            if run is not None and self.store.finished(run.id):
                self._say_how_to_resume("failed", run)
            raise
        finally:
            self._close(outcome)
        self._print(main, run, outcome)
        return _exit_code(main, outcome)

    def _ready(self, plan: Plan, baseline_of: RunRecord | None = None) -> RunRecord:
        """The run's record: what cannot work (no such model, no sandbox) fails before there is one."""
        if plan.run is not None:
            return plan.run
        self.bench.prepare(plan.config, plan.suite)
        config = plan.config.model_copy(update={"sandbox": self.bench.sandbox_level() or plan.config.sandbox})
        name = self.options.name
        return self.store.create_run(
            config,
            name=f"{name}-{self.options.baseline}" if name and baseline_of else name,
            baseline_of=baseline_of.id if baseline_of else None,
            packages=package_versions(),
            code_version=code_version(),
        )

    def _execute(self, plan: Plan, run: RunRecord, budget: Limits) -> Outcome:
        finished = self.store.finished(run.id)
        pending = [task for task in plan.suite.tasks if task.id not in finished]
        if not pending:
            note(f"{title(run)}: all {plural(len(plan.suite.tasks), 'task')} are done, nothing is left to run")
            tally = Tally(total=len(plan.suite.tasks))
            if run.status != "finished":
                self.store.end_run(run.id, "finished")
            return Outcome(status="finished", tally=tally)
        done = f", {len(finished)} of them done before" if finished else ""
        note(f"{title(run)}: {plural(len(plan.suite.tasks), 'task')}{done}")
        self.bench.prepare(plan.config, plan.suite)
        level = self.bench.sandbox_level()
        note(
            f"up to {plural(run.config.attempts, 'attempt')} a task · {self.bench.options.tasks_at_once} tasks at once"
            f"{f' · sandbox {level}' if level else ''} · database {self._shown_database()}"
        )
        shared = plan.run is None or self.options.join is not None  # nobody else has begun what is new
        by_all = partial(self.store.standing, run.id) if shared else None
        progress = RunProgress(run.config.suite, self._before(run, len(plan.suite.tasks)), by_all)
        with progress, announced_interrupts():
            outcome = self._carry_out(plan, run, budget, progress, shared=shared)
        for lesson in outcome.quarantined:
            note(f"lesson {lesson.id} is in quarantine, {lesson.reason}: {one_line(lesson.text, 80)}")
        if outcome.status != "finished":
            self._say_how_to_resume(f"{outcome.status}: {outcome.detail}", run)
        return outcome

    def _carry_out(self, plan: Plan, run: RunRecord, budget: Limits, progress: RunProgress, *, shared: bool) -> Outcome:
        """In this process, or in those of a cluster."""
        where = cluster(self.options)
        if where is None:
            return self.bench.execute(run, plan.suite, budget, progress, shared=shared)
        joining = Joining(
            database=self.session.database,
            run_id=run.id,
            suite=plan.suite,
            options=self.bench.options,
            limits=budget,
        )
        return fan_out(self.store, joining, where, progress, shared=shared)

    def _before(self, run: RunRecord, total: int) -> Tally:
        """What earlier sessions had finished."""
        kept = [episode for episode in self.store.episodes(run.id) if episode.error is None]
        solved = sum(episode.solved for episode in kept)
        return Tally(total=total, solved=solved, failed=len(kept) - solved)

    def _reported(self, run: RunRecord) -> EndedReport:
        record = self.store.find_run(run.id)
        return EndedReport.of(record, summarise(record, self._episodes(record)))

    def _compared(self, main: EndedReport, run: RunRecord, other: RunRecord) -> EndedReport:
        ours, theirs = self.store.find_run(run.id), self.store.find_run(other.id)
        kept, own = self._episodes(theirs), self._episodes(ours)
        update: dict[str, object] = {"baseline": summarise(theirs, kept)}
        if kept:
            update["comparison"] = compare((theirs, kept), (ours, own))
        if kept and self.options.baseline == NO_LESSONS:
            shown = [len(self.store.lessons_of(ours.id, episode.task.id)) for episode in own]
            update["audit"] = audit_memory((theirs, kept), (ours, own), shown)
        return main.model_copy(update=update)

    def _distilled(self, run: RunRecord, budget: Limits) -> Distilled:
        """Makes lessons of the run's episodes, by the model that reflected."""
        policy = self.bench.policy(run.config.reflector_model or run.config.model)
        return Distiller(self.store, policy, budget=Budget(budget)).distill(run)

    def _episodes(self, run: RunRecord) -> list[Episode]:
        return list(self.store.episodes(run.id))

    def _print(self, main: EndedReport, run: RunRecord, outcome: Outcome) -> None:
        if self.options.json:
            emit_json(main)
        else:
            print_report(main, run)
            emit(f"next: {' · '.join(self._next(main, run))}")
        if main.errors and outcome.status == "finished":
            broken = [episode for episode in self.store.episodes(run.id) if episode.error]
            for episode in broken[:_SHOWN_ERRORS]:
                note(f"{one_line(episode.task.id)} ended in an error: {one_line(episode.error or '', 300)}")
            note(f"{plural(len(broken), 'task')} ended in errors; to try them again: {self._resume(run)}")
        if main.baseline is not None and main.baseline.errors:
            note(f"{plural(main.baseline.errors, 'task')} of the baseline ended in errors: {self._resume(run)}")

    def _next(self, main: EndedReport, run: RunRecord) -> list[str]:
        """What can be done with the run now."""
        hints = [_command(self.options, "runs", "show", run.id)]
        if main.comparison is not None:
            hints.append(_command(self.options, "runs", "show", main.comparison.a.run_id))
        elif main.status != "finished":
            hints.append(self._resume(run))
        elif main.strategy != "retry":
            hints.append(_command(self.options, "run", "--resume", run.id, "--baseline", "retry"))
        return hints

    def _resume(self, run: RunRecord) -> str:
        main = run if run.baseline_of is None else self.store.find_run(run.baseline_of)
        return resume_command(self.options, main)

    def _say_how_to_resume(self, why: str, run: RunRecord) -> None:
        note(f"{why}; nothing that was finished is lost; to go on: {self._resume(run)}")

    def _shown_database(self) -> str:
        from reflexa.memory.location import locate

        return locate(self.session.database).shown

    def _close(self, outcome: Outcome | None) -> None:
        """Closes the bench. After an interrupt its calls may hang: they are left behind, and record nothing more."""
        if outcome is not None and outcome.status != "interrupted":
            self.bench.close()
            return
        self.store.close()
        closing = threading.Thread(target=self.bench.close, daemon=True)
        closing.start()
        closing.join(CLOSING_SECONDS)


def _left(given: Limits, spent: Tally) -> Limits:
    """What a run leaves of the limits to its baseline."""
    return Limits(
        cost_usd=None if given.cost_usd is None else max(0.0, given.cost_usd - (spent.usage.cost_usd or 0.0)),
        tokens=None if given.tokens is None else max(0, given.tokens - spent.usage.tokens),
        seconds=given.seconds,
    )


def _exit_code(main: EndedReport, outcome: Outcome) -> int:
    if outcome.status == "interrupted":
        return INTERRUPTED
    if outcome.status == "budget":
        return BUDGET
    errors = main.errors + (main.baseline.errors if main.baseline else 0)
    return FAILED if errors or outcome.status == "failed" else DONE
