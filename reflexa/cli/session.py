"""Where a command works: the workspace, the settings, the database."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.cli.settings import Settings, load_settings
from reflexa.cli.workspace import Workspace, find_workspace
from reflexa.errors import ConfigError

if TYPE_CHECKING:
    from reflexa.memory import Store
    from reflexa.tasks import Suite


@dataclass(frozen=True)
class Session:
    """What holds for one command."""

    workspace: Workspace
    settings: Settings

    @classmethod
    def here(cls, flags: Mapping[str, Any]) -> Session:
        """The current folder's session. Flags that are None were not given. Raises ``ConfigError``."""
        workspace = find_workspace()
        return cls(workspace, load_settings(workspace, flags))

    @property
    def database(self) -> str:
        """The database's URL or path. It may hold a password: it is not for printing."""
        return self.settings.database_url or self.workspace.database_url

    @property
    def sandbox_prefix(self) -> tuple[str, ...]:
        """The words of the command that isolates another, for the level ``external``. Raises ``ConfigError``."""
        try:
            return tuple(shlex.split(self.settings.sandbox_prefix))
        except ValueError as error:
            raise ConfigError(f"sandbox_prefix {self.settings.sandbox_prefix!r} is no command ({error})") from error

    def open_store(self) -> Store:
        """The database, made or upgraded where it must be. Raises ``StoreError``."""
        from reflexa.memory import Store
        from reflexa.models.embedding import open_embedder

        embedder = open_embedder(self.settings.embedder)
        store = Store.open(self.database)
        store.use_embedder(embedder)
        return store

    def load_suite(self, name: str, split: str = "test", data: str | None = None) -> Suite:
        """A suite by name or file, read from the file ``data`` where it is given. Raises ``UsageError``."""
        from reflexa.tasks import load_suite

        return load_suite(name, split=split, workspace=self.workspace.root, data=Path(data) if data else None)


def open_store(database: str | None) -> Store:
    """The database that a verb's ``--database`` or the settings name."""
    return Session.here({"database_url": database}).open_store()


def suite_reference(name: str) -> str:
    """What finds the suite again from any folder: its name, or the file's absolute path."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_file() and (path.suffix or "/" in name) else name
