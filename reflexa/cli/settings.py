"""What is configured: flags over ``REFLEXA_*`` over ``reflexa.toml`` over the user's own file over defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from reflexa.cli.workspace import Workspace, find_workspace, user_config
from reflexa.errors import ConfigError
from reflexa.types import MemoryScope, SandboxLevel, ToolForm

ENV_PREFIX = "REFLEXA_"


class Settings(BaseSettings):
    """What may be configured besides what a run is asked to do. Keys of providers never stand here.

    ``max_cost`` is in dollars, ``max_tokens`` counts prompts and answers, ``max_seconds`` is wall-clock time: each
    bounds a whole run. ``max_new_tokens`` bounds one answer. ``sandbox_prefix`` is a command that isolates the one
    behind it (``runsc do``), as in a shell. ``database_url`` None means the workspace's own.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_ignore_empty=True)

    database_url: str | None = None
    model: str = "embedded"
    reflector_model: str | None = None
    tester_model: str | None = None
    judge_model: str | None = None
    api_base: str | None = None
    strategy: str = "reflexion"
    feedback: str = "auto"
    attempts: int = Field(default=5, ge=1)
    reflections: int = Field(default=3, ge=0)
    concurrency: int = Field(default=4, ge=1)
    temperature: float | None = Field(default=None, ge=0.0)
    max_new_tokens: int = Field(default=512, ge=1)
    tools: ToolForm = "auto"
    memory: MemoryScope = "episode"
    explore: float = Field(default=0.0, ge=0.0, lt=1.0)
    lesson_tokens: int = Field(default=400, ge=1)
    embedder: str = "none"
    sandbox: SandboxLevel | None = None
    allow_weak_sandbox: bool = False
    sandbox_prefix: str = ""
    max_cost: float | None = Field(default=None, gt=0.0)
    max_tokens: int | None = Field(default=None, ge=1)
    max_seconds: float | None = Field(default=None, gt=0.0)


@dataclass(frozen=True)
class _Layer:
    """One place where settings are written down, and the values found there."""

    name: str
    values: Mapping[str, Any]


def load_settings(workspace: Workspace | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings that hold in ``workspace`` (the current one). Flags that are None were not given.

    Raises ``ConfigError`` that names the place, the setting, what was found and what may stand there.
    """
    workspace = workspace or find_workspace()
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    files = [_from_workspace(workspace), _read(user_config())]
    try:
        return _layered(files)(**given)
    except ValidationError as error:
        raise ConfigError(_explain(error, given, files)) from error
    except SettingsError as error:
        raise ConfigError(f"an environment variable {ENV_PREFIX}… cannot be read: {error}") from error


def _layered(files: Sequence[_Layer]) -> type[Settings]:
    """``Settings`` that also read these files, the first before the second."""

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            layers = (InitSettingsSource(settings_cls, dict(layer.values)) for layer in files)
            return (init_settings, env_settings, *layers)

    return Layered


def _read(path: Path) -> _Layer:
    """A file's settings; none where there is no such file."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _Layer(str(path), {})
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): give read permission, or remove it") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for key in values:
        if key not in Settings.model_fields:
            near = get_close_matches(key, Settings.model_fields, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(Settings.model_fields))}"
            raise ConfigError(f"{path}: unknown setting {key!r}: {hint}")
    return _Layer(str(path), values)


def _from_workspace(workspace: Workspace) -> _Layer:
    """The workspace's settings. A database given there as a path stands relative to the workspace, not to the shell."""
    layer = _read(workspace.config)
    url = layer.values.get("database_url")
    if not isinstance(url, str) or "://" in url:
        return layer
    return _Layer(layer.name, {**layer.values, "database_url": str(workspace.root / url)})


def _explain(error: ValidationError, flags: Mapping[str, Any], files: Sequence[_Layer]) -> str:
    return "; ".join(
        f"{_place(str(found['loc'][0]), flags, files)} is {found['input']!r}: {found['msg']}"
        for found in error.errors()
    )


def _place(setting: str, flags: Mapping[str, Any], files: Sequence[_Layer]) -> str:
    """Where the setting's value came from."""
    if setting in flags:
        return f"--{setting.replace('_', '-')}"
    variable = f"{ENV_PREFIX}{setting.upper()}"
    if os.environ.get(variable):
        return variable
    return next(f"{setting} in {layer.name}" for layer in files if setting in layer.values)
