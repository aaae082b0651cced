"""What ``reflexa compare`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class CompareOptions:
    """Which runs."""

    first: Annotated[str, typer.Argument(metavar="RUN", help="The run to compare with.")]
    second: Annotated[str, typer.Argument(metavar="RUN", help="The run that may be better.")]
    json: JsonOption = False
    database: DatabaseOption = None
