"""``reflexa memory``: the reflections and lessons that were kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import DatabaseOption, JsonOption
from reflexa.cli.verbs.backups import add_backups
from reflexa.cli.verbs.learning import add_learning
from reflexa.cli.verbs.lessons import add_lessons

SUMMARY = "What is remembered: reflections, and lessons from other tasks."


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


def list_reflections(options: ListOptions) -> int:
    """List reflections, newest first."""
    from reflexa.cli.history import show_reflections

    return show_reflections(options)


def show(options: ShowOptions) -> int:
    """Show one reflection or lesson in full."""
    from reflexa.cli.history import show_reflection

    return show_reflection(options)


def retract(options: RetractOptions) -> int:
    """Mark what turned out bad, and all that grew from it. Nothing is deleted; without an ID, list what was marked."""
    from reflexa.cli.why import retract as carry_out

    return carry_out(options)


app = verbs(SUMMARY)
add_verb(app, "list", ListOptions, list_reflections)
add_verb(app, "show", ShowOptions, show)
add_verb(app, "retract", RetractOptions, retract)
add_lessons(app)
add_learning(app)
add_backups(app)
