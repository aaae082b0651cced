"""What the database's story is told of: runs, attempts, reflections, data sets, trainings, models, each by its name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from reflexa.errors import UsageError
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.types import RunConfig

Kind = Literal["improvement", "model", "training", "dataset", "row", "label", "attempt", "run", "lesson", "reflection"]
"""``model`` is a checkpoint folder, or what else a model string names; ``label`` an AI judge's of two answers."""


class Node(NamedTuple):
    """One thing. ``id`` of an attempt is RUN/TASK/NUMBER, of a row DATASET/NUMBER, both counted from 1.

    That of a label of attempts A and B is RUN/TASK/A-B/STANDARDS@VERSION.
    """

    kind: Kind
    id: str

    @property
    def key(self) -> str:
        """The one text that names it in the database."""
        return f"{self.kind} {self.id}"

    @classmethod
    def of_key(cls, key: str) -> Node:
        kind, _, name = key.partition(" ")
        return cls(next(known for known in get_args(Kind) if known == kind), name)

    def __str__(self) -> str:
        return f"{_WORDS.get(self.kind, self.kind)} {self.id}"


_WORDS: dict[Kind, str] = {"dataset": "data set"}
_LABEL = re.compile(r"(?P<run>[^/]+)/(?P<task>.+)/(?P<a>[1-9]\d*)-(?P<b>[1-9]\d*)/(?P<by>.+)@(?P<version>[^@]+)", re.S)


def attempt_node(key: AttemptKey) -> Node:
    return Node("attempt", f"{key.run}/{key.task}/{key.attempt + 1}")


def attempt_key(name: str) -> AttemptKey:
    """The attempt that RUN/TASK/NUMBER names. Raises ``UsageError`` for what has another form."""
    run, _, rest = name.partition("/")
    task, _, number = rest.rpartition("/")
    if not (run and task and number.isdecimal() and int(number) > 0):
        raise UsageError(f"{name!r} names no attempt: expected RUN/TASK/NUMBER, the first attempt being 1")
    return AttemptKey(run, task, int(number) - 1)


class LabelKey(NamedTuple):
    """What names an AI judge's label of attempts ``a`` and ``b``, counted from 0."""

    run: str
    task: str
    a: int
    b: int
    by: str
    version: str

    @property
    def attempts(self) -> tuple[AttemptKey, AttemptKey]:
        return AttemptKey(self.run, self.task, self.a), AttemptKey(self.run, self.task, self.b)


def label_node(key: LabelKey) -> Node:
    return Node("label", f"{key.run}/{key.task}/{key.a + 1}-{key.b + 1}/{key.by}@{key.version}")


def label_key(name: str) -> LabelKey | None:
    """The label that RUN/TASK/A-B/STANDARDS@VERSION names; None for what has another form."""
    found = _LABEL.fullmatch(name)
    if found is None:
        return None
    return LabelKey(
        found["run"], found["task"], int(found["a"]) - 1, int(found["b"]) - 1, found["by"], found["version"]
    )


def folder_named(spec: str) -> str | None:
    """The folder that a model or verifier string names by an absolute path, with or without a prefix (``hf:``).

    None for any other name: what is recorded is absolute, and ``org/model`` may well be a hub's.
    """
    prefix, colon, rest = spec.partition(":")
    path = Path(rest if colon and "/" not in prefix else spec)
    if path.parts[:1] == ("~",):
        path = path.expanduser()
    return str(path.resolve()) if path.is_absolute() else None


def is_within(path: str, folder: str) -> bool:
    """Whether an absolute path is the folder or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def training_folders(config: Mapping[str, Any], checkpoint: str | None) -> tuple[str, ...]:
    """The folders, as absolute paths, that a training run's checkpoints lie in."""
    named = (folder_named(str(each)) for each in (config.get("output"), checkpoint) if each)
    return tuple(dict.fromkeys(folder for folder in named if folder is not None))


def judges_of(names: str) -> list[str]:
    """The models that a label's judge names: several where they were a panel."""
    return names.split(", ")


def models_of(config: RunConfig) -> tuple[str, ...]:
    """Every model that a run answers, reflects or judges with, as it was named; the policy first."""
    named = (config.model, config.reflector_model, config.tester_model, config.judge_model)
    scorers = (spec for spec in (config.judge, config.feedback) if spec and ":" in spec)
    return tuple(dict.fromkeys(spec for spec in (*named, *scorers) if spec))
