"""Where a training's figures go besides the database: TensorBoard, trackio or wandb, if asked for and installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from reflexa.training.engine.metrics import StepReport

PROJECT = "reflexa"
Tracker = Callable[["StepReport"], None]


@contextmanager
def tracked(name: str | None, run: str, config: Mapping[str, Any], folder: Path) -> Iterator[Tracker]:
    """A tracker that is told of every step. ``folder`` receives TensorBoard's events; None tracks nothing.

    Raises ``UsageError`` for an unknown tracker and for one that is not installed.
    """
    if name is None:
        yield lambda report: None
        return
    if name not in _TRACKERS:
        raise unknown_name("tracker", name, _TRACKERS)
    try:
        tracker, close = _TRACKERS[name](run, config, folder)
    except ModuleNotFoundError as error:
        raise UsageError(f"--track {name} needs a package that is not installed: pip install {name}") from error
    try:
        yield tracker
    finally:
        close()


def _figures(report: StepReport) -> dict[str, float]:
    figures = {"loss": report.loss, "norm": report.norm, "learning_rate": report.learning_rate, **report.metrics}
    figures["tokens_per_second"] = report.tokens_per_second
    if report.held_out_loss is not None:
        figures["held_out_loss"] = report.held_out_loss
    return figures


def _tensorboard(run: str, config: Mapping[str, Any], folder: Path) -> tuple[Tracker, Callable[[], None]]:
    from tensorboard.summary import Writer

    writer = Writer(str(folder / "tensorboard"))

    def track(report: StepReport) -> None:
        for figure, value in _figures(report).items():
            writer.add_scalar(figure, value, report.step)

    return track, writer.close


def _hosted(module: str) -> Callable[[str, Mapping[str, Any], Path], tuple[Tracker, Callable[[], None]]]:
    """trackio speaks wandb's language."""

    def begin(run: str, config: Mapping[str, Any], folder: Path) -> tuple[Tracker, Callable[[], None]]:
        import importlib

        tracker = importlib.import_module(module)
        tracker.init(project=PROJECT, name=run, config=dict(config))
        return lambda report: tracker.log(_figures(report), step=report.step), tracker.finish

    return begin


_TRACKERS: dict[str, Callable[[str, Mapping[str, Any], Path], tuple[Tracker, Callable[[], None]]]] = {
    "tensorboard": _tensorboard,
    "trackio": _hosted("trackio"),
    "wandb": _hosted("wandb"),
}
