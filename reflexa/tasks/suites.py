"""Suites by name or by file, and parts of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from reflexa.errors import UsageError, unknown_name
from reflexa.tasks import humaneval
from reflexa.types import Frozen, Task

_SUFFIXES = (".jsonl", ".jsonl.gz")


class Suite(Frozen):
    """Tasks that are judged alike. ``digest`` is the sha256 of the whole suite, also where ``tasks`` is a part."""

    name: str
    split: str = "test"
    tasks: tuple[Task, ...]
    description: str = ""
    source: str = ""
    digest: str
    judge: Literal["hidden-tests"] = "hidden-tests"


class SuiteInfo(Frozen):
    """A suite that can be loaded by ``name``. ``n`` is the number of its tasks, None where its file is unusable."""

    name: str
    n: int | None
    description: str
    source: str


def load_suite(name_or_path: str, *, split: str = "test", workspace: Path | None = None) -> Suite:
    """The suite ``humaneval``, one of the workspace's ``tasks/NAME.jsonl[.gz]``, or a file in HumanEval's columns.

    Raises ``UsageError`` for unknown names and splits and for files that cannot be used.
    """
    own = _workspace_files(workspace)
    if name_or_path in own:
        return _from_file(name_or_path, own[name_or_path], split, f"tasks of {own[name_or_path].name}")
    if name_or_path == "humaneval":
        return _from_file("humaneval", humaneval.package_file(), split, humaneval.DESCRIPTION, humaneval.SOURCE)
    path = Path(name_or_path).expanduser()
    if name_or_path.endswith(_SUFFIXES) or path.is_file():
        return _from_file(_stem(path), path, split, f"tasks of {path.name}")
    raise unknown_name("suite", name_or_path, ["humaneval", *own])


def list_suites(workspace: Path | None = None) -> list[SuiteInfo]:
    """All suites that ``load_suite`` knows by name: the built-in ones first, then the workspace's."""
    own = _workspace_files(workspace)
    names = ["humaneval", *(name for name in own if name != "humaneval")]
    return [_info(name, workspace, own.get(name)) for name in names]


def _info(name: str, workspace: Path | None, path: Path | None) -> SuiteInfo:
    try:
        suite = load_suite(name, workspace=workspace)
    except UsageError as error:
        return SuiteInfo(name=name, n=None, description=str(error), source=str(path or humaneval.SOURCE))
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


def _from_file(name: str, path: Path, split: str, description: str, source: str | None = None) -> Suite:
    rows = humaneval.read_problems_file(path)
    splits = sorted({row.split for row in rows})
    if split not in splits:
        raise UsageError(f"suite {name} has no split {split!r}: it has {', '.join(splits)}")
    tasks = tuple(humaneval.task_from_row(row, name) for row in rows if row.split == split)
    return Suite(
        name=name,
        split=split,
        tasks=tasks,
        description=description,
        source=source or str(path),
        digest=_digest(rows),
    )


def _digest(rows: Sequence[humaneval.HumanEvalRow]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.model_dump_json().encode() + b"\n")
    return digest.hexdigest()


def _workspace_files(workspace: Path | None) -> dict[str, Path]:
    """The workspace's own suites by name."""
    folder = workspace / "tasks" if workspace else None
    if folder is None or not folder.is_dir():
        return {}
    return {_stem(path): path for path in sorted(folder.iterdir()) if path.name.endswith(_SUFFIXES)}


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl") or path.name
