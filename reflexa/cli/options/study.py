"""What ``reflexa study`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import JsonOption, OutFolderOption


@dataclass(frozen=True)
class OveroptimizationOptions:
    """How much, and where."""

    quick: Annotated[bool, typer.Option("--quick", help="Two proxies instead of nine: under a minute of CPU.")] = False
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="N", help="Makes the models, the labels and the answers (0).")
    ] = 0
    out: OutFolderOption = None
    json: JsonOption = False
