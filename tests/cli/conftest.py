from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from reflexa.cli.main import run
from tests.cli.support import Cli, Result, learning_script


@dataclass(frozen=True)
class Recorded:
    """A database with three runs of the first four tasks: ``first``, its baseline ``first-retry``, and the oracle
    run ``peeked``; and what was printed when they were made."""

    database: Path
    model: str
    first: Result
    baseline: Result
    peeked: Result


def invoke(*arguments: str) -> Result:
    """A command line in this process."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = run(arguments)
    return Result(code, out.getvalue(), err.getvalue())


def _environment(folder: Path) -> Mapping[str, str]:
    """A home of its own: the tests never meet the settings of who runs them."""
    homes = {f"XDG_{name}_HOME": str(folder / "home" / name.lower()) for name in ("CONFIG", "DATA", "CACHE")}
    return {"HOME": str(folder / "home"), "REFLEXA_DATABASE_URL": str(folder / "runs.db"), **homes}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in; the database is ``../runs.db``."""
    for name in list(os.environ):
        if name.startswith("REFLEXA_"):
            monkeypatch.delenv(name)
    for name, value in _environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def cli(home: Path) -> Cli:
    """Runs a command line in this process, in an empty folder."""
    return invoke


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Made once, for tests that only look."""
    folder = tmp_path_factory.mktemp("recorded")
    model = learning_script(folder / "answers.jsonl")
    common = ("run", "--task", "humaneval", "--limit", "4", "--attempts", "3", "--model", model)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(folder).items():
            patch.setenv(name, value)
        patch.chdir(folder)
        first = invoke(*common, "--name", "first")
        baseline = invoke("run", "--resume", "first", "--baseline", "retry", "--json")
        peeked = invoke(*common, "--name", "peeked", "--feedback", "oracle")
    return Recorded(folder / "runs.db", model, first, baseline, peeked)


@pytest.fixture
def look(recorded: Recorded, home: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command line on the recorded database."""
    monkeypatch.setenv("REFLEXA_DATABASE_URL", str(recorded.database))
    return invoke
