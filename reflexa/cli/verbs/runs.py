"""``reflexa runs``: what was run, and what happened in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import DatabaseOption, JsonOption, RunArgument

SUMMARY = "List and show runs."


@dataclass(frozen=True)
class ListOptions:
    """Which runs."""

    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The newest N runs.")] = 20
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class ShowOptions:
    """Which run, and what of it."""

    run: RunArgument
    task: Annotated[
        str | None, typer.Option("--task", metavar="ID", help="This task alone, with all that was said in it.")
    ] = None
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class LogOptions:
    """Which run, and where its log goes."""

    run: RunArgument
    out: Annotated[
        str | None, typer.Option("-o", "--out", metavar="FILE", help="A .eval or .json file; else RUN.eval, here.")
    ] = None
    json: JsonOption = False
    database: DatabaseOption = None


def list_runs(options: ListOptions) -> int:
    """List the runs, newest first."""
    from reflexa.cli.history import show_runs

    return show_runs(options)


def show(options: ShowOptions) -> int:
    """Show a run: its table and, task by task, attempts, verdicts and reflections.

    With --task: every attempt's answer, its feedback, and what the judge said.
    """
    from reflexa.cli.history import show_run

    return show_run(options)


def log(options: LogOptions) -> int:
    """Write a run as a log of Inspect, which `inspect view` opens.

    An episode is a sample, with its attempts, feedback, reflections and verdicts.
    """
    from reflexa.cli.logs import write_run_log

    return write_run_log(options)


app = verbs(SUMMARY)
add_verb(app, "list", ListOptions, list_runs)
add_verb(app, "show", ShowOptions, show)
add_verb(app, "log", LogOptions, log)
