"""The folder that a user works in: where it is, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import platformdirs

CONFIG_NAME = "reflexa.toml"
FOLDERS = ("tasks", "verifiers", "memory", "training")


@dataclass(frozen=True)
class Workspace:
    """A folder with a ``reflexa.toml``; or, where there is none, the user's own data folder (``personal``)."""

    root: Path
    personal: bool = False

    @property
    def config(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def tasks(self) -> Path:
        return self.root / "tasks"

    @property
    def verifiers(self) -> Path:
        return self.root / "verifiers"

    @property
    def memory(self) -> Path:
        return self.root / "memory"

    @property
    def training(self) -> Path:
        return self.root / "training"

    @property
    def database_url(self) -> str:
        """Where the database is as long as nothing else is configured. Nothing is made on disk."""
        return f"sqlite:///{quote(str(self.memory / 'reflexa.db'))}"


def find_workspace(start: Path | None = None) -> Workspace:
    """The nearest workspace at or above ``start`` (the current folder); the user's data folder where there is none."""
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / CONFIG_NAME).is_file():
            return Workspace(candidate)
    return Workspace(platformdirs.user_data_path("reflexa", appauthor=False), personal=True)


def user_config() -> Path:
    """The user's own configuration file, which holds for all workspaces; it need not exist."""
    return platformdirs.user_config_path("reflexa", appauthor=False) / "config.toml"
