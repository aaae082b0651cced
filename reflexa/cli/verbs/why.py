"""``reflexa why``: where something came from."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.why import WhyOptions


def why(options: WhyOptions) -> int:
    """Tell what something was made from: rows, attempts, verdicts, lessons, models, back to the start."""
    from reflexa.cli.why import tell

    return tell(options)


app = verbs("Tell what something was made from, back to the start.")
add_verb(app, "why", WhyOptions, why)
