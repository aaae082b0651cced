"""Carries out ``reflexa study``: sets it up, tells of its steps, prints its table, draws its picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.session import Session
from reflexa.cli.text import aligned, plural, seconds
from reflexa.cli.training.checkpoints import estimate
from reflexa.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from reflexa.cli.options.study import OveroptimizationOptions
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
    head = ("proxy", "parameters", "labels", "agrees", f"best of {n}", "peak √KL")
    rows = [(*head, "RL kept", "at √KL", "RL end", "at √KL", "peak √KL", "worse from √KL")]
    return aligned([*rows, *map(_row, result.proxies)], right=range(1, 12))


def _row(found: ProxyStudy) -> tuple[str, ...]:
    from reflexa.evaluation.overoptimisation import distance

    chosen, rl = found.best_of_n, found.rl
    kept, end = next(point for point in rl.points if point.step == rl.chosen), rl.points[-1]
    worse = [distance(point.kl) for point in rl.points if point.step in rl.declined]
    return (
        str(found.size),
        f"{found.parameters:,}",
        f"{found.labels:,}",
        f"{100 * found.agreement:.0f} %",
        f"{chosen.gold[-1]:+.2f}",
        _peak(chosen.curve),
        f"{kept.true or 0.0:+.2f}",
        f"{distance(kept.kl):.1f}",
        f"{end.true or 0.0:+.2f}",
        f"{distance(end.kl):.1f}",
        _peak(rl.curve),
        f"{min(worse):.1f}" if worse else "–",
    )


def _peak(curve: Curve) -> str:
    """The peak with its interval where it was reached; else how far was measured without one."""
    return estimate(curve.peak) if curve.shown else f"none to {curve.furthest:.1f}"


def conclusions(result: StudyResult) -> list[str]:
    """What the study shows, in sentences that follow from its numbers alone."""
    proxies = result.proxies
    by_choice = sum(found.best_of_n.curve.shown for found in proxies)
    by_rl = sum(found.rl.curve.shown for found in proxies)
    fell = [found for found in proxies if found.rl.declined]
    lines = [
        "gold reward in standard deviations of the start's answers. A peak within what was measured is shown by the "
        f"curve of best of n against {by_choice} of {len(proxies)} proxies, by that of RL against {by_rl}.",
        f"RL over-optimised {len(fell)} of {len(proxies)} proxies: later checkpoints are clearly worse by gold than "
        "the one to keep, and no worse by the proxy.",
    ]
    if fell:
        worst = max(fell, key=_fall)
        lines.append(
            f"the most against {worst.size} on {worst.labels} labels: {_fall(worst):.2f} below the one to keep at the "
            "end."
        )
    return lines


def _fall(found: ProxyStudy) -> float:
    """How far below the kept checkpoint's the last one's gold reward is."""
    gold = {point.step: point.true or 0.0 for point in found.rl.points}
    return gold[found.rl.chosen] - gold[found.rl.points[-1].step]


def _folder(options: OveroptimizationOptions) -> Path:
    if options.out:
        return Path(options.out).expanduser()
    return Session.here({}).workspace.root / "training" / "runs" / f"study-{time.strftime('%Y%m%d-%H%M%S')}"


def _about(options: OveroptimizationOptions) -> str:
    return "one minute" if options.quick else "eight minutes"


def _draw(result: StudyResult, path: Path) -> str:
    """Draws the picture where that is possible; what there is to say of it."""
    from reflexa.cli.training.pictures import draw_study

    try:
        draw_study(result, path)
    except UsageError as error:
        return f"; no picture: {error}"
    return f", {path}"
