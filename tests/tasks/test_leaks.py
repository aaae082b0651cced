"""The leak check: private lines never pass, whatever their spacing; public and own words do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.errors import LeakError
from reflexa.tasks.leaks import LeakGuard
from reflexa.types import AnswerCheck, Check, Message, Task, TestCheck

HIDDEN = "def check(candidate):\n    assert candidate(2) == 4  # CANARY-7f3a\n    assert candidate(3) == 9\n"


def _task(prompt: str = "Square a number.", check: Check | None = None) -> Task:
    return Task(id="t", prompt=(Message(role="user", content=prompt),), check=check or TestCheck(source=HIDDEN))


def _message(content: str) -> list[Message]:
    return [Message(role="user", content=content)]


def test_innocent_messages_pass() -> None:
    LeakGuard(_task()).check(_message("Square a number. square(2) returned 5, expected 4"))


@pytest.mark.parametrize("line", HIDDEN.strip().splitlines())
def test_each_hidden_line_is_caught(line: str) -> None:
    with pytest.raises(LeakError, match="task t: a user message holds private text"):
        LeakGuard(_task()).check(_message(f"What happened:\n{line}\nwent wrong"))


@given(spaces=st.lists(st.sampled_from([" ", "  ", "\t", "\n", "\r\n    "]), min_size=4, max_size=4))
def test_spacing_hides_nothing(spaces: list[str]) -> None:
    words = ["assert", "candidate(3)", "==", "9"]
    text = words[0] + "".join(space + word for space, word in zip(spaces, words[1:], strict=False))
    with pytest.raises(LeakError):
        LeakGuard(_task()).check(_message(text))


def test_the_error_does_not_repeat_the_private_line() -> None:
    with pytest.raises(LeakError) as caught:
        LeakGuard(_task()).check(_message(HIDDEN))
    assert "CANARY" not in str(caught.value)
    assert "candidate" not in str(caught.value)


def test_system_and_assistant_messages_are_checked_too() -> None:
    with pytest.raises(LeakError, match="a system message"):
        LeakGuard(_task()).check([Message(role="system", content=HIDDEN)])


def test_what_the_prompt_says_is_public() -> None:
    LeakGuard(_task(prompt="assert candidate(3) == 9")).check(_message("assert candidate(3) == 9"))


def test_what_the_model_wrote_itself_is_not_a_leak() -> None:
    guard = LeakGuard(_task())
    guard.allow("I remember this benchmark: assert candidate(3) == 9")
    guard.check(_message("Your last answer was: assert candidate(3) == 9"))
    with pytest.raises(LeakError):
        guard.check(_message("assert candidate(2) == 4  # CANARY-7f3a"))


def test_reference_solutions_and_answers_are_private() -> None:
    check = AnswerCheck(answer="forty-two point zero one", reference="multiply six by seven, then add")
    guard = LeakGuard(_task(check=check))
    with pytest.raises(LeakError):
        guard.check(_message("the answer is forty-two  point zero one"))
    with pytest.raises(LeakError):
        guard.check(_message("hint: multiply six by seven, then add"))


def test_a_task_without_a_check_has_nothing_to_leak() -> None:
    LeakGuard(Task(id="t", prompt=(Message(role="user", content="hi"),))).check(_message(HIDDEN))


def test_a_text_is_held_against_the_private_lines_without_an_error() -> None:
    guard = LeakGuard(_task(check=AnswerCheck(answer="the hidden answer of this task")))
    assert guard.holds("It says: the  hidden answer\nof this task.")
    assert not guard.holds("It says nothing of that.")
    guard.allow("the hidden answer of this task")
    assert not guard.holds("the hidden answer of this task")
