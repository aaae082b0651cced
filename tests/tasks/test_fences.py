"""Code blocks and clean answers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.tasks.fences import clean, fenced_blocks, unfenced
from reflexa.tasks.source import MAX_SOURCE_CHARS

CODE = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    "text",
    [
        f"Here:\n\n```python\n{CODE}```\nDone.",
        f"Here:\n~~~\n{CODE}~~~",
        f"Here:```python\n{CODE}```",
        f"```py\n{CODE}",
        f"<answer>\n```python\n{CODE}```\n</answer>",
        f"> ```\n> {CODE.replace(chr(10), chr(10) + '> ', 1)}> ```",
        "1. First:\n\n   ```python\n   def f(x):\n       return x\n   ```\n",
        "Indented:\n\n    ```python\n    def f(x):\n        return x\n    ```\n",
    ],
    ids=["plain", "tildes", "late", "unclosed", "tag before", "quoted", "in a list", "indented"],
)
def test_one_block_is_found_however_it_is_fenced(text: str) -> None:
    assert fenced_blocks(text) == (CODE,)


def test_blocks_within_blocks_are_found() -> None:
    assert CODE in fenced_blocks(f"````markdown\nHere:\n```python\n{CODE}```\n````\n")
    assert CODE in fenced_blocks(f"```markdown\n```python\n{CODE}```\n```\n")


def test_a_fence_in_a_docstring_does_not_lose_the_rest() -> None:
    code = 'def f(x):\n    """Doc.\n\n```\nf(1)\n```\n    """\n    return x'
    assert fenced_blocks(f"```python\n{code}\n```")[0] == code


def test_what_stands_outside_of_fences() -> None:
    assert unfenced(f"{CODE}```\nThat was it.") == (CODE.rstrip("\n"), f"{CODE}That was it.")
    assert unfenced("no fences") == ("no fences",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>def f(): no</think>\nyes", "yes"),
        ("no, the tag was in the prompt</think>yes", "yes"),
        ("<think>yes, cut off", "yes, cut off"),
        ("yes<|im_end|>\n<|im_start|>user\nno", "yes"),
        ("<|im_start|>assistant\nyes<|im_end|>", "yes"),
        ("<|endoftext|>yes", "yes"),
        ("yes</s>\n<pad><pad>", "yes"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("return '</s>' in x", "return '</s>' in x"),
        ("    return 1\n", "    return 1\n"),
    ],
)
def test_thoughts_and_tokens_are_no_answer(text: str, expected: str) -> None:
    assert clean(text) == expected


@settings(deadline=None)
@given(st.text(alphabet="`~ \n>-1.pyx<|/|think>", max_size=400))
def test_no_text_breaks_the_reading(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= len(text)
    assert all(isinstance(block, str) for block in (*fenced_blocks(cleaned), *unfenced(cleaned)))


def test_the_length_is_bounded() -> None:
    assert len(clean("a" * (MAX_SOURCE_CHARS + 1))) == MAX_SOURCE_CHARS
