from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from reflexa.cli.init import init_workspace
from reflexa.cli.settings import Settings
from reflexa.cli.workspace import FOLDERS, Workspace, find_workspace
from reflexa.errors import UsageError


def test_a_new_folder_becomes_a_workspace(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "one"
    made = init_workspace(folder)
    assert find_workspace(folder / "tasks") == Workspace(folder)
    assert all(path.is_file() for path in made)
    assert {path.parent.name for path in made} == {"one", *FOLDERS}
    assert not list(folder.rglob("__init__.py"))


def test_the_settings_that_it_shows_are_the_defaults(tmp_path: Path) -> None:
    init_workspace(tmp_path)
    text = (tmp_path / "reflexa.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    shown = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE))
    assert shown.pop("database_url") == "memory/reflexa.db"
    assert shown == {name: Settings.model_fields[name].default for name in shown}
    assert "model" in shown


def test_a_workspace_is_not_touched_again(tmp_path: Path) -> None:
    (tmp_path / "reflexa.toml").write_text("attempts = 2", encoding="utf-8")
    with pytest.raises(UsageError, match="is a workspace already"):
        init_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["reflexa.toml"]
    assert (tmp_path / "reflexa.toml").read_text(encoding="utf-8") == "attempts = 2"


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "README.md").write_text("mine", encoding="utf-8")
    made = init_workspace(tmp_path)
    assert (tmp_path / "tasks" / "README.md") not in made
    assert (tmp_path / "tasks" / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no workspace can be made in"):
        init_workspace(tmp_path / "file")
