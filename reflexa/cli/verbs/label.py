"""``reflexa label``: AI preferences between recorded answers."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.label import LabelVerbOptions


def label(options: LabelVerbOptions) -> int:
    """Let a judge say which of two recorded answers is better, by the principles of a constitution.

    Every label is recorded as it is made; the same command goes on where it was stopped. `reflexa export preferences
    --labels all` makes training rows of them.
    """
    from reflexa.cli.runs.labelling import label

    return label(options)


app = verbs("Let a judge compare recorded answers by a constitution.")
add_verb(app, "label", LabelVerbOptions, label)
