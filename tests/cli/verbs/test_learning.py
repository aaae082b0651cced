"""The verbs of learning across tasks: their options, and what they hand on."""

from __future__ import annotations

from dataclasses import fields

from reflexa.cli.options.learning import AuditOptions
from reflexa.cli.options.run import RunOptions
from tests.cli.support import Cli


def test_an_audit_asks_for_a_run_by_the_runs_own_options() -> None:
    assert {field.name for field in fields(AuditOptions)} <= {field.name for field in fields(RunOptions)}


def test_each_verb_says_what_it_does(cli: Cli) -> None:
    listed = cli("memory", "--help").out
    for verb, said in (
        ("distill", "Make lessons of a run's episodes"),
        ("utility", "Show what lessons were worth"),
        ("audit", "with and without lessons"),
    ):
        assert verb in listed
        assert said in cli("memory", verb, "--help").out


def test_what_is_left_out_is_asked_for(cli: Cli) -> None:
    assert cli("memory", "distill").code == 2
    assert cli("memory", "audit").code == 2
