from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.session import Session, open_store, suite_reference
from reflexa.errors import ConfigError, UsageError


def test_a_flag_comes_before_the_environment(home: Path) -> None:
    assert Session.here({}).database == str(home.parent / "runs.db")
    assert Session.here({"database_url": "other.db"}).database == "other.db"


def test_without_any_setting_the_database_is_the_workspaces(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFLEXA_DATABASE_URL")
    (home / "reflexa.toml").touch()
    with open_store(None) as store:
        assert store.list_runs() == []
    assert (home / "memory" / "reflexa.db").is_file()


def test_a_folder_with_a_space_holds_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.delenv("REFLEXA_DATABASE_URL")
    folder = tmp_path / "my work%20 ü"
    folder.mkdir()
    (folder / "reflexa.toml").touch()
    monkeypatch.chdir(folder)
    with open_store(None) as store:
        assert store.list_runs() == []
    assert (folder / "memory" / "reflexa.db").is_file()


def test_a_suite_of_the_workspace_is_found_by_name(home: Path) -> None:
    with pytest.raises(UsageError, match="unknown suite 'mine'"):
        Session.here({}).load_suite("mine")


def test_a_file_is_referred_to_by_its_absolute_path_and_a_suite_by_its_name(home: Path) -> None:
    (home / "mine.jsonl").touch()
    assert suite_reference("mine.jsonl") == str(home / "mine.jsonl")
    assert suite_reference("humaneval") == "humaneval"


def test_the_isolating_command_is_read_as_a_shell_would(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFLEXA_SANDBOX_PREFIX", "docker run -i --network none 'my image'")
    assert Session.here({}).sandbox_prefix == ("docker", "run", "-i", "--network", "none", "my image")
    monkeypatch.setenv("REFLEXA_SANDBOX_PREFIX", "docker 'run")
    with pytest.raises(ConfigError, match="is no command"):
        _ = Session.here({}).sandbox_prefix
