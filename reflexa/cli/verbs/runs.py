"""``reflexa runs``: what was run, and what happened in it."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.runs import ListOptions, LogOptions, ShowOptions

SUMMARY = "List and show runs."


def list_runs(options: ListOptions) -> int:
    """List the runs, newest first."""
    from reflexa.cli.runs.history import show_runs

    return show_runs(options)


def show(options: ShowOptions) -> int:
    """Show a run: its table and, task by task, attempts, verdicts and reflections.

    With --task: every attempt's answer, its feedback, and what the judge said.
    """
    from reflexa.cli.runs.history import show_run

    return show_run(options)


def log(options: LogOptions) -> int:
    """Write a run as a log of Inspect, which `inspect view` opens.

    An episode is a sample, with its attempts, feedback, reflections and verdicts.
    """
    from reflexa.cli.runs.logs import write_run_log

    return write_run_log(options)


app = verbs(SUMMARY)
add_verb(app, "list", ListOptions, list_runs)
add_verb(app, "show", ShowOptions, show)
add_verb(app, "log", LogOptions, log)
