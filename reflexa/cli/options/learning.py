"""What ``reflexa memory distill``, ``utility`` and ``audit`` take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import (
    BOUNDS,
    ApiOption,
    AttemptsOption,
    ConcurrencyOption,
    ContextOption,
    DatabaseOption,
    DataOption,
    JsonOption,
    RangeOption,
    SandboxOption,
    WeakOption,
)

_CostOption = Annotated[
    float | None, typer.Option("--max-cost", min=0, metavar="USD", help="Dollars.", rich_help_panel=BOUNDS)
]
_TokensOption = Annotated[
    int | None, typer.Option("--max-tokens", min=1, metavar="N", help="Tokens.", rich_help_panel=BOUNDS)
]


@dataclass(frozen=True)
class DistillOptions:
    """Of what, and by whom."""

    run: Annotated[str, typer.Option("--run", metavar="RUN", help="The run whose episodes are read.")]
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Who reads them. Without: the model that reflected.")
    ] = None
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Calls at most, for four episodes each.")
    ] = 16
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="NAME", help="Make what is refused otherwise: test-split."),
    ] = None
    json: JsonOption = False
    max_cost: _CostOption = None
    max_tokens: _TokensOption = None
    api_base: ApiOption = None
    context: ContextOption = None
    database: DatabaseOption = None


@dataclass(frozen=True)
class UtilityOptions:
    """Of which lessons."""

    suite: Annotated[str | None, typer.Option("--suite", metavar="NAME", help="Those of this suite.")] = None
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The N that most is known of.")] = 20
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class AuditOptions:
    """Which run, with and without lessons. The names are those of ``RunOptions``, and mean the same."""

    task: Annotated[str, typer.Option("--task", metavar="NAME|FILE", help="The suite.")]
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="As for run.")] = None
    split: Annotated[str | None, typer.Option("--split", metavar="NAME", help="The held-out split (test).")] = None
    limit: RangeOption = None
    memory: Annotated[str, typer.Option("--memory", metavar="SCOPE", help="Lessons of the suite, or all.")] = "suite"
    explore: Annotated[
        float | None, typer.Option("--explore", min=0, metavar="SHARE", help="Leave out this share of the lessons (0).")
    ] = None
    lesson_tokens: Annotated[
        int | None,
        typer.Option("--lesson-tokens", min=1, metavar="N", help="Tokens that a prompt's lessons may take (400)."),
    ] = None
    strategy: Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="As for run.")] = None
    attempts: AttemptsOption = None
    feedback: Annotated[str | None, typer.Option("--feedback", metavar="SOURCE", help="As for run.")] = None
    max_new_tokens: Annotated[
        int | None, typer.Option("--max-new-tokens", min=1, metavar="N", help="Tokens that one answer may have (512).")
    ] = None
    temperature: Annotated[
        float | None, typer.Option("--temperature", min=0, metavar="T", help="For all calls; else the strategy's own.")
    ] = None
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Seeds every call (0).")] = None
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="A name for the run with lessons.")] = None
    data: DataOption = None
    json: JsonOption = False
    max_cost: _CostOption = None
    max_tokens: _TokensOption = None
    concurrency: ConcurrencyOption = None
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False
    api_base: ApiOption = None
    context: ContextOption = None
    database: DatabaseOption = None
