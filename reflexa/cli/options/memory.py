"""What ``reflexa memory list``, ``show`` and ``retract`` take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class ListOptions:
    """Which reflections."""

    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Those of this run.")] = None
    task: Annotated[str | None, typer.Option("--task", metavar="ID", help="Those of this task.")] = None
    suite: Annotated[str | None, typer.Option("--suite", metavar="NAME", help="Those of this suite.")] = None
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The newest N.")] = 20
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class ShowOptions:
    """Which reflection or lesson."""

    id: Annotated[str, typer.Argument(metavar="ID", help="A reflection's or lesson's id, or a unique start of it.")]
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class RetractOptions:
    """What turned out bad; without an id, what was retracted is listed."""

    id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="A reflection, lesson, run, data set, training or its checkpoint; RUN/TASK/NUMBER."
        ),
    ] = None
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is shown wherever this matters.")] = (
        ""
    )
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what grew from it, and mark nothing.")] = False
    undo: Annotated[bool, typer.Option("--undo", help="Take the retraction back.")] = False
    json: JsonOption = False
    database: DatabaseOption = None
