"""Options and arguments that several verbs take."""

from __future__ import annotations

from typing import Annotated

import typer

MEANS = "How it is carried out"
BOUNDS = "What may be spent"

ApiOption = Annotated[
    str | None,
    typer.Option(
        "--api-base", metavar="URL", help="Address of a server that speaks OpenAI's API.", rich_help_panel=MEANS
    ),
]
AttemptsOption = Annotated[
    int | None, typer.Option("--attempts", min=1, metavar="N", help="Attempts that a task may take (5).")
]
ConcurrencyOption = Annotated[
    int | None, typer.Option("--concurrency", min=1, metavar="N", help="Tasks at once.", rich_help_panel=MEANS)
]
ContextOption = Annotated[
    int | None,
    typer.Option(
        "--context", min=16, metavar="N", help="Tokens of context of a model run here (4096).", rich_help_panel=MEANS
    ),
]
DataOption = Annotated[
    str | None, typer.Option("--data", metavar="FILE", help="Read a built-in suite's tasks from this file.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database: a file, sqlite:///FILE or postgresql://USER@HOST/NAME.",
        rich_help_panel=MEANS,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout, and nothing else there.")]
JudgeOption = Annotated[
    str | None, typer.Option("--verifier", metavar="NAME", help="The judge, in place of the suite's own.")
]
OutFolderOption = Annotated[
    str | None, typer.Option("-o", "--out", metavar="FOLDER", help="Where to write; else in training/runs/.")
]
RangeOption = Annotated[
    str | None, typer.Option("--limit", metavar="N|N-M", help="The first N tasks, or the Nth to the Mth.")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique start of it, or its name.")]
SandboxOption = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        metavar="LEVEL",
        help="At least this isolation: double, strong, external, weak.",
        rich_help_panel=MEANS,
    ),
]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="The suite's split.")]
WeakOption = Annotated[
    bool,
    typer.Option(
        "--allow-weak-sandbox", help="Accept a sandbox that hostile code can get out of.", rich_help_panel=MEANS
    ),
]
