"""What ``reflexa runs`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption, RunArgument


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
