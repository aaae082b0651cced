"""``reflexa compare``: two runs, task by task."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.compare import CompareOptions


def compare(options: CompareOptions) -> int:
    """Compare two runs, over the tasks that both have.

    Exact McNemar test, a bootstrap interval of the difference, the tasks recovered and regressed, and the rates at
    equal tokens a task.
    """
    from reflexa.cli.runs.history import compare_runs

    return compare_runs(options)


app = verbs("Compare two runs task by task, with statistics.")
add_verb(app, "compare", CompareOptions, compare)
