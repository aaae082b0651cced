"""Options and arguments that several verbs take."""

from __future__ import annotations

from typing import Annotated

import typer

MEANS = "How it is carried out"

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
WeakOption = Annotated[
    bool,
    typer.Option(
        "--allow-weak-sandbox", help="Accept a sandbox that hostile code can get out of.", rich_help_panel=MEANS
    ),
]
