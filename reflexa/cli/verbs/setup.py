"""``reflexa setup``: adds optional parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs


@dataclass(frozen=True)
class SetupOptions:
    """What to add."""

    extra: Annotated[
        list[str], typer.Argument(metavar="EXTRA...", help="train (torch, transformers, …), postgres, dev.")
    ]


def setup(options: SetupOptions) -> int:
    """Add optional parts: what trains models here, PostgreSQL, what the tests need."""
    from reflexa.cli.setup import install_extra

    for extra in options.extra:
        install_extra(extra)
    return 0


app = verbs("Add an optional part.")
add_verb(app, "setup", SetupOptions, setup)
