"""What ``reflexa run`` prints in the end: the run, what it was held against, and what was learnt from it."""

from __future__ import annotations

from reflexa.agent.distilling import Distilled
from reflexa.cli.output import emit
from reflexa.cli.runs.report import RunReport, comparison_table, table, title
from reflexa.cli.text import count, one_line, plural
from reflexa.evaluation import Comparison, MemoryAudit, RunSummary
from reflexa.types import RunRecord


class EndedReport(RunReport):
    """A run's report, with what was asked for beside the run itself."""

    baseline: RunSummary | None = None
    comparison: Comparison | None = None
    audit: MemoryAudit | None = None
    distilled: Distilled | None = None


def print_report(main: EndedReport, run: RunRecord) -> None:
    """A run's table, its baseline's comparison, and the lessons that were made of it."""
    emit(title(run))
    if main.n_tasks < main.n_planned:
        emit(f"{main.status}: {main.n_tasks} of {main.n_planned} tasks have ended")
    emit(table(main))
    if main.comparison is not None:
        name = main.comparison.a.strategy if main.audit is None else "without lessons of other tasks"
        emit(f"\nbaseline {name}, with as many calls a task allowed")
        emit(comparison_table(main.comparison))
    if main.audit is not None and main.comparison is not None:
        emit(audit_lines(main.audit, main.comparison.n))
    if main.distilled is not None:
        emit(distilled_lines(main.distilled))


def audit_lines(found: MemoryAudit, n: int) -> str:
    """What the lessons of other tasks did."""
    told = f"{plural(found.lessons, 'lesson')} shown on {found.informed} of {plural(n, 'task')}"
    first = (
        f"first attempts: {found.first.a.solved}/{found.first.n} without, {found.first.b.solved}/{found.first.n} with"
    )
    return f"{told} · {first}\n{found.conclusion}"


def distilled_lines(found: Distilled) -> str:
    """What became of a run's episodes."""
    tally = found.tally
    counts = ("added", "edited", "merged", "dropped", "repeated")
    done = " · ".join(f"{name} {getattr(tally, name)}" for name in counts)
    read = f"{plural(found.episodes, 'episode')} of {one_line(found.suite)} ({found.split})"
    calls = f"{plural(found.calls, 'call')}, {found.reused} made before · {count(found.tokens)} tokens"
    lines = [f"lessons from run {found.run_id}: {read} · {calls}", done]
    if tally.refused:
        lines.append(f"refused: {', '.join(f'{each.count} {each.why}' for each in tally.refused)}")
    return "\n".join(lines)
