from __future__ import annotations

from tests.cli.support import Cli


def test_runs_are_compared_task_by_task(look: Cli) -> None:
    found = look("compare", "first", "peeked", "--json").json
    assert (found["n"], found["both"], found["neither"]) == (4, 3, 1)
    assert found["mcnemar"]["p"] == 1.0
    assert found["a"]["calls"] == found["b"]["calls"] == 10


def test_the_text_says_what_may_be_concluded(look: Cli) -> None:
    lines = look("compare", "first", "peeked").out.splitlines()
    assert lines[0] == "humaneval (test), 4 tasks that both runs have"
    assert any(line.startswith("difference +0.0 points [") for line in lines)
    assert "not shown to differ at 5 %" in lines[-1]


def test_a_run_is_not_compared_with_itself(look: Cli) -> None:
    refused = look("compare", "first", "first")
    assert refused.code == 2
    assert "the same run" in refused.complaint


def test_an_unknown_run_is_named(look: Cli) -> None:
    assert "unknown run 'second'" in look("compare", "first", "second").complaint
