from __future__ import annotations

import pytest

from tests.cli.support import LESSON, Cli


def test_reflections_are_listed_newest_first_and_chosen(look: Cli) -> None:
    kept = look("memory", "list", "--run", "first", "--json").json
    assert [reflection["task_id"] for reflection in kept].count("HumanEval/1") == 1
    assert {reflection["text"] for reflection in kept if reflection["task_id"] == "HumanEval/1"} == {LESSON}
    assert len(look("memory", "list", "--run", "first", "--task", "HumanEval/3", "--json").json) == 2
    assert look("memory", "list", "--suite", "nothing", "--json").json == []
    assert len(look("memory", "list", "--limit", "1", "--json").json) == 1
    assert LESSON in look("memory", "list").out


def test_one_reflection_is_shown_by_the_start_of_its_id(look: Cli) -> None:
    kept = look("memory", "list", "--run", "first", "--task", "HumanEval/1", "--json").json[0]
    shown = look("memory", "show", kept["id"][:8])
    assert shown.code == 0
    assert LESSON in shown.out
    assert kept["task_id"] in shown.out
    assert look("memory", "show", kept["id"], "--json").json == kept


@pytest.mark.parametrize("arguments", [("list",), ("list", "--task", "x")])
def test_an_empty_memory_says_so(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert cli("memory", *arguments).out.startswith("no reflections")


def test_an_unknown_reflection_is_a_usage_error(look: Cli) -> None:
    refused = look("memory", "show", "zzzz")
    assert refused.code == 2
    assert "unknown reflection 'zzzz'" in refused.complaint
