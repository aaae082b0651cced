"""What ``reflexa memory search``, ``add``, ``review``, ``import``, ``export``, ``stats`` and ``prune`` take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption

EmbedderOption = Annotated[
    str | None,
    typer.Option("--embedder", metavar="NAME", help="Vectors by none, wordllama, litellm:MODEL or st:MODEL."),
]
_SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="The split of what it comes from.")]


@dataclass(frozen=True)
class SearchOptions:
    """For what, and where."""

    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words, or a whole task.")]
    suite: Annotated[str | None, typer.Option("--suite", metavar="NAME", help="Lessons of this suite alone.")] = None
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, metavar="N", help="The best N.")] = 5
    embedder: EmbedderOption = None
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class AddOptions:
    """A lesson of a person's own."""

    text: Annotated[str, typer.Argument(metavar="TEXT", help="The lesson.")]
    suite: Annotated[str, typer.Option("--suite", metavar="NAME", help="The suite that it is for.")]
    split: _SplitOption = "train"
    embedder: EmbedderOption = None
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class ReviewOptions:
    """Which lessons, and what becomes of them; without --accept and --reject they are shown."""

    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A lesson's id; without it, all that wait are listed.")
    ] = None
    pack: Annotated[str | None, typer.Option("--pack", metavar="NAME", help="All lessons of this pack that wait.")] = (
        None
    )
    accept: Annotated[bool, typer.Option("--accept", help="Let it be recalled: you have read it.")] = False
    reject: Annotated[bool, typer.Option("--reject", help="Drop it.")] = False
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = ""
    embedder: EmbedderOption = None
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class ImportOptions:
    """Which pack."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="A lesson pack: JSON objects, one a line.")]
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The pack's name; else the file's without ending.")
    ] = None
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class ExportOptions:
    """Which lessons, and where to."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new pack.")]
    suite: Annotated[str | None, typer.Option("--suite", metavar="NAME", help="Lessons of this suite alone.")] = None
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class StatsOptions:
    """Of which database."""

    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class PruneOptions:
    """What may go."""

    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="KIND...", help="unused, dropped (lessons), calls, texts (of runs).")
    ] = None
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Spare what is younger: 12h, 30d, 8w.")
    ] = "90d"
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")] = False
    json: JsonOption = False
    database: DatabaseOption = None
