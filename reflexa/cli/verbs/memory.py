"""``reflexa memory``: the reflections and lessons that were kept."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.memory import ListOptions, RetractOptions, ShowOptions
from reflexa.cli.verbs.backups import add_backups
from reflexa.cli.verbs.learning import add_learning
from reflexa.cli.verbs.lessons import add_lessons

SUMMARY = "What is remembered: reflections, and lessons from other tasks."


def list_reflections(options: ListOptions) -> int:
    """List reflections, newest first."""
    from reflexa.cli.memory.reflections import show_reflections

    return show_reflections(options)


def show(options: ShowOptions) -> int:
    """Show one reflection or lesson in full."""
    from reflexa.cli.memory.reflections import show_reflection

    return show_reflection(options)


def retract(options: RetractOptions) -> int:
    """Mark what turned out bad, and all that grew from it. Nothing is deleted; without an ID, list what was marked."""
    from reflexa.cli.why import retract as carry_out

    return carry_out(options)


app = verbs(SUMMARY)
add_verb(app, "list", ListOptions, list_reflections)
add_verb(app, "show", ShowOptions, show)
add_verb(app, "retract", RetractOptions, retract)
add_lessons(app)
add_learning(app)
add_backups(app)
