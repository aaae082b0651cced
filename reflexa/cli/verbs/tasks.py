"""``reflexa tasks``: suites, and whether they and their feedback can be trusted."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.tasks import AuditOptions, ListOptions, NewOptions, ShowOptions, ValidateOptions

SUMMARY = "Make, list, show, validate and audit task suites."


def new(options: NewOptions) -> int:
    """Make a suite of a data file: writes a TOML into the workspace's tasks/, ready to be used and edited."""
    from reflexa.cli.tasks.drafts import new

    return new(options)


def list_all(options: ListOptions) -> int:
    """List the suites: the built-in ones and the workspace's."""
    from reflexa.cli.tasks.suites import list_all

    return list_all(options)


def show(options: ShowOptions) -> int:
    """Show a suite, or one of its tasks as the agent sees it."""
    from reflexa.cli.tasks.suites import show

    return show(options)


def validate(options: ValidateOptions) -> int:
    """Judge the suite's own solutions and wrong answers, and look for answers in prompts. No model is needed."""
    from reflexa.cli.tasks.suites import validate

    return validate(options)


def audit(options: AuditOptions) -> int:
    """Measure how often the feedback errs: on the suite's own solutions, on wrong answers, and on recorded attempts."""
    from reflexa.cli.tasks.suites import audit

    return audit(options)


app = verbs(SUMMARY)
add_verb(app, "new", NewOptions, new)
add_verb(app, "list", ListOptions, list_all)
add_verb(app, "show", ShowOptions, show)
add_verb(app, "validate", ValidateOptions, validate)
add_verb(app, "audit", AuditOptions, audit)
