"""Text read as a module, or as a function's body."""

from __future__ import annotations

import pytest

from reflexa.tasks import source
from reflexa.tasks.candidates import as_continuation, as_module, defines, has_body

CODE = "def f(x):\n    return x + 1\n"
STUB = 'def f(x):\n    """ Adds one. """\n'


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (CODE, True),
        ("Sure, here it is.\n\n" + CODE, True),
        (CODE + "\nThis works because it adds one.", False),
        ("python\n" + CODE, True),
        ("    " + CODE.replace("\n    ", "\n        "), True),
        (">>> def f(x):\n...     return x + 1\n...\n>>> f(1)\n2\n", True),
        (CODE + "\ndef g(y):\n    return [y for", False),
        (CODE + "\ndef f(x):\n    if x", False),
    ],
    ids=["bare", "chatter before", "chatter after", "language", "indented", "session", "cut helper", "cut repetition"],
)
def test_the_function_is_read_out_of_what_surrounds_it(text: str, whole: bool) -> None:
    found = as_module(text, "f")
    assert found is not None
    function = source.function(found.module, "f")
    assert function is not None
    assert source.unparse(function) == CODE.rstrip()
    assert found.whole is whole


def test_helpers_and_imports_before_the_function_stay_with_it() -> None:
    found = as_module("Here you are:\nimport re\n\ndef g(x):\n    return x\n\n" + CODE, "f")
    assert found is not None
    assert [type(statement).__name__ for statement in found.module.body] == ["Import", "FunctionDef", "FunctionDef"]


def test_a_method_of_a_class_gets_a_function_of_its_name() -> None:
    found = as_module("class Solution:\n    def f(self, x):\n        return x + 1\n", "f")
    assert found is not None
    scope: dict[str, object] = {}
    exec(found.text, scope)  # the text above, not a stranger's
    function = scope["f"]
    assert callable(function)
    assert function(1) == 2


def test_text_without_the_function_is_no_module() -> None:
    assert as_module("def g(x):\n    return x\n", "f") is None
    assert as_module("I cannot help with f(x).", "f") is None


@pytest.mark.parametrize(
    "body",
    [
        "    y = x\n    return y + 1\n",
        "y = x\n    return y + 1\n",
        "y = x\nreturn y + 1\n",
        "Here is the rest:\n\n    y = x\n    return y + 1\n",
        "    y = x\n    return y + 1\n\nThat is all, folks.",
        "    y = x\n    return y + 1\n\n\ndef g(",
    ],
    ids=["indented", "first line bare", "all bare", "chatter before", "chatter after", "cut"],
)
def test_a_body_continues_the_stub(body: str) -> None:
    found = as_continuation(body, STUB, "f")
    assert found is not None
    function = source.function(found.module, "f")
    assert function is not None
    assert [source.unparse(statement) for statement in function.body[1:]] == ["y = x", "return y + 1"]


def test_prose_continues_nothing() -> None:
    assert as_continuation("I am sorry, I cannot do that.", STUB, "f") is None
    assert as_continuation("", STUB, "f") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CODE, True),
        ("f = lambda x: x", True),
        ("try:\n    def f(x): ...\nexcept E:\n    pass", True),
        ("f(1)", False),
        ("def g(f): ...", False),
    ],
)
def test_what_defines_the_entry_point(text: str, expected: bool) -> None:
    assert defines(source.parse(text), "f") is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", False),
        ("...", False),
        ("'''Doc.'''", False),
        ("raise NotImplementedError('later')", False),
        ("return 1", True),
    ],
)
def test_a_stub_has_no_body(body: str, expected: bool) -> None:
    assert has_body(source.parse(f"def f(x):\n    import math\n    {body}\n"), "f") is expected
