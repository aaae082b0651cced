"""Becoming an ordinary user before anything untrusted runs; needs root to test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import reflexa.sandbox.stage

pytestmark = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become someone else")
_UID = 64099


def _stage(readable: list[str], command: list[str], keep_root: bool = False) -> subprocess.CompletedProcess[str]:
    request = {"uid": _UID, "readable": readable, "command": command, "keep_root": keep_root}
    source = Path(reflexa.sandbox.stage.__file__).read_text()
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", source, json.dumps(request)], capture_output=True, text=True, check=False
    )


def _shell() -> str:
    return shutil.which("sh") or pytest.skip("there is no shell")


def test_the_command_runs_as_another_user_without_groups() -> None:
    ran = _stage([], [_shell(), "-c", "id -u; id -G; pwd"])
    assert ran.stdout.split() == [str(_UID), str(_UID), "/"], ran.stderr


def test_what_only_root_can_reach_is_shown_alone(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    inside = closed / "deep" / "library"
    inside.mkdir(parents=True)
    (inside / "module").write_text("shown")
    (closed / "secret").write_text("hidden")
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    closed.chmod(0o700)
    ran = _stage([str(inside)], [_shell(), "-c", f"cat '{inside}/module'; echo; ls '{closed}'; id -u"])
    if "mount name space" in ran.stderr:
        pytest.skip("this root may not mount")
    assert ran.stdout.split() == ["shown", "deep", str(_UID)], ran.stderr
    assert (closed / "secret").read_text() == "hidden"


def test_what_cannot_be_done_ends_it_unless_root_may_stay() -> None:
    missing = ["/proc/1/root/nonexistent/library"]
    assert "cannot be made to run" in _stage(missing, [_shell(), "-c", "id -u"]).stderr
    assert _stage(missing, [_shell(), "-c", "id -u"], keep_root=True).stdout.split() == ["0"]
