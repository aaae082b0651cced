"""Reading untrusted Python as a tree."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.tasks import source
from reflexa.tasks.source import UnparsableError


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_parses_or_is_refused_in_one_way(text: str) -> None:
    tree = source.parse_or_none(text)
    assert tree is None or isinstance(tree, ast.Module)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000,
        "-" * 50_000 + "1",
        "x" + ".a" * 40_000,
        "if x:\n" * 10_000,
        "x = 1\0",
        "'\ud800",
        "1+" * 40_000 + "1",
    ],
    ids=["brackets", "signs", "attributes", "blocks", "null", "surrogate", "sum"],
)
def test_hostile_nesting_neither_crashes_nor_escapes(text: str) -> None:
    assert source.parse_or_none(text) is None or "+" in text


def test_what_is_too_long_is_refused_with_its_length() -> None:
    with pytest.raises(UnparsableError, match=f"{source.MAX_SOURCE_CHARS + 1} characters"):
        source.parse(" " * (source.MAX_SOURCE_CHARS + 1))


def test_the_line_of_a_syntax_error_is_given() -> None:
    with pytest.raises(UnparsableError) as refusal:
        source.parse("x = 1\ny = = 2\n")
    assert refusal.value.line == 2


def test_warnings_about_a_strangers_code_stay_silent() -> None:
    # The suite turns warnings into errors; an invalid escape would otherwise be one.
    assert source.parse_or_none('pattern = "\\d+"') is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 'a']", True),
        ("-1.5", True),
        ("{1: (2,)}", True),
        ("f(1)", False),
        ("1; 2", False),
        ("", False),
        ("{[]: 1}", False),
    ],
)
def test_literals_are_told_from_other_code(text: str, expected: bool) -> None:
    assert source.is_literal(text) is expected


def test_free_names_are_what_code_needs_from_elsewhere() -> None:
    tree = source.parse("import re\ndef f(a):\n    b = helper(a)\n    return re.sub(b, len(c), a)\n")
    assert source.free_names(tree) == {"helper", "c"}


def test_a_statement_binds_names_at_the_top_only_once() -> None:
    tree = source.parse("def f(inner):\n    local = 1\nx, (y, z) = 1, (2, 3)\nimport os.path\nfrom a import b as c\n")
    assert [set(source.top_level_names(statement)) for statement in tree.body] == [
        {"f"},
        {"x", "y", "z"},
        {"os"},
        {"c"},
    ]


def test_the_preamble_is_what_stands_before_the_entry_point() -> None:
    stub = "import math\n\ndef helper(x):\n    return x\n\n\ndef f(x):\n    '''Doc.'''\n"
    assert source.preamble(stub, "f") == "import math\n\ndef helper(x):\n    return x"
    assert source.preamble(stub, "g") == ""


def test_a_statements_segment_begins_at_its_decorators() -> None:
    text = "x = 1\n@cache\n@other(1)\ndef f():\n    return 1\n"
    statement = source.parse(text).body[1]
    assert source.segment(text.split("\n"), statement) == "@cache\n@other(1)\ndef f():\n    return 1"


def test_the_last_function_of_a_name_is_the_one_that_stands() -> None:
    function = source.function(source.parse("def f():\n    return 1\ndef f():\n    return 2\n"), "f")
    assert function is not None
    assert function.lineno == 3
