"""``reflexa memory distill``, ``utility`` and ``audit``: what is learnt across tasks."""

from __future__ import annotations

from typing import Any

import typer

from reflexa.cli.commands import add_verb
from reflexa.cli.options.learning import AuditOptions, DistillOptions, UtilityOptions


def distill(options: DistillOptions) -> int:
    """Make lessons of a run's episodes, for the suite's other tasks.

    A model reads a few episodes at a time, and asks for lessons to be added, edited, merged or dropped; what names a
    task, gives an answer away, copies or holds a secret is refused. Calls that were made before are not made again.
    """
    from reflexa.cli.memory.learning import distil

    return distil(options)


def utility(options: UtilityOptions) -> int:
    """Show what lessons were worth: tasks solved with each, and where it was left out at random."""
    from reflexa.cli.memory.learning import show_worth

    return show_worth(options)


def audit(options: AuditOptions) -> int:
    """Run held-out tasks with and without lessons, with as many calls allowed, and say whether they help."""
    from reflexa.cli.memory.learning import audit

    return audit(options)


def add_learning(app: typer.Typer) -> None:
    """Adds the verbs to ``reflexa memory``."""
    verbs: tuple[tuple[str, Any, Any], ...] = (
        ("distill", DistillOptions, distill),
        ("utility", UtilityOptions, utility),
        ("audit", AuditOptions, audit),
    )
    for name, options, action in verbs:
        add_verb(app, name, options, action)
