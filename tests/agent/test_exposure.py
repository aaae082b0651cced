"""What of an answer stands in its prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reflexa.agent.exposure import exposures, gives_away
from reflexa.tasks import Suite, load_suite
from reflexa.types import AnswerCheck, Check, GeneratedCheck, Message, Task, TestCheck

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def found(*pairs: tuple[str, Check], **fields: Any) -> list[str]:
    tasks = tuple(
        Task(id=f"t/{number}", prompt=(Message(role="user", content=prompt),), check=check, **fields)
        for number, (prompt, check) in enumerate(pairs)
    )
    return list(exposures(Suite(name="s", tasks=tasks, digest="")))


def exposed(prompt: str, check: Check, **fields: Any) -> bool:
    return bool(found((prompt, check), **fields))


@pytest.mark.parametrize(
    "prompt",
    [
        "Which?\nAnswer: 42",
        "Which? The answer is 42.",
        r"Which? $\boxed{42}$",
        "Which? Final answer: 42\nThink.",
        "#### 42",
    ],
)
def test_a_stated_answer_is_exposed(prompt: str) -> None:
    assert exposed(prompt, AnswerCheck(answer="42"))
    assert exposed(prompt, AnswerCheck(answer="forty-two", aliases=("42",)))
    assert exposed(prompt, GeneratedCheck(generator="g", entry={"answer": "42"}))
    assert not exposed(prompt, AnswerCheck(answer="43"))


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("There are 42 birds, and 42 more. How many are left if 42 fly away?", "42"),
        ("[1] Rome\nRome is the capital of Italy.\n\nQuestion: What is the capital of Italy?", "Rome"),
        ("Is it so? Answer: yes or no.", "yes"),
        ("Q: Is it?\nAnswer: yes\nQ: Is this?", "yes"),
        ("Sort: syndrome therefrom", "syndrome therefrom"),
        ("", "42"),
    ],
)
def test_an_answer_that_stands_there_innocently_is_not(prompt: str, answer: str) -> None:
    assert not exposed(prompt or "?", AnswerCheck(answer=answer))


def test_options_are_meant_to_be_shown() -> None:
    assert not exposed("Which?\nAnswer: Rome", AnswerCheck(answer="Rome"), choices=("Rome", "Oslo"))


def test_a_line_of_the_worked_solution_is_exposed_where_it_has_the_answer_in_it() -> None:
    check = AnswerCheck(answer="7", reference="Paisley ran 4 miles.\nSo all in all it is 4 + 3 = 7.")
    assert not exposed("Paisley ran 4 miles.  How far did both?", check)
    assert exposed("How far? So all in all it is 4  + 3 = 7.", check)
    assert not exposed(
        "So all in all it is 4 + 3 = 7.", AnswerCheck(answer="8", reference="So all in all it is 4 + 3 = 7.")
    )


def test_a_solution_in_code_is_exposed_where_all_of_it_stands_there() -> None:
    check = TestCheck(
        source="def check(candidate): ...", reference="    total = sum(numbers)\n    return total / count\n"
    )
    assert exposed("def mean(numbers):\n    total = sum(numbers)\n    return total / count", check)
    assert not exposed("def mean(numbers):\n    total = sum(numbers)\n    ...", check)


@pytest.mark.parametrize(
    ("text", "given_away"),
    [
        ("The answer is 1742.", True),
        ("Write Answer: 1742", True),
        ("First add both numbers, which makes 1742", True),
        ("In 1742 cases somebody forgot the units.", False),
        ("The answer is a number without its unit.", False),
    ],
)
def test_a_text_that_is_to_stand_in_a_prompt_gives_an_answer_away(text: str, given_away: bool) -> None:
    check = AnswerCheck(answer="1742", reference="First add both numbers, which makes 1742")
    task = Task(id="t", prompt=(Message(role="user", content="How many?"),), check=check)
    assert bool(gives_away(task, text)) == given_away
    assert gives_away(task.model_copy(update={"check": None}), text) == ""


def test_what_most_prompts_share_is_the_template() -> None:
    few_shot = "What is 6 x 7?\nAnswer: 42\n\n"
    checks = [AnswerCheck(answer=answer) for answer in ("1", "42", "3")]
    assert found(*((f"{few_shot}Number {number}?", check) for number, check in enumerate(checks))) == []
    assert found(("A?", checks[0]), ("B?\nAnswer: 42", checks[1]), ("C?", checks[2])) == ["t/1"]


@pytest.mark.skipif(not DATA.exists(), reason="the shared data are not here")
def test_no_built_in_suite_exposes_an_answer() -> None:
    suites = [load_suite("humaneval"), load_suite("gsm8k", data=DATA / "gsm8k" / "test.jsonl")]
    suites += [load_suite("hotpotqa", data=DATA / "hotpotqa" / "distractor-100.jsonl")]
    suites += [load_suite(f"bbh:{path.stem}", data=path) for path in sorted((DATA / "bbh").glob("*.json"))]
    assert [exposures(suite) for suite in suites] == [{}] * 9
