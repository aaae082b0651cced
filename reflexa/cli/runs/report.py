"""A run's table, and the object that ``--json`` prints for it."""

from __future__ import annotations

from typing import Self

from reflexa.cli.text import aligned, count, dollars, one_line, plural, seconds
from reflexa.evaluation import Comparison, RunSummary, wilson
from reflexa.types import RunConfig, RunRecord, RunStatus


class RunReport(RunSummary):
    """A run's summary, and how it ended."""

    name: str | None = None
    status: RunStatus
    n_planned: int

    @classmethod
    def of(cls, run: RunRecord, summary: RunSummary) -> Self:
        """The report of a run by itself."""
        planned = len(run.config.task_ids) or summary.n_tasks
        return cls(**summary.model_dump(), name=run.name, status=run.status, n_planned=planned)


def title(run: RunRecord) -> str:
    """One line that says what the run is: ``k7f2c1m9 (nightly): humaneval (test) · embedded · reflexion · …``."""
    config = run.config
    name = f" ({one_line(run.name, 40)})" if run.name else ""
    feedback = f"feedback {config.feedback}"
    if config.feedback == "oracle":
        feedback += " (ORACLE: the agent saw the judge's verdicts)"
    parts = [one_line(config.suite), one_line(config.model), config.strategy, feedback]
    if config.memory != "episode":
        parts.append(f"memory {config.memory}{_found_by(config)}{_left_out(config)}")
    return f"run {run.id}{name}: {parts[0]} ({config.split}) · {' · '.join(parts[1:])}"


def _found_by(config: RunConfig) -> str:
    return f" by {one_line(config.embedder, 40)}" if config.recalls_lessons and config.embedder != "none" else ""


def _left_out(config: RunConfig) -> str:
    return f", {config.explore:g} left out" if config.explore else ""


def table(summary: RunSummary) -> str:
    """Solved tasks after each attempt, with Wilson's intervals, and what the run cost."""
    rows = [("attempt", "solved", "rate", "gained")]
    before: int | None = None
    for number, solved in enumerate(summary.solved_by_attempt, start=1):
        gained = "–" if before is None else f"+{solved - before}" if solved >= before else f"−{before - solved}"
        rows.append((str(number), f"{solved}/{summary.n_tasks}", rate(solved, summary.n_tasks), gained))
        before = solved
    return f"{aligned(rows)}\n{bottom_line(summary)}"


def rate(solved: int, n: int) -> str:
    """``55.0 % [34–74]``: the share and its 95 % interval in per cent."""
    if not n:
        return "–"
    low, high = wilson(solved, n)
    return f"{100 * solved / n:.1f} % [{100 * low:.0f}–{100 * high:.0f}]"


def bottom_line(summary: RunSummary) -> str:
    """What came of the tasks, in how long, for how much."""
    unsolved = summary.n_tasks - summary.solved - summary.errors
    parts = [
        f"{summary.solved} solved, {unsolved} not, {plural(summary.errors, 'error')} in {seconds(summary.seconds)}",
        plural(summary.calls, "call"),
        f"{count(summary.input_tokens)} tokens in, {count(summary.output_tokens)} out",
        dollars(summary.cost_usd),
    ]
    if summary.sandbox is not None:
        parts.append(f"sandbox {summary.sandbox}")
    return " · ".join(parts)


def comparison_table(found: Comparison) -> str:
    """Two runs side by side, over the tasks that both have."""
    sides = (found.a, found.b)
    names = [one_line(side.embedder, 40) for side in sides]
    rows = [
        ("", *(f"{side.run_id}{' ORACLE' if side.oracle else ''}" for side in sides)),
        ("strategy", *(side.strategy for side in sides)),
        ("model", *(one_line(side.model, 40) for side in sides)),
        *([("memory", *(side.memory for side in sides))] if any(side.memory != "episode" for side in sides) else []),
        *([("embedder", *names)] if any(name != "none" for name in names) else []),
        ("solved", *(f"{side.solved}/{found.n}" for side in sides)),
        ("rate", *(rate(side.solved, found.n) for side in sides)),
        ("calls", *(f"{side.calls:,}" for side in sides)),
        ("tokens", *(f"{side.tokens:,}" for side in sides)),
    ]
    low, high = found.ci95
    lines = [
        aligned(rows),
        f"both {found.both} · only {found.a.run_id} {found.only_a} · only {found.b.run_id} {found.only_b}"
        f" · neither {found.neither}",
        f"difference {100 * found.difference:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]",
        *_named("recovered", found.recovered),
        *_named("regressed", found.regressed),
        *_curve(found),
        *_unpaired(found),
        found.conclusion,
    ]
    return "\n".join(lines)


def _named(what: str, ids: tuple[str, ...], shown: int = 12) -> list[str]:
    if not ids:
        return []
    more = f" and {len(ids) - shown} more" if len(ids) > shown else ""
    return [f"{what}: {', '.join(one_line(task_id, 40) for task_id in ids[:shown])}{more}"]


def _curve(found: Comparison) -> list[str]:
    if not found.curve:
        return []
    rows = [("solved with at most", found.a.run_id, found.b.run_id)]
    rows += [
        (f"{point.tokens:,} tokens a task", f"{100 * point.a:.1f} %", f"{100 * point.b:.1f} %") for point in found.curve
    ]
    return [aligned(rows, right=(1, 2))]


def _unpaired(found: Comparison) -> list[str]:
    pairs = ((found.a.run_id, found.unpaired_a), (found.b.run_id, found.unpaired_b))
    return [f"left out: {plural(n, 'task')} that {run_id} alone has" for run_id, n in pairs if n]
