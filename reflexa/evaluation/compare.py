"""Two runs on the same tasks: which solved more, at what cost, and whether that can be told from chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reflexa.errors import UsageError
from reflexa.evaluation.outcomes import solved, solved_after, tokens_by_attempt
from reflexa.evaluation.statistics import McNemar, mcnemar, paired_bootstrap
from reflexa.evaluation.summary import total_usage
from reflexa.types import Episode, Frozen, MemoryScope, RunRecord

Run = tuple[RunRecord, Iterable[Episode]]

LEVEL = 0.05
"""The level of significance that conclusions are drawn at."""

_CURVE_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


class CurvePoint(Frozen):
    """The share of paired tasks that each run solves if it spends at most ``tokens`` on each task."""

    tokens: int
    a: float
    b: float


class Side(Frozen):
    """One of the two runs, counted over the paired tasks only. ``embedder`` found its lessons of other tasks."""

    run_id: str
    strategy: str
    model: str
    oracle: bool
    memory: MemoryScope = "episode"
    explore: float = 0.0
    embedder: str = "none"
    solved: int
    rate: float
    calls: int
    tokens: int


class Comparison(Frozen):
    """Run ``b`` against run ``a``, paired by task.

    ``difference`` is b's rate minus a's, ``ci95`` its bootstrap interval. ``recovered`` are the tasks that only
    b solved, ``regressed`` those that only a did. Tasks that one run alone has are counted in ``unpaired_a`` and
    ``unpaired_b``, and used for nothing else.
    """

    suite: str
    split: str
    a: Side
    b: Side
    n: int
    both: int
    only_a: int
    only_b: int
    neither: int
    recovered: tuple[str, ...]
    regressed: tuple[str, ...]
    difference: float
    ci95: tuple[float, float]
    mcnemar: McNemar
    curve: tuple[CurvePoint, ...]
    unpaired_a: int
    unpaired_b: int
    conclusion: str


def compare(a: Run, b: Run) -> Comparison:
    """Pairs two runs by task. Raises ``UsageError`` where they did not run the same suite, or share no task."""
    (run_a, episodes_a), (run_b, episodes_b) = a, b
    _check_same_suite(run_a, run_b)
    by_id_a = {episode.task.id: episode for episode in episodes_a}
    by_id_b = {episode.task.id: episode for episode in episodes_b}
    ids = [task_id for task_id in by_id_a if task_id in by_id_b]
    if not ids:
        raise UsageError(f"runs {run_a.id} and {run_b.id} have no task in common: compare runs of the same tasks")
    pairs = [(by_id_a[task_id], by_id_b[task_id]) for task_id in ids]
    outcomes = [(solved(first), solved(second)) for first, second in pairs]
    differences = [float(second) - float(first) for first, second in outcomes]
    side_a, side_b = _side(run_a, [first for first, _ in pairs]), _side(run_b, [second for _, second in pairs])
    test = mcnemar(outcomes.count((True, False)), outcomes.count((False, True)))
    return Comparison(
        suite=run_a.config.suite,
        split=run_a.config.split,
        a=side_a,
        b=side_b,
        n=len(ids),
        both=outcomes.count((True, True)),
        only_a=test.only_first,
        only_b=test.only_second,
        neither=outcomes.count((False, False)),
        recovered=_where(ids, outcomes, (False, True)),
        regressed=_where(ids, outcomes, (True, False)),
        difference=sum(differences) / len(differences),
        ci95=paired_bootstrap(differences),
        mcnemar=test,
        curve=_curve(pairs),
        unpaired_a=len(by_id_a) - len(ids),
        unpaired_b=len(by_id_b) - len(ids),
        conclusion=_conclusion(side_a, side_b, len(ids), test),
    )


def _check_same_suite(a: RunRecord, b: RunRecord) -> None:
    if (a.config.suite, a.config.split) != (b.config.suite, b.config.split):
        raise UsageError(
            f"run {a.id} is of {a.config.suite} ({a.config.split}), run {b.id} of {b.config.suite} ({b.config.split}): "
            "only runs of one suite and split can be compared"
        )
    if a.config.suite_digest != b.config.suite_digest:
        raise UsageError(
            f"runs {a.id} and {b.id} are of different contents of {a.config.suite} "
            f"({a.config.suite_digest[:12]}, {b.config.suite_digest[:12]}): run one of them again"
        )


def _side(run: RunRecord, episodes: Sequence[Episode]) -> Side:
    count = sum(solved(episode) for episode in episodes)
    return Side(
        run_id=run.id,
        strategy=run.config.strategy,
        model=run.config.model,
        oracle=run.config.feedback == "oracle",
        memory=run.config.memory,
        explore=run.config.explore,
        embedder=run.config.embedder if run.config.recalls_lessons else "none",
        solved=count,
        rate=count / len(episodes),
        calls=sum(episode.calls for episode in episodes),
        tokens=total_usage(episodes).tokens,
    )


def _where(ids: Sequence[str], outcomes: Sequence[tuple[bool, bool]], wanted: tuple[bool, bool]) -> tuple[str, ...]:
    return tuple(task_id for task_id, outcome in zip(ids, outcomes, strict=True) if outcome == wanted)


def _curve(pairs: Sequence[tuple[Episode, Episode]]) -> tuple[CurvePoint, ...]:
    """The curve at quantiles of what the two runs' attempts had cost when they ended."""
    costs = sorted(cost for pair in pairs for episode in pair for cost in tokens_by_attempt(episode))
    if not costs:
        return ()
    marks = sorted({costs[min(len(costs) - 1, int(q * len(costs)))] for q in _CURVE_QUANTILES})
    return tuple(
        CurvePoint(
            tokens=mark,
            a=sum(_solved_within(first, mark) for first, _ in pairs) / len(pairs),
            b=sum(_solved_within(second, mark) for _, second in pairs) / len(pairs),
        )
        for mark in marks
    )


def _solved_within(episode: Episode, tokens: int) -> bool:
    affordable = sum(cost <= tokens for cost in tokens_by_attempt(episode))
    return affordable > 0 and solved_after(episode, affordable)


def _conclusion(a: Side, b: Side, n: int, test: McNemar) -> str:
    """What may be said of the difference, and what stands in the way of saying more."""
    difference = b.solved - a.solved
    counts = (
        f"{b.run_id} solved {b.solved} and {a.run_id} {a.solved} of the same {n} tasks (exact McNemar p = {test.p:.3g})"
    )
    if test.p < LEVEL:
        more, less = (b, a) if difference > 0 else (a, b)
        verdict = f"{counts}: {more.run_id} solved more than {less.run_id}, beyond chance at 5 %."
    else:
        verdict = f"{counts}: not shown to differ at 5 %."
    return " ".join([verdict, *_reservations(a, b)])


def _reservations(a: Side, b: Side) -> list[str]:
    found = []
    low, high = sorted((a, b), key=lambda side: side.tokens)
    if high.tokens > 1.1 * low.tokens:
        factor = f"{high.tokens / low.tokens:.1f} times the tokens of {low.run_id}" if low.tokens else "all the tokens"
        found.append(f"{high.run_id} spent {factor}: this is no comparison at equal cost.")
    if a.memory != b.memory and a.strategy != b.strategy:
        found.append(
            f"They differ in memory ({a.memory}, {b.memory}) as well as in strategy: which made the difference is open."
        )
    elif a.memory == b.memory and a.embedder != b.embedder:
        found.append(f"Their lessons were found by different embedders ({a.embedder}, {b.embedder}).")
    found += [
        f"Of {side.run_id}'s lessons a share of {side.explore:g} was left out at random."
        for side in (a, b)
        if side.explore
    ]
    oracles = [side.run_id for side in (a, b) if side.oracle]
    if oracles:
        found.append(f"The judge itself was the feedback (oracle) in {' and '.join(oracles)}.")
    return found
