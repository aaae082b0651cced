"""Pictures as PNG files. matplotlib draws them, and is imported only here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.errors import UsageError
from reflexa.evaluation.checkpoints import Selection, standard_error
from reflexa.evaluation.overoptimisation import distance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reflexa.improve.study import ProxyStudy, StudyConfig, StudyResult

TRUE, PROXY = "tab:blue", "tab:orange"


@contextmanager
def picture(path: Path, columns: int = 1, rows: int = 1) -> Iterator[list[Axes]]:
    """The axes to draw on, row by row; the file is written at the end.

    Raises ``UsageError`` where matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise UsageError("pictures need a package that is not installed: pip install matplotlib") from error
    figure = Figure(figsize=(1.5 + 4.5 * columns, 0.5 + 3.2 * rows), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    yield list(figure.subplots(rows, columns, squeeze=False).flat)
    try:
        canvas.print_figure(path, format="png", dpi=130)
    except OSError as error:
        raise UsageError(f"{path}: the picture cannot be written ({error.strerror or error})") from None


def draw_checkpoints(found: Selection, title: str, path: Path) -> None:
    """True reward with its errors, the fitted curve and its peak; the proxy reward on an axis of its own."""
    with picture(path) as (axes,):
        axes.set(title=title, xlabel="√KL from the start (√nats)")
        axes.set_ylabel("held-out true reward", color=TRUE)
        proxies = axes.twinx()
        proxies.set_ylabel("proxy reward", color=PROXY)
        proxies.plot(*_xy([(distance(p.kl), p.proxy) for p in found.points]), "o--", color=PROXY, markersize=3)
        _draw_true(axes, found)


def _draw_true(axes: Axes, found: Selection) -> None:
    measured = [(distance(p.kl), p.true, p) for p in found.points if p.true is not None]
    shares = all(0 <= true <= 1 for _, true, _ in measured)
    errors = [standard_error(point, shares) or 0.0 for _, _, point in measured]
    axes.errorbar(*_xy([(d, true) for d, true, _ in measured]), yerr=errors, fmt="o", color=TRUE, markersize=4)
    if found.choice is not None:
        axes.axvline(
            distance(found.choice.chosen.kl), color="grey", linewidth=1, label=f"step {found.choice.chosen.step}"
        )
    start = next((true for _, true, point in measured if point.step == 0), None)
    if found.curve is not None and start is not None:
        axes.plot(*_xy(found.curve.sampled(start)), color=TRUE, linewidth=1, label="fitted")
        peak = found.curve.peak
        if found.curve.shown and peak.low is not None and peak.high is not None:
            axes.axvspan(peak.low, peak.high, color=TRUE, alpha=0.15, label="peak, 95 %")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, loc="lower center")


def _xy(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def draw_study(result: StudyResult, path: Path) -> None:
    """Gold rewards above, proxies' own below; best of n on the left, RL on the right; a colour for each size of proxy,
    darker the more labels it had.
    """
    with picture(path, columns=2, rows=2) as axes:
        for found in result.proxies:
            colour = _colour(result.config, found)
            chosen, points = found.best_of_n, found.rl.points
            near, far = [distance(kl) for kl in chosen.kl], [distance(point.kl) for point in points]
            label = f"{found.size}, {found.labels:,} labels"
            axes[0].plot(near, chosen.gold, "o", color=colour, markersize=3)
            axes[0].plot(*_xy(chosen.curve.sampled(chosen.gold[0])), color=colour, linewidth=1, label=label)
            axes[1].plot(far, [point.true or 0.0 for point in points], "o", color=colour, markersize=3)
            axes[1].plot(*_xy(found.rl.curve.sampled(points[0].true or 0.0)), color=colour, linewidth=1)
            axes[2].plot(near, chosen.proxy, "o--", color=colour, markersize=2, linewidth=0.7)
            axes[3].plot(far, [point.proxy for point in points], "o--", color=colour, markersize=2, linewidth=0.7)
        for place, (way, what) in zip(axes, _PANELS, strict=True):
            place.set(title=way, xlabel="√KL from the start (√nats)", ylabel=what)
        axes[0].legend(fontsize=6)


_PANELS = [
    ("best of n", "gold reward"),
    ("RL", "gold reward"),
    ("best of n", "proxy reward"),
    ("RL", "proxy reward"),
]


def _colour(config: StudyConfig, found: ProxyStudy) -> tuple[float, float, float, float]:
    from matplotlib import colormaps

    shade = 0.45 + 0.5 * (config.labels.index(found.labels) + 1) / len(config.labels)
    red, green, blue, alpha = colormaps[_MAPS[config.proxies.index(found.size) % len(_MAPS)]](shade)
    return red, green, blue, alpha


_MAPS = ("Oranges", "Greens", "Blues", "Purples", "Greys")
