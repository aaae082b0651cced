"""Assertions read out of what a model wrote as tests."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.tasks.selftests import assertions
from reflexa.types import CodeSpec

CODE = CodeSpec(entry_point="f", stub="def f(x):\n    ''' Adds one. '''\n")


@pytest.mark.parametrize(
    "text",
    [
        "assert f(1) == 2\nassert f(2) == 3",
        "Here are the tests:\n\n```python\nassert f(1) == 2\nassert f(2) == 3, 'two'\n```\nBoth hold.",
        "1. assert f(1) == 2\n2. `assert f(2) == 3`\nThese test it (well).",
        "```python\ndef test_f():\n    assert f(1) == 2\n\n    assert f(2) == 3\n\ntest_f()\n```",
        "```python\nassert f(1) == 2\nassert f(\n    2\n) == 3\nassert f(3) == (",
        "<think>assert f(9) == 0</think>assert f(1) == 2\nassert f(1) == 2\nassert f(2) == 3",
    ],
    ids=["bare", "fenced", "listed", "in a function", "cut", "thought and repeated"],
)
def test_assertions_are_found(text: str) -> None:
    assert assertions(text, CODE) == ("assert f(1) == 2", "assert f(2) == 3")


@pytest.mark.parametrize(
    "text",
    [
        "assert g(1) == 2",
        "assert f == 2",
        "assert True",
        "assert f(y) == 2",
        "assert f(open('/etc/passwd').read())",
        "assert f((x := 1)) == 2",
        "assert __import__('os').system('true') == f(1)",
        "assert eval('f(1)') == f(1)",
        "assert f(1) ==",
        "f(1) == 2",
        "No tests today.",
    ],
)
def test_what_needs_or_does_more_is_passed_over(text: str) -> None:
    assert assertions(text, CODE) == ()


def test_harmless_builtins_and_comprehensions_may_help() -> None:
    text = "assert sorted(f(x) for x in range(3)) == [1, 2, 3]\nassert abs(f(0.5) - 1.5) < 1e-6\n"
    assert len(assertions(text, CODE)) == 2


def test_at_most_the_limit_is_kept() -> None:
    text = "\n".join(f"assert f({number}) == {number + 1}" for number in range(10))
    assert len(assertions(text, CODE)) == 6
    assert assertions(text, CODE, limit=1) == ("assert f(0) == 1",)


@settings(deadline=None)
@given(st.text(alphabet="assert f(1)=2'\n`[", max_size=200))
def test_all_that_is_kept_is_one_assert_on_one_line(text: str) -> None:
    for line in assertions(text, CODE):
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.Assert)
        assert "\n" not in line
