from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reflexa.cli.installer import Installer, SetupError

ABSENT = ("--no-index", "--find-links", "/nonexistent", "a-package-that-is-not-there")


def test_a_failure_says_why_and_where_the_whole_output_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("what stood there before: No space left on device\n", encoding="utf-8")
    with pytest.raises(SetupError) as caught:
        Installer(Path(sys.executable), log).install("--dry-run", *ABSENT)
    message = str(caught.value)
    assert message.startswith("the package index cannot be reached, or lacks a file")
    assert "No matching distribution found for a-package-that-is-not-there" in message
    assert str(log) in message
    assert "what stood there before" in log.read_text(encoding="utf-8")


def test_without_a_log_the_output_is_shown_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SetupError, match="failed with exit code 1: the reason is shown above"):
        Installer(Path(sys.executable)).install("--dry-run", *ABSENT)
    shown = capfd.readouterr()
    assert "No matching distribution" in shown.err
    assert shown.out == ""


def test_a_users_redirections_and_the_current_folder_do_not_reach_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit('a folder called pip was run')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))
    Installer(Path(sys.executable), tmp_path / "log").install("--no-index", "pip")
    assert "Requirement already satisfied: pip" in (tmp_path / "log").read_text(encoding="utf-8")
    assert not (tmp_path / "target").exists()


def test_what_is_locked_is_not_taken_without_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    (tmp_path / "tiny-1.0-py3-none-any.whl").touch()
    lock = tmp_path / "part.lock"
    lock.write_text("tiny==1.0\n", encoding="utf-8")
    with pytest.raises(SetupError, match="Hashes are required in --require-hashes mode"):
        Installer(Path(sys.executable), tmp_path / "log").install_locked(lock)
