"""Suites by name or by file, and parts of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reflexa.errors import UsageError, unknown_name
from reflexa.tasks import humaneval, own, tooled
from reflexa.tasks.registry import BUILTINS, Builtin
from reflexa.tasks.sourcing import Request
from reflexa.tasks.suite import Suite, SuiteInfo

_SUFFIXES = (".jsonl", ".jsonl.gz", ".toml")


def load_suite(
    name_or_path: str, *, split: str = "test", workspace: Path | None = None, data: Path | None = None
) -> Suite:
    """A built-in suite (``NAME`` or ``NAME:ARGUMENT``), one of the workspace's ``tasks/``, or a file.

    A file is a suite's TOML, or tasks in HumanEval's columns. ``data`` is the file that a suite's rows are read from.
    Raises ``UsageError`` for unknown names and splits and for files that cannot be used.
    """
    return _load(Request(name_or_path, "", split, data, workspace))


def _load(request: Request) -> Suite:
    """What the request's name, as it was given, means."""
    files = _workspace_files(request.workspace)
    if request.name in files:
        return _from_file(request, files[request.name])
    name, _, argument = request.name.partition(":")
    if name in KNOWN:
        return _builtin(replace(request, name=name, argument=argument))
    path = Path(request.name).expanduser()
    if request.name.endswith(_SUFFIXES) or path.is_file():
        return _from_file(replace(request, name=_stem(path)), path)
    raise unknown_name("suite", request.name, [*KNOWN, *files])


KNOWN: dict[str, Builtin] = {
    **BUILTINS,
    "tools": Builtin(
        tooled.DESCRIPTION,
        tooled.SOURCE,
        lambda request: tooled.load(request, _load),
        splits=(),
        argument="TOOL[+TOOL]:SUITE",
    ),
}
"""The built-in suites by name, with the one that is made of others by theirs."""


def list_suites(workspace: Path | None = None) -> list[SuiteInfo]:
    """All suites that ``load_suite`` knows by name: the built-in ones first, then the workspace's."""
    files = _workspace_files(workspace)
    found = [
        SuiteInfo(name=name, n=each.n, description=each.summary, source=each.source, argument=each.argument)
        for name, each in KNOWN.items()
        if name not in files
    ]
    return [*found, *(_info(name, path) for name, path in files.items())]


def _builtin(request: Request) -> Suite:
    builtin = KNOWN[request.name]
    if request.argument and not builtin.argument:
        raise UsageError(f"the suite {request.name} takes no argument: write {request.name}")
    if builtin.splits and request.split not in builtin.splits:
        raise UsageError(f"suite {request.name} has no split {request.split!r}: it has {', '.join(builtin.splits)}")
    return builtin.load(request)


def _info(name: str, path: Path) -> SuiteInfo:
    """What a file holds. Data sets of the hub are not fetched for it."""
    try:
        spec = own.read_spec(path) if path.suffix == ".toml" else None
        if spec is not None and spec.data.hub is not None:
            return SuiteInfo(name=name, n=None, description=spec.description, source=f"{spec.data.hub} on the hub")
        suite = _from_file(Request(name), path)
    except UsageError as error:
        return SuiteInfo(name=name, n=None, description=str(error), source=str(path))
    return SuiteInfo(name=name, n=len(suite.tasks), description=suite.description, source=suite.source)


def select(suite: Suite, *, limit: str | int | None = None, only: Sequence[str] = ()) -> Suite:
    """The part of a suite with the tasks named in ``only``, and of these the first ``"20"`` or the ``"5-10"``th.

    A task may be named by the last part of its id: ``7`` is ``HumanEval/7``. Positions count from 1, ends included.
    Raises ``UsageError`` for unknown tasks and for limits that leave none.
    """
    tasks = suite.tasks
    if only:
        wanted = {_task_id(suite, name) for name in only}
        tasks = tuple(task for task in tasks if task.id in wanted)
    if limit is not None:
        first, last = _range(str(limit).strip(), len(tasks))
        tasks = tasks[first - 1 : last]
    return suite.model_copy(update={"tasks": tasks})


def _task_id(suite: Suite, name: str) -> str:
    ids = [task.id for task in suite.tasks]
    if name in ids:
        return name
    matching = [task_id for task_id in ids if task_id.rsplit("/", 1)[-1] == name]
    if len(matching) > 1:
        raise UsageError(f"task {name!r} could be {' or '.join(matching[:5])}: give the whole id")
    if not matching:
        raise unknown_name(f"task of suite {suite.name}", name, ids)
    return matching[0]


def _range(limit: str, n: int) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", limit)
    if match is None:
        raise UsageError(f"limit {limit!r}: expected a number such as 20, or a range such as 5-10")
    first, last = (1, int(match[1])) if match[2] is None else (int(match[1]), int(match[2]))
    if last < 1 or first < 1 or last < first:
        raise UsageError(f"limit {limit!r} leaves no task: expected at least 1, or a range that counts from 1 upwards")
    if first > n:
        raise UsageError(f"limit {limit!r} begins behind the last of {n} tasks: expected a start of at most {n}")
    return first, last


def _from_file(request: Request, path: Path) -> Suite:
    if path.suffix == ".toml":
        return own.load(request, path)
    return humaneval.suite_from_file(request.name, path, request.split, f"tasks of {path.name}", str(path))


def _workspace_files(workspace: Path | None) -> dict[str, Path]:
    """The workspace's own suites by name."""
    folder = workspace / "tasks" if workspace else None
    if folder is None or not folder.is_dir():
        return {}
    return {_stem(path): path for path in sorted(folder.iterdir()) if path.name.endswith(_SUFFIXES)}


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".toml") or path.name
