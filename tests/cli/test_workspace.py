from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from reflexa.cli.workspace import FOLDERS, Workspace, find_workspace, user_config


def test_the_nearest_folder_with_a_config_is_the_workspace(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    deep = inner / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "outer" / "reflexa.toml").touch()
    assert find_workspace(deep) == Workspace(tmp_path / "outer")
    (inner / "reflexa.toml").touch()
    assert find_workspace(deep) == Workspace(inner)
    assert find_workspace(inner) == Workspace(inner)


def test_a_folder_called_like_the_config_makes_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "reflexa.toml").mkdir()
    assert find_workspace(tmp_path).personal


def test_outside_a_workspace_the_users_data_folder_is_taken_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    workspace = find_workspace(tmp_path)
    assert workspace == Workspace(platformdirs.user_data_path("reflexa", appauthor=False), personal=True)
    assert workspace.root.is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_current_folder_is_where_the_search_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reflexa.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert find_workspace() == Workspace(tmp_path.resolve())


def test_the_four_folders_stand_in_the_root() -> None:
    workspace = Workspace(Path("/w"))
    folders = [workspace.tasks, workspace.verifiers, workspace.memory, workspace.training]
    assert [folder.relative_to("/w").as_posix() for folder in folders] == list(FOLDERS)
    assert user_config().name == "config.toml"


@pytest.mark.parametrize("name", ["plain", "with space", "per%20cent", "que?ry#mark", "ünïcode"])
def test_the_database_url_means_the_same_file_whatever_the_folder_is_called(name: str) -> None:
    from sqlalchemy import make_url

    root = Path("/work spaces") / name
    assert make_url(Workspace(root).database_url).database == str(root / "memory" / "reflexa.db")
