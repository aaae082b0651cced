"""What ``reflexa train`` does whatever it learns from: checked settings, the record, the journal, the live line."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from reflexa.agent import BenchOptions
from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json, is_terminal, note
from reflexa.cli.text import aligned, count, seconds
from reflexa.cli.training.recipes import explain
from reflexa.cli.training.tracking import Tracker, tracked
from reflexa.rows import CheckpointPoint, TrainingRecord
from reflexa.training.engine.metrics import read_points
from reflexa.types import Frozen

if TYPE_CHECKING:
    from reflexa.cli.session import Session
    from reflexa.memory import Store
    from reflexa.training.config import CommonConfig
    from reflexa.training.engine.metrics import StepReport
    from reflexa.training.online.setup import OnlinePlan
    from reflexa.training.planning import Plan

_TOLD_SECONDS = 10.0
"""Between two lines where nobody watches."""
_KEPT_SECONDS = 2.0
"""Between two writes of steps' reports to the database."""
Settings = TypeVar("Settings", bound=Frozen)
Result = TypeVar("Result")


def validated(kind: type[Settings], settings: Mapping[str, Any]) -> Settings:
    """The settings as a configuration. Raises ``ConfigError`` that names what is wrong with them."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise explain(error) from None


def bench_options(session: Session, workers: int, weak: bool) -> BenchOptions:
    """How answers are judged while a model is trained, on ``workers`` threads."""
    return BenchOptions(
        concurrency=workers,
        sandbox=session.settings.sandbox,
        allow_weak_sandbox=weak or session.settings.allow_weak_sandbox,
        sandbox_prefix=session.sandbox_prefix,
        workspace=session.workspace.root,
    )


def shown(planned: Plan | OnlinePlan, as_json: bool) -> int:
    """Prints a plan. Returns the exit code."""
    emit_json(planned) if as_json else emit(aligned(planned.lines()))
    return DONE


def new_id() -> str:
    """An id for a training run."""
    return f"t{secrets.token_hex(4)}"


def begun(store: Store, config: CommonConfig, new: TrainingRecord) -> TrainingRecord:
    """The run's record, written: a resumed one's own, else ``new``."""
    known = [each for each in store.list_trainings() if each.config.get("output") == str(config.output)]
    resumed = config.resume and known
    record = known[0].model_copy(update={"status": "running", "finished": None}) if resumed else new
    store.record_training(record)
    return record


def ended(record: TrainingRecord, status: str, **made: Any) -> TrainingRecord:
    """The record of a run that is over, with what it made."""
    return record.model_copy(update={"status": status, "finished": time.time(), **made})


@contextmanager
def carried_out(store: Store, record: TrainingRecord, config: CommonConfig, track: str | None) -> Iterator[Journal]:
    """Within it the run is carried out; its journal is told of steps. A run that stops is recorded as stopped, and what
    its checkpoints are worth is recorded in any case.
    """
    try:
        with tracked(track, record.id, record.config, config.output) as tracker:
            yield Journal(store, record, tracker)
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        store.record_training(ended(record, "interrupted" if stopped else "failed"))
        if any((config.output / "checkpoints").glob("step-*")):
            note(f"the last checkpoint is kept; to go on: the same command with --resume --out {config.output}")
        raise
    finally:
        store.record_points(record.id, read_points(config.output))


def held_out_line(points: Sequence[CheckpointPoint]) -> list[str]:
    """How the held-out tasks went before and after, where they were measured."""
    measured = [point for point in points if point.true is not None]
    if len(measured) < 2:
        return []
    before, after = measured[0], measured[-1]
    return [
        f"held out: {100 * (before.true or 0):.1f} % of {before.n} tasks before, {100 * (after.true or 0):.1f} % after"
    ]


class Journal:
    """Is told of every step: shows it, and keeps it in the database, a few at a time."""

    def __init__(self, store: Store, record: TrainingRecord, tracker: Tracker) -> None:
        self._store, self._id, self._algorithm, self._tracker = store, record.id, record.algorithm, tracker
        self._waiting: dict[int, dict[str, Any]] = {}
        self._kept = self._told = time.monotonic()
        self._show: Callable[[str], None] | None = None

    def watch(self, work: Callable[[], Result]) -> Result:
        """Does the work, with a live line where a person watches."""
        with _live() as self._show:
            try:
                return work()
            finally:
                self._keep()

    def __call__(self, report: StepReport) -> None:
        self._waiting[report.step] = report.model_dump(mode="json", exclude_none=True)
        self._tracker(report)
        now = time.monotonic()
        if now - self._kept >= _KEPT_SECONDS:
            self._keep()
        if self._show is not None:
            self._show(_words(self._algorithm, report))
        elif now - self._told >= _TOLD_SECONDS or report.step == report.steps:
            self._told = now
            note(_words(self._algorithm, report))

    def _keep(self) -> None:
        self._store.record_training_steps(self._id, self._waiting)
        self._waiting, self._kept = {}, time.monotonic()


@contextmanager
def _live() -> Iterator[Callable[[str], None] | None]:
    """Shows one changing line on stderr; None where nobody watches."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

    with Status("", console=Console(stderr=True)) as status:
        yield lambda words: status.update(Text(words))


def _words(algorithm: str, report: StepReport) -> str:
    metrics = " · ".join(f"{name} {value:.3g}" for name, value in _first(report.metrics, 3))
    held_out = "" if report.held_out_loss is None else f" · held out {report.held_out_loss:.4f}"
    alarms = "".join(f" · ALARM {alarm}" for alarm in report.alarms or ())
    return (
        f"{algorithm} {report.step}/{report.steps} · loss {report.loss:.4f}{held_out}"
        f"{f' · {metrics}' if metrics else ''} · {count(round(report.tokens_per_second))} tokens/s"
        f" · {seconds(report.seconds_left)} left{alarms}"
    )


def _first(metrics: Mapping[str, float], n: int) -> list[tuple[str, float]]:
    return list(metrics.items())[:n]
