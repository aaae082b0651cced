"""``reflexa run``: the main job."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.run import RunOptions


def run(options: RunOptions) -> int:
    """Attempt the tasks of a suite, and print what was solved.

    The agent attempts a task, sees what its feedback says, reflects, and tries again; hidden tests judge every attempt
    afterwards. What is recorded is kept at once: a run that was stopped goes on with --resume, and others may help with
    --join.
    """
    from reflexa.cli.runs.running import start

    return start(options)


app = verbs("Attempt the tasks of a suite, and print what was solved.")
add_verb(app, "run", RunOptions, run)
