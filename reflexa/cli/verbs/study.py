"""``reflexa study``: effects that can be reproduced from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import JsonOption


@dataclass(frozen=True)
class OveroptimizationOptions:
    """How much, and where."""

    quick: Annotated[bool, typer.Option("--quick", help="Two proxies instead of nine: under a minute of CPU.")] = False
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="N", help="Makes the models, the labels and the answers (0).")
    ] = 0
    out: Annotated[
        str | None, typer.Option("-o", "--out", metavar="FOLDER", help="Where to write; else in training/runs/.")
    ] = None
    json: JsonOption = False


def overoptimization(options: OveroptimizationOptions) -> int:
    """Reproduce the over-optimisation of reward models on one CPU, with tiny models made on the spot.

    A gold reward stands for what is wanted; proxies of several sizes learn it from several amounts of labels; best of
    n and RL optimise against each. Writes results.json and, with matplotlib, overoptimization.png. A study that was
    stopped goes on when it is called again with the same --out.
    """
    from reflexa.cli.studying import study

    return study(options)


app = verbs("Reproduce an effect from nothing, on one CPU.")


@app.callback()
def _group() -> None:
    """Keeps a study a verb of its own: typer would make a single one the whole command."""


add_verb(app, "overoptimization", OveroptimizationOptions, overoptimization)
