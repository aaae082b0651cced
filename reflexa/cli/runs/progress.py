"""How far a run is, while it runs: a live line for a person who watches, an occasional one for a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from reflexa.agent import Tally
from reflexa.cli.output import is_terminal, note
from reflexa.cli.text import count, dollars, one_line, seconds
from reflexa.errors import StoreError

if TYPE_CHECKING:
    from rich.progress import Progress

    from reflexa.memory.episodes.reading import Standing

QUIET_SECONDS = 30.0
"""Between two lines where nobody watches."""
LOOK_SECONDS = 2.0
"""Between two looks at what other processes have done of the run."""


class RunProgress:
    """Shows a run's tally on stderr; a context manager, and the runner's listener.

    ``before`` is what earlier sessions of a resumed run had done. ``standing`` tells of a run that other processes may
    work on where it stands by all of them.
    """

    def __init__(self, title: str, before: Tally, standing: Callable[[], Standing] | None = None) -> None:
        self._title = one_line(title, 40)
        self._before = before
        self._standing = standing
        self._looked = float("-inf")
        self._by_all = before
        self._began = self._told = time.monotonic()
        self._live: Progress | None = _live(self._title, before) if is_terminal(sys.stderr) else None

    def __enter__(self) -> RunProgress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, tally: Tally) -> None:
        """Shows a tally of this session; called from many threads, one at a time."""
        done, words = self.shown(tally)
        if self._live is not None:
            self._live.update(self._live.task_ids[0], completed=done, total=tally.total, state=words)
        elif time.monotonic() - self._told >= QUIET_SECONDS:
            self._told = time.monotonic()
            note(f"{self._title}: {done}/{tally.total} · {words}")

    def shown(self, tally: Tally) -> tuple[int, str]:
        """What is shown for a tally: how many of the run's tasks are done, and in words where it stands."""
        now = time.monotonic()
        if self._standing is not None and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            with suppress(StoreError):  # the run itself will say so
                self._by_all = self._before.model_copy(update=self._standing()._asdict())
        run = _most(_sum(self._before, tally), self._by_all)
        done, since = run.done, run.done - self._before.done
        words = state(run, (tally.total - done) * (now - self._began) / since if since else None)
        return done, f"{tally.done} here · {words}" if since > tally.done else words


def state(tally: Tally, left: float | None) -> str:
    """The tally in words, with the seconds that are left where they are known."""
    words = [f"{tally.solved} solved", f"{tally.failed} failed", f"{tally.retrying} retrying"]
    if tally.errors:
        words.append(f"{tally.errors} errors")
    words.append(f"{count(tally.usage.tokens)} tokens")
    if tally.usage.cost_usd is not None:
        words.append(dollars(tally.usage.cost_usd))
    if left is not None:
        words.append(f"{seconds(left)} left")
    return " · ".join(words)


def _sum(before: Tally, now: Tally) -> Tally:
    return now.model_copy(
        update={
            "solved": before.solved + now.solved,
            "failed": before.failed + now.failed,
            "errors": before.errors + now.errors,
        }
    )


def _most(ours: Tally, by_all: Tally) -> Tally:
    """Our own tally is the newer one, that of all processes the larger."""
    return ours.model_copy(
        update={name: max(getattr(ours, name), getattr(by_all, name)) for name in ("solved", "failed", "errors")}
    )


def _live(title: str, before: Tally) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        refresh_per_second=4,
    )
    progress.add_task(title, total=before.total, completed=before.done, state=state(before, None))
    return progress
