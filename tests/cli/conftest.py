from __future__ import annotations

import os
from pathlib import Path

import pytest

from reflexa.cli.main import run
from tests.cli.support import Cli, Result


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a home of its own: the tests never meet the settings of who runs them."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "home" / name.lower()))
    for name in list(os.environ):
        if name.startswith("REFLEXA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("REFLEXA_DATABASE_URL", str(tmp_path / "runs.db"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command line in this process."""

    def invoke(*arguments: str) -> Result:
        capsys.readouterr()
        code = run(arguments)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return invoke
