"""Operations on lessons: read strictly, bounded, and never a crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.agent.operations import LONGEST, OPERATIONS, Operation, read_operations

TEXT = "Look at the empty list before you index into it."


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"ADD: {TEXT}", Operation(kind="add", text=TEXT)),
        (f"- **ADD**: {TEXT}", Operation(kind="add", text=TEXT)),
        (f"2) **ADD:** {TEXT}", Operation(kind="add", text=TEXT)),
        (f"1. EDIT l3f2a91: {TEXT}", Operation(kind="edit", lessons=("l3f2a91",), text=TEXT)),
        (f"MERGE l3f2a, l9b1c: {TEXT}", Operation(kind="merge", lessons=("l3f2a", "l9b1c"), text=TEXT)),
        ("DROP [l3f2a]: wrong", Operation(kind="drop", lessons=("l3f2a",), text="wrong")),
        ("DROP l3f2a:", Operation(kind="drop", lessons=("l3f2a",))),
    ],
)
def test_each_form_is_read(line: str, expected: Operation) -> None:
    read = read_operations(f"Here are my operations:\n{line}\n")
    assert (read.operations, read.refused) == ((expected,), ())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ADD no colon stands here at all", "unreadable"),
        (f"ADD l3f2a: {TEXT}", "unreadable"),
        (f"EDIT: {TEXT}", "unreadable"),
        (f"EDIT the first one: {TEXT}", "unreadable"),
        (f"EDIT l3f2a l9b1c: {TEXT}", "unreadable"),
        (f"MERGE l3f2a: {TEXT}", "unreadable"),
        (f"MERGE l3f2a l3f2a: {TEXT}", "unreadable"),
        ("MERGE l111 l222 l333 l444 l555: all of these", "unreadable"),
        ("DROP: all of them", "unreadable"),
        ("ADD: too short", "length"),
        (f"ADD: {'long ' * LONGEST}", "length"),
    ],
)
def test_what_has_no_form_is_refused(line: str, why: str) -> None:
    read = read_operations(line)
    assert (read.operations, read.refused) == ((), (why,))


@pytest.mark.parametrize(
    "talk", ["", "I would add nothing.", "ADDITION: a word of its own", "add: in small letters here"]
)
def test_talk_is_no_operation(talk: str) -> None:
    assert read_operations(talk) == read_operations("")


def test_a_reply_holds_a_few_operations_and_no_more() -> None:
    read = read_operations("\n".join(f"ADD: lesson number {number} of many" for number in range(OPERATIONS + 2)))
    assert len(read.operations) == OPERATIONS
    assert read.refused == ("too many", "too many")


@given(st.text(alphabet=st.sampled_from("ADEITMRGOP l3f:\n-*[],.x"), max_size=300))
def test_whatever_a_reply_holds_what_is_read_is_bounded(reply: str) -> None:
    read = read_operations(reply)
    assert len(read.operations) <= OPERATIONS
    for operation in read.operations:
        assert len(operation.text) <= LONGEST
        assert "\n" not in operation.text
        assert (operation.kind == "add") == (not operation.lessons)
