"""The command lines."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox.launch import command, install_hint, interpreter, readable_paths, running_tasks


def test_the_interpreter_is_the_real_one() -> None:
    assert Path(interpreter()).is_file()
    assert not Path(interpreter()).is_symlink()
    assert Path(interpreter()).is_relative_to(Path(sys.base_prefix).resolve())


def test_readable_paths_hold_the_standard_library_and_no_home() -> None:
    paths = [Path(path) for path in readable_paths()]
    library = Path(os.__file__).resolve()
    assert any(library.is_relative_to(path) for path in paths)
    assert not any(Path.home().is_relative_to(path) or Path("/etc/passwd").is_relative_to(path) for path in paths)
    if sys.prefix != sys.base_prefix:
        assert not any(Path(sys.prefix).is_relative_to(path) for path in paths)


def test_an_external_command_runs_the_worker_behind_its_prefix() -> None:
    line = command("external", ("docker", "run", "-i", "python:3.12"))
    assert line[:5] == ["docker", "run", "-i", "python:3.12", "python3"]


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
def test_double_needs_bubblewrap() -> None:
    if shutil.which("bwrap") is None:
        with pytest.raises(SandboxError, match="bubblewrap is not installed"):
            command("double", ())
        assert "bubblewrap" in (install_hint() or "")
    else:
        line = " ".join(command("double", ()))
        assert "--unshare-all" in line
        assert "--remount-ro" in line
        assert install_hint() is None


def test_running_tasks_leave_room() -> None:
    assert running_tasks() > 500
