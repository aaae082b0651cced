"""``reflexa study``: effects that can be reproduced from nothing."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.study import OveroptimizationOptions


def overoptimization(options: OveroptimizationOptions) -> int:
    """Reproduce the over-optimisation of reward models on one CPU, with tiny models made on the spot.

    A gold reward stands for what is wanted; proxies of several sizes learn it from several amounts of labels; best of
    n and RL optimise against each. Writes results.json and, with matplotlib, overoptimization.png. A study that was
    stopped goes on when it is called again with the same --out.
    """
    from reflexa.cli.training.studying import study

    return study(options)


app = verbs("Reproduce an effect from nothing, on one CPU.")


@app.callback()
def _group() -> None:
    """Keeps a study a verb of its own: typer would make a single one the whole command."""


add_verb(app, "overoptimization", OveroptimizationOptions, overoptimization)
