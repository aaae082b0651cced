"""``reflexa memory search``, ``add``, ``review``, ``import``, ``export``, ``stats`` and ``prune``: lessons by hand."""

from __future__ import annotations

import typer

from reflexa.cli.commands import add_verb
from reflexa.cli.options.lessons import (
    AddOptions,
    ExportOptions,
    ImportOptions,
    PruneOptions,
    ReviewOptions,
    SearchOptions,
    StatsOptions,
)


def search(options: SearchOptions) -> int:
    """Find lessons as a run would, the best first."""
    from reflexa.cli.memory.lessons import search as carry_out

    return carry_out(options)


def add(options: AddOptions) -> int:
    """Write a lesson of your own."""
    from reflexa.cli.memory.lessons import add as carry_out

    return carry_out(options)


def review(options: ReviewOptions) -> int:
    """Read the lessons in quarantine; accept or reject them."""
    from reflexa.cli.memory.lessons import review as carry_out

    return carry_out(options)


def import_pack(options: ImportOptions) -> int:
    """Take over a lesson pack, into quarantine."""
    from reflexa.cli.memory.packs import import_pack as carry_out

    return carry_out(options)


def export_pack(options: ExportOptions) -> int:
    """Write the active lessons to a lesson pack."""
    from reflexa.cli.memory.packs import export_pack as carry_out

    return carry_out(options)


def stats(options: StatsOptions) -> int:
    """Show how much is kept."""
    from reflexa.cli.memory.packs import stats as carry_out

    return carry_out(options)


def prune(options: PruneOptions) -> int:
    """Delete what was named and nothing else refers to: lessons, calls of finished runs, texts that nobody names."""
    from reflexa.cli.memory.packs import prune as carry_out

    return carry_out(options)


def add_lessons(app: typer.Typer) -> None:
    """Adds the verbs to those of ``reflexa memory``."""
    add_verb(app, "search", SearchOptions, search)
    add_verb(app, "add", AddOptions, add)
    add_verb(app, "review", ReviewOptions, review)
    add_verb(app, "import", ImportOptions, import_pack)
    add_verb(app, "export", ExportOptions, export_pack)
    add_verb(app, "stats", StatsOptions, stats)
    add_verb(app, "prune", PruneOptions, prune)
