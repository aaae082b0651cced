"""Which checkpoint to keep: by held-out true reward and its error, never by the reward that was optimised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from reflexa.errors import UsageError
from reflexa.evaluation.overoptimisation import LEAST_POINTS, Curve, distance, fit_curve
from reflexa.rows import CheckpointPoint
from reflexa.types import Frozen

CLEARLY = 2.0
"""Standard errors of a difference that is called one."""


class Choice(Frozen):
    """The chosen checkpoint, and why.

    ``best`` has the highest true reward; ``chosen`` is the one nearest to the start among those within one standard
    error of it, whose steps are ``tied``. ``error`` is the best one's standard error (None: unknown, so that nothing
    but equal rewards ties). ``declined`` are the checkpoints further from the start than the chosen one whose proxy
    reward is no lower, and whose true reward is clearly lower: what over-optimisation looks like.
    """

    chosen: CheckpointPoint
    best: CheckpointPoint
    error: float | None
    tied: tuple[int, ...]
    declined: tuple[int, ...]


class Selection(Frozen):
    """What the checkpoints of a training show: the choice, the curve (None: ``no_curve`` says why), and the advice."""

    points: tuple[CheckpointPoint, ...]
    choice: Choice | None
    curve: Curve | None
    no_curve: str
    advice: tuple[str, ...]


def standard_error(point: CheckpointPoint, shares: bool) -> float | None:
    """The standard error of a true reward; None where it is unknown.

    From the tasks' own rewards, a task being one cluster however often it was sampled. Without them, and where the
    rewards are ``shares``, of the share itself (Agresti–Coull, so that 0 and 1 have an error too).
    """
    if len(point.rewards) > 1:
        return stdev(point.rewards) / math.sqrt(len(point.rewards))
    if shares and point.n and point.true is not None:
        share = (point.n * point.true + 2) / (point.n + 4)
        return math.sqrt(share * (1 - share) / (point.n + 4))
    return None


def choose_checkpoint(points: Sequence[CheckpointPoint]) -> Choice:
    """The checkpoint nearest to the start whose true reward is within one standard error of the best.

    Where the tasks' rewards are known, the error is that of the paired difference to the best one; else it is the best
    one's own. Raises ``UsageError`` where no point has a true reward: a proxy chooses nothing.
    """
    measured = _measured(points)
    if not measured:
        raise UsageError(
            f"{len(points)} checkpoints and no held-out true reward: expected at least one, for the reward that was "
            "optimised cannot choose; train with held-out tasks"
        )
    shares = _are_shares(measured)
    best = max(measured, key=lambda point: (_true(point), -point.kl))
    tied = [point for point in measured if _lead(best, point, shares) <= 1]
    chosen = min(tied, key=lambda point: (point.kl, point.step))
    return Choice(
        chosen=chosen,
        best=best,
        error=standard_error(best, shares),
        tied=tuple(sorted(point.step for point in tied)),
        declined=tuple(
            sorted(
                point.step
                for point in measured
                if point.kl > chosen.kl and point.proxy >= chosen.proxy and _lead(chosen, point, shares) > CLEARLY
            )
        ),
    )


def study_checkpoints(points: Sequence[CheckpointPoint]) -> Selection:
    """The choice, the fitted curve and the advice; whatever cannot be told is said to be so.

    Raises ``UsageError`` for a distance or a reward that is not finite.
    """
    for point in points:
        if not all(map(math.isfinite, (point.kl, point.proxy, 0.0 if point.true is None else point.true))):
            raise UsageError(
                f"step {point.step}: KL {point.kl}, proxy {point.proxy}, true {point.true}: expected finite numbers; "
                "the run broke there, so choose among the checkpoints before it"
            )
    ordered = tuple(sorted(points, key=lambda point: point.step))
    measured = _measured(ordered)
    choice = choose_checkpoint(ordered) if measured else None
    curve, no_curve = _curve(measured)
    return Selection(
        points=ordered, choice=choice, curve=curve, no_curve=no_curve, advice=_advice(choice, curve, ordered)
    )


def _measured(points: Sequence[CheckpointPoint]) -> list[CheckpointPoint]:
    return [point for point in points if math.isfinite(_true(point))]


def _true(point: CheckpointPoint) -> float:
    return math.nan if point.true is None else point.true


def _are_shares(points: Sequence[CheckpointPoint]) -> bool:
    return all(0 <= _true(point) <= 1 for point in points)


def _paired(points: Sequence[CheckpointPoint]) -> bool:
    """Whether all were measured on the same tasks, one by one."""
    sizes = {len(point.rewards) for point in points}
    return len(sizes) == 1 and sizes.pop() > 1


def _lead(leader: CheckpointPoint, other: CheckpointPoint, shares: bool) -> float:
    """By how many standard errors one true reward is above another's: infinite where nothing is known of errors."""
    if other is leader:
        return 0.0
    if _paired((leader, other)):
        differences = [a - b for a, b in zip(leader.rewards, other.rewards, strict=True)]
        lead, error = fmean(differences), stdev(differences) / math.sqrt(len(differences))
    else:
        lead, error = _true(leader) - _true(other), standard_error(leader, shares) or 0.0
    if lead <= 0:
        return 0.0
    return lead / error if error > 0 else math.inf


def _curve(measured: Sequence[CheckpointPoint]) -> tuple[Curve | None, str]:
    start = next((point for point in measured if point.step == 0), None)
    if start is None:
        return None, "no curve: the start (step 0) has no true reward, so gains over it are unknown"
    if len({distance(point.kl) for point in measured} - {0.0}) < LEAST_POINTS:
        return None, f"no curve: it takes at least {LEAST_POINTS} checkpoints beyond the start with a true reward"
    distances = [distance(point.kl) for point in measured]
    if not _paired(measured):
        return fit_curve("rl", distances, [_true(point) - _true(start) for point in measured]), ""
    tasks = zip(*(point.rewards for point in measured), strict=True)
    gains = [[reward - first for reward in rewards] for rewards, first in zip(tasks, start.rewards, strict=True)]
    return fit_curve("rl", distances, gains), ""


def _advice(choice: Choice | None, curve: Curve | None, points: Sequence[CheckpointPoint]) -> tuple[str, ...]:
    if choice is None:
        return ("no checkpoint has a held-out true reward: there is nothing to choose by",)
    return (_why(choice), *_where_it_begins(choice, curve, points))


def _why(choice: Choice) -> str:
    chosen, best = choice.chosen, choice.best
    error = "" if choice.error is None else f" ± {choice.error:.3g}"
    told = f"{_true(best):.3g}{error}"
    if chosen.step == 0:
        return (
            f"keep the start: no checkpoint is clearly better by held-out true reward (best: step {best.step}, {told})"
        )
    if chosen is best:
        return f"keep step {chosen.step}: the highest held-out true reward ({told})"
    return (
        f"keep step {chosen.step} (true reward {_true(chosen):.3g}): within one standard error of the best, step "
        f"{best.step} ({told}), and nearer to the start"
    )


def _where_it_begins(choice: Choice, curve: Curve | None, points: Sequence[CheckpointPoint]) -> list[str]:
    found = []
    if choice.declined:
        found.append(
            f"over-optimised: from step {min(choice.declined)} on the true reward is clearly below the chosen one's, "
            "while the proxy reward is no lower"
        )
    if curve is None:
        return found
    if not curve.shown:
        found.append(f"the curve shows no peak within what was measured (√KL up to {curve.furthest:.3g})")
        return found
    peak = curve.peak.value or 0.0
    before = [point for point in points if distance(point.kl) <= peak]
    last, proxy_rises = max(points, key=lambda point: point.kl), False
    if before:
        proxy_rises = last.proxy > max(before, key=lambda point: point.kl).proxy
    meaning = (
        "past it the proxy reward still rises, so that it no longer means what it should"
        if proxy_rises
        else "past it the proxy reward falls too, so that this is a failing run rather than over-optimisation"
    )
    found.append(f"the true reward peaks at √KL {peak:.3g} by the curve: {meaning}")
    return found
