"""What a training run is asked to do: a recipe's settings, under those of the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from reflexa.errors import ConfigError, UsageError, unknown_name

if TYPE_CHECKING:
    from reflexa.cli.options.train import TrainOptions

_PATHS = ("data", "held_out")
_FLAGS = {
    "model": ("model",),
    "epochs": ("epochs",),
    "steps": ("steps",),
    "max_length": ("max_length",),
    "seed": ("seed",),
    "batch": ("batch", "rows"),
    "learning_rate": ("optimizer", "learning_rate"),
    "lora": ("lora", "rank"),
    "task": ("tasks", "suite"),
    "split": ("tasks", "split"),
    "held_out_split": ("tasks", "held_out_split"),
    "verifier": ("tasks", "verifier"),
    "limit": ("tasks", "limit"),
    "held_out_limit": ("tasks", "held_out_limit"),
    "prompts": ("prompts",),
    "samples": ("samples",),
    "max_new_tokens": ("max_new_tokens",),
}
"""Options, and where a recipe holds what they set."""


def settings_of(options: TrainOptions, algorithms: Iterable[str], folder: Path) -> dict[str, Any]:
    """The run's settings as ``TrainConfig`` takes them, or ``OnlineConfig`` (with the table ``tasks`` beside them).

    ``folder`` is the workspace's ``training/``. Raises ``UsageError`` for an unknown name and an unreadable recipe.
    """
    known = list(algorithms)
    named = options.what in known
    settings: dict[str, Any] = {"algorithm": options.what} if named else _recipe(options.what, known, folder)
    for name, place in _FLAGS.items():
        value = getattr(options, name)
        if value is not None:
            _put(settings, place, value)
    for files in _PATHS:
        if given := getattr(options, files):
            settings[files] = [Path(path).expanduser() for path in given]
    assigned(options.set or (), settings)
    return settings


def assigned(assignments: Iterable[str], settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """The settings, with those of ``--set NAME=VALUE`` put in. Raises ``UsageError`` for what is no assignment."""
    settings = {} if settings is None else settings
    for assignment in assignments:
        place, value = _assignment(assignment)
        _put(settings, place, value)
    return settings


def explain(error: ValidationError) -> ConfigError:
    """What is wrong with the settings, by their names."""
    said = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors(include_url=False))
    return ConfigError(f"the training run cannot be set up: {said}")


def _recipe(name: str, algorithms: list[str], folder: Path) -> dict[str, Any]:
    """A recipe's settings; its files stand relative to it."""
    own = {path.stem: path for path in sorted(folder.glob("*.toml"))} if folder.is_dir() else {}
    path = own.get(name, Path(name).expanduser())
    if not path.is_file():
        raise unknown_name("algorithm or recipe", name, [*algorithms, *own])
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a recipe: {error}") from error
    for key in _PATHS:
        if isinstance(files := settings.get(key), list):
            settings[key] = [path.parent / str(file) for file in files]
    return settings


def _assignment(text: str) -> tuple[tuple[str, ...], Any]:
    """``optimizer.clip=0.5`` as a place and a value; what is no TOML value is a word."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--set {text!r}: expected NAME=VALUE, such as options.beta=0.2")
    place = tuple(name.strip().split("."))
    try:
        return place, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return place, value


def _put(settings: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    *tables, last = place
    for table in tables:
        inner = settings.setdefault(table, {})
        if not isinstance(inner, Mapping):
            raise UsageError(f"the setting {'.'.join(place)} cannot be set: {table} is {inner!r}, not a table")
        settings = settings[table]
    settings[last] = value
