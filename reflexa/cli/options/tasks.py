"""What ``reflexa tasks`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, DataOption, JsonOption, SandboxOption, SplitOption, WeakOption

SuiteArgument = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A suite, its TOML, or a JSONL file in HumanEval's columns.")
]


@dataclass(frozen=True)
class NewOptions:
    """Which suite to make, and of which data."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="The new suite's name.")]
    data: Annotated[str, typer.Option("--from", metavar="FILE", help="Its rows: a JSONL, JSON, CSV or Parquet file.")]
    json: JsonOption = False


@dataclass(frozen=True)
class ListOptions:
    """How to print."""

    json: JsonOption = False


@dataclass(frozen=True)
class ShowOptions:
    """What of which suite."""

    name: SuiteArgument
    task: Annotated[str | None, typer.Argument(metavar="[ID]", help="One of its tasks.")] = None
    split: SplitOption = "test"
    data: DataOption = None
    json: JsonOption = False


@dataclass(frozen=True)
class ValidateOptions:
    """Which suite, and where its solutions run."""

    name: SuiteArgument
    split: SplitOption = "test"
    data: DataOption = None
    json: JsonOption = False
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False


@dataclass(frozen=True)
class AuditOptions:
    """Which suite, and which runs of it."""

    name: SuiteArgument
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="RUN", help="Audit this run's attempts too; may be given several times."),
    ] = None
    verifier: Annotated[
        list[str] | None,
        typer.Option(
            "--verifier", metavar="NAME", help="Audit this verifier; may be given several times. Else the feedback."
        ),
    ] = None
    split: SplitOption = "test"
    data: DataOption = None
    json: JsonOption = False
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False
    database: DatabaseOption = None
