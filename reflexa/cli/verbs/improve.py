"""``reflexa improve``: the circle."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.improve import ImproveOptions


def improve(options: ImproveOptions) -> int:
    """Run, export, train, measure, and promote only what a paired test proves better; then round again.

    Held-out tasks are measured and never learnt from. A circle that was stopped goes on with --resume.
    """
    from reflexa.cli.training.improving import start

    return start(options)


app = verbs("Make a model better at a suite, round after round, and prove it.")
add_verb(app, "improve", ImproveOptions, improve)
