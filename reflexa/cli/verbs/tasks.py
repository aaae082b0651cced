"""``reflexa tasks``: suites, and whether they and their feedback can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import DatabaseOption, JsonOption, SandboxOption, WeakOption

SUMMARY = "Make, list, show, validate and audit task suites."

SuiteArgument = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A suite, its TOML, or a JSONL file in HumanEval's columns.")
]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="The suite's split.")]
DataOption = Annotated[
    str | None, typer.Option("--data", metavar="FILE", help="Read a built-in suite's tasks from this file.")
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


def new(options: NewOptions) -> int:
    """Make a suite of a data file: writes a TOML into the workspace's tasks/, ready to be used and edited."""
    from reflexa.cli.drafts import new

    return new(options)


def list_all(options: ListOptions) -> int:
    """List the suites: the built-in ones and the workspace's."""
    from reflexa.cli.suites import list_all

    return list_all(options)


def show(options: ShowOptions) -> int:
    """Show a suite, or one of its tasks as the agent sees it."""
    from reflexa.cli.suites import show

    return show(options)


def validate(options: ValidateOptions) -> int:
    """Judge the suite's own solutions and wrong answers, and look for answers in prompts. No model is needed."""
    from reflexa.cli.suites import validate

    return validate(options)


def audit(options: AuditOptions) -> int:
    """Measure how often the feedback errs: on the suite's own solutions, on wrong answers, and on recorded attempts."""
    from reflexa.cli.suites import audit

    return audit(options)


app = verbs(SUMMARY)
add_verb(app, "new", NewOptions, new)
add_verb(app, "list", ListOptions, list_all)
add_verb(app, "show", ShowOptions, show)
add_verb(app, "validate", ValidateOptions, validate)
add_verb(app, "audit", AuditOptions, audit)
