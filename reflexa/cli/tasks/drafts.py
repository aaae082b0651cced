"""New suites of the workspace, drafted from a data file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session
from reflexa.cli.text import indented, one_line, plural
from reflexa.errors import UsageError
from reflexa.types import Frozen

if TYPE_CHECKING:
    from reflexa.cli.options.tasks import NewOptions


class NewSuite(Frozen):
    """A suite that was made: its file, its judge, how many tasks each split has, and a prompt to look at."""

    task: str
    path: str
    judge: str
    splits: dict[str, int]
    prompt: str


def new(options: NewOptions) -> int:
    """``reflexa tasks new``."""
    made = make_suite(options.name, Path(options.data), Session.here({}).workspace.tasks)
    if options.json:
        emit_json(made)
        return DONE
    counted = ", ".join(f"{plural(n, 'task')} in {one_line(split)}" for split, n in made.splits.items())
    emit(f"made {one_line(made.path)}: {counted}; judge {made.judge}")
    emit(f"the first prompt:\n{indented(made.prompt)}")
    split = "" if "test" in made.splits else f" --split {one_line(next(iter(made.splits)))}"
    emit(f"next: edit the file · reflexa tasks validate {made.task}{split} · reflexa run --task {made.task}{split}")
    return DONE


def make_suite(name: str, data: Path, folder: Path) -> NewSuite:
    """Writes ``folder/NAME.toml`` over a data file and loads it once; what does not load is not left behind.

    Raises ``UsageError`` for a name that is taken or is none, and for data that cannot be used.
    """
    from reflexa.tasks.drafting import NAME, draft
    from reflexa.tasks.own import read_spec, read_tasks
    from reflexa.tasks.sourcing import Request
    from reflexa.tasks.suites import KNOWN

    if not NAME.fullmatch(name) or name in KNOWN:
        why = "is a built-in suite" if name in KNOWN else "is no name of letters, digits, dots and hyphens"
        raise UsageError(f"{name!r} {why}: choose another name for the suite")
    text = draft(data, folder)
    path = folder / f"{name}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already: choose another name, or edit it") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error})") from None
    try:
        spec = read_spec(path)
        tasks = read_tasks(Request(name), path, spec)
    except UsageError:
        path.unlink()
        raise
    splits = Counter(task.split for task in tasks)
    return NewSuite(
        task=name, path=str(path), judge=spec.judge, splits=dict(splits), prompt=tasks[0].prompt[-1].content
    )
