"""``reflexa checkpoints``: which checkpoint of a training to keep."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.checkpoints import CheckpointsOptions


def checkpoints(options: CheckpointsOptions) -> int:
    """Show how far each checkpoint went and what that was worth; say which to keep.

    Chosen by held-out true reward and its error, never by the reward that was optimised. Where there are enough
    checkpoints a curve is fitted, and its peak says where over-optimisation begins.
    """
    from reflexa.cli.training.checkpoints import show

    return show(options)


app = verbs("Say which checkpoint of a training to keep, and where over-optimisation begins.")
add_verb(app, "checkpoints", CheckpointsOptions, checkpoints)
