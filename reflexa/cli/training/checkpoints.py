"""Carries out ``reflexa checkpoints``: the points of a training, the curve through them, the advice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.session import open_store
from reflexa.cli.text import aligned, one_line, plural
from reflexa.cli.training.plotting import chart
from reflexa.errors import UsageError
from reflexa.rows import CheckpointPoint
from reflexa.training.engine.metrics import POINTS, read_points

if TYPE_CHECKING:
    from reflexa.cli.options.checkpoints import CheckpointsOptions
    from reflexa.evaluation.checkpoints import Selection
    from reflexa.evaluation.overoptimisation import Estimate
    from reflexa.memory import Store


def show(options: CheckpointsOptions) -> int:
    """Prints what the checkpoints of a training show. Returns the exit code."""
    from reflexa.evaluation.checkpoints import study_checkpoints

    title, points = _points(options)
    found = study_checkpoints(points)
    if options.plot is not None:
        from reflexa.cli.training.pictures import draw_checkpoints

        draw_checkpoints(found, title, Path(options.plot).expanduser())
        note(f"picture: {options.plot}")
    if options.json:
        emit_json(found)
    else:
        emit("\n".join([f"{title}: {plural(len(points), 'checkpoint')}", *lines(found)]))
    return DONE


def lines(found: Selection) -> list[str]:
    """The table, the curve, the picture and the advice, as lines of text."""
    return [_table(found), *_curve(found), *_picture(found), *found.advice]


def _points(options: CheckpointsOptions) -> tuple[str, list[CheckpointPoint]]:
    """What the training is called, and its points: from the folder that was named, the database, or its own folder."""
    folder = Path(options.training).expanduser()
    if folder.is_dir():
        points = list(read_points(folder))
        if not points:
            raise UsageError(f"{folder / POINTS}: no such file, or it is empty: expected a line for each checkpoint")
        return one_line(options.training), points
    with open_store(options.database) as store:
        return _recorded(store, options.training)


def _recorded(store: Store, training_id: str) -> tuple[str, list[CheckpointPoint]]:
    training = store.find_training(training_id)
    title = f"training {training.id} ({training.algorithm} from {one_line(training.model, 60)})"
    output = training.config.get("output")
    points = store.points_of(training.id) or list(read_points(Path(output)) if isinstance(output, str) else ())
    if not points:
        raise UsageError(
            f"training {training.id} has no checkpoints that were measured: `reflexa train` measures them on what is "
            "held out (--held-out FILE, or --task SUITE with a held-out split)"
        )
    return title, points


def _table(found: Selection) -> str:
    from reflexa.evaluation.checkpoints import standard_error
    from reflexa.evaluation.overoptimisation import distance

    shares = all(0 <= point.true <= 1 for point in found.points if point.true is not None)
    rows = [("step", "√KL", "proxy", "true", "n", "")]
    for point in found.points:
        error = standard_error(point, shares)
        true = "–" if point.true is None else f"{point.true:.3f}{'' if error is None else f' ± {error:.3f}'}"
        marks = _marks(found, point)
        rows.append(
            (str(point.step), f"{distance(point.kl):.2f}", f"{point.proxy:.3f}", true, str(point.n or "–"), marks)
        )
    return aligned(rows, right=(0, 1, 2, 4))


def _marks(found: Selection, point: CheckpointPoint) -> str:
    choice = found.choice
    if choice is None:
        return ""
    if point.step == choice.chosen.step:
        return "chosen"
    if point.step == choice.best.step:
        return "highest"
    return "worse" if point.step in choice.declined else "as good" if point.step in choice.tied else ""


def _curve(found: Selection) -> list[str]:
    from reflexa.evaluation.overoptimisation import FORMULAS

    curve = found.curve
    if curve is None:
        return [found.no_curve]
    drawn = "held-out tasks" if curve.resampled == "replicates" else "points"
    return [
        f"{FORMULAS[curve.law]}: α {estimate(curve.alpha)}, β {estimate(curve.beta)}, peak at √KL "
        f"{estimate(curve.peak)} (95 % intervals over {drawn}; misfit {curve.misfit:.2g})"
    ]


def estimate(found: Estimate) -> str:
    """``1.82 [1.71, 1.95]``; what is never reached is ``none``."""
    value, low, high = (
        "none" if each is None or abs(each) > 1e6 else f"{each:.3g}" for each in (found.value, found.low, found.high)
    )
    return f"{value} [{low}, {high}]"


def _picture(found: Selection) -> list[str]:
    """True and proxy rewards over the distance, where there is more than one point to see."""
    from reflexa.evaluation.overoptimisation import distance

    true = [(distance(point.kl), point.true) for point in found.points if point.true is not None]
    proxy = [(distance(point.kl), point.proxy) for point in found.points]
    charts = []
    if len(true) > 1 and found.choice is not None:
        chosen = found.choice.chosen
        layers = [("●", true), ("◆", [(distance(chosen.kl), chosen.true or 0.0)])]
        words = "true reward (●; ◆ chosen"
        start = next((point for point in found.points if point.step == 0), None)
        if found.curve is not None and start is not None:
            layers.insert(0, ("·", found.curve.sampled(start.true or 0.0)))
            words += "; · the curve"
        charts.append(chart(f"{words}) over √KL", layers))
    if len(proxy) > 1:
        charts.append(chart("proxy reward (○) over √KL", [("○", proxy)], height=6))
    return charts
