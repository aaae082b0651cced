"""Carries out ``reflexa study``: sets it up, tells of its steps, prints its table, draws its picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.cli.checkpoints import estimate
from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.session import Session
from reflexa.cli.text import aligned, plural, seconds
from reflexa.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from reflexa.cli.verbs.study import OveroptimizationOptions
    from reflexa.evaluation.overoptimisation import Curve
    from reflexa.improve.study import ProxyStudy, StudyResult

RESULTS, PICTURE = "results.json", "overoptimization.png"


def study(options: OveroptimizationOptions) -> int:
    """Carries out the study of over-optimisation. Returns the exit code."""
    try:
        from reflexa.improve.study import QUICK, STUDY, study_overoptimisation
    except ModuleNotFoundError as error:
        raise MissingExtraError("studies with models made on the spot", "train") from error
    config = (QUICK if options.quick else STUDY).model_copy(update={"seed": options.seed})
    folder = _folder(options)
    proxies = len(config.proxies) * len(config.labels)
    note(f"{plural(proxies, 'proxy model')}, about {_about(options)} of one CPU; in {folder}")
    result = study_overoptimisation(config, folder, note)
    (folder / RESULTS).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    drawn = _draw(result, folder / PICTURE)
    if options.json:
        emit_json(result)
        return DONE
    emit(
        "\n".join([table(result), *conclusions(result), f"{seconds(result.seconds)} of CPU; {folder / RESULTS}{drawn}"])
    )
    worst = min(result.proxies, key=lambda found: found.agreement)
    emit(f"next: reflexa checkpoints {folder / worst.rl.folder}")
    return DONE


def table(result: StudyResult) -> str:
    """A line a proxy: what it is, and what optimising against it did to the gold reward."""
    n = result.proxies[0].best_of_n.sizes[-1]
    rows = [
        ("proxy", "parameters", "labels", "agrees", f"best of {n}", "peak √KL", "RL best", "RL end", "peak √KL", "kept")
    ]
    return aligned([*rows, *map(_row, result.proxies)], right=range(1, 10))


def _row(found: ProxyStudy) -> tuple[str, ...]:
    chosen, gold = found.best_of_n, [point.true or 0.0 for point in found.rl.points]
    return (
        str(found.size),
        f"{found.parameters:,}",
        f"{found.labels:,}",
        f"{100 * found.agreement:.0f} %",
        f"{chosen.gold[-1]:+.2f}",
        _peak(chosen.curve),
        f"{max(gold):+.2f}",
        f"{gold[-1]:+.2f}",
        _peak(found.rl.curve),
        f"step {found.rl.chosen}",
    )


def _peak(curve: Curve) -> str:
    """The peak with its interval where it was reached; else how far was measured without one."""
    return estimate(curve.peak) if curve.shown else f"none to {curve.furthest:.1f}"


def conclusions(result: StudyResult) -> list[str]:
    """What the study shows, in sentences that follow from its numbers alone."""
    proxies = result.proxies
    by_choice = sum(found.best_of_n.curve.shown for found in proxies)
    by_rl = sum(found.rl.curve.shown for found in proxies)
    fell = [found for found in proxies if _fall(found) > 0]
    lines = [
        "gold reward in standard deviations of the start's answers. A peak within what was measured is shown for best "
        f"of n against {by_choice} of {len(proxies)} proxies, for RL against {by_rl}.",
    ]
    if fell:
        worst = max(fell, key=_fall)
        lines.append(
            f"RL's gold reward ends below its best checkpoint's against {len(fell)} proxies; the most against "
            f"{worst.size} on {worst.labels} labels, by {_fall(worst):.2f}, while the proxy's own score went on rising."
        )
    return lines


def _fall(found: ProxyStudy) -> float:
    """How far the gold reward fell from its best checkpoint to the last, where the proxy's rose meanwhile; else 0."""
    points = found.rl.points
    best = max(points, key=lambda point: point.true or 0.0)
    if points[-1].proxy <= best.proxy:
        return 0.0
    return (best.true or 0.0) - (points[-1].true or 0.0)


def _folder(options: OveroptimizationOptions) -> Path:
    if options.out:
        return Path(options.out).expanduser()
    return Session.here({}).workspace.root / "training" / "runs" / f"study-{time.strftime('%Y%m%d-%H%M%S')}"


def _about(options: OveroptimizationOptions) -> str:
    return "one minute" if options.quick else "six minutes"


def _draw(result: StudyResult, path: Path) -> str:
    """Draws the picture where that is possible; what there is to say of it."""
    from reflexa.cli.pictures import draw_study

    try:
        draw_study(result, path)
    except UsageError as error:
        return f"; no picture: {error}"
    return f", {path}"
