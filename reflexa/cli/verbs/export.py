"""``reflexa export``: verified attempts as training rows."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.export import ExportVerbOptions


def export(options: ExportVerbOptions) -> int:
    """Write verified attempts as training rows, with their lineage and a card that counts what was dropped and why."""
    from reflexa.cli.runs.exporting import export

    return export(options)


app = verbs("Write verified attempts as training rows.")
add_verb(app, "export", ExportVerbOptions, export)
