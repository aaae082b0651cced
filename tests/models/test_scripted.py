from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.errors import UsageError
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.protocols import ContextualPolicy, Policy
from reflexa.types import CallContext, Message, Purpose, Sampling

ROW = ScriptedRow(task="t", attempts=("a0", "a1", "a2"), reflections=("r0",), tests=("assert f() == 1",), feedback=())
ASK = (Message(role="system", content="be brief"), Message(role="user", content="say one two"))


def texts(policy: ScriptedPolicy, purpose: Purpose, attempt: int, sample: int = 0, n: int = 1) -> list[str]:
    context = CallContext(task_id="t", purpose=purpose, attempt=attempt, sample=sample)
    return [completion.text for completion in policy.bind(context).generate(ASK, Sampling(), n)]


def test_the_ith_attempt_gets_the_ith_answer_and_the_last_repeats() -> None:
    policy = ScriptedPolicy([ROW])
    assert isinstance(policy, ContextualPolicy)
    assert [texts(policy, "attempt", index) for index in range(5)] == [["a0"], ["a1"], ["a2"], ["a2"], ["a2"]]


def test_samples_count_on_from_the_attempt() -> None:
    policy = ScriptedPolicy([ROW])
    assert texts(policy, "attempt", 0, n=4) == ["a0", "a1", "a2", "a2"]
    assert texts(policy, "attempt", 0, sample=1) == ["a1"]
    assert texts(policy, "attempt", 1, sample=1, n=2) == ["a2", "a2"]


def test_an_attempt_of_many_steps_has_a_list_of_its_own() -> None:
    policy = ScriptedPolicy([ScriptedRow(task="t", plays=(("a", "b"), ("c",), ()), reflections=("r0",))])
    said = [[texts(policy, "attempt", attempt, step)[0] for step in range(3)] for attempt in range(4)]
    assert said == [["a", "b", "b"], ["c", "c", "c"], ["", "", ""], ["", "", ""]]
    assert texts(policy, "reflection", 1) == ["r0"]


def test_a_cue_in_the_prompt_brings_out_the_informed_answers() -> None:
    row = ScriptedRow(task="t", attempts=("a0", "a1"), cue="one two", informed=("b0", "b1"), reflections=("r0",))
    policy = ScriptedPolicy([row])
    assert [texts(policy, "attempt", index) for index in range(3)] == [["b0"], ["b1"], ["b1"]]
    assert texts(policy, "reflection", 0) == ["r0"]
    deaf = ScriptedPolicy([row.model_copy(update={"cue": "three"})])
    assert texts(deaf, "attempt", 1) == ["a1"]


def test_distilling_has_a_list_of_its_own() -> None:
    policy = ScriptedPolicy([ScriptedRow(task="t", distill=("ADD: x", "DROP y: z"))])
    assert [texts(policy, "distill", group) for group in range(2)] == [["ADD: x"], ["DROP y: z"]]


def test_each_purpose_has_its_own_list_and_an_absent_one_is_empty() -> None:
    policy = ScriptedPolicy([ROW])
    assert texts(policy, "reflection", 2) == ["r0"]
    assert texts(policy, "tests", 0) == ["assert f() == 1"]
    assert texts(policy, "feedback", 0) == [""]
    judging = ScriptedPolicy([ScriptedRow(task="t", critic=("c0", "c1"), judge=("j0",))])
    assert texts(judging, "critic", 0, n=2) == ["c0", "c1"]
    assert texts(judging, "judge", 0) == ["j0"]


def test_tasks_without_a_row_and_calls_without_a_task_get_empty_answers() -> None:
    policy = ScriptedPolicy([ROW])
    bound = policy.bind(CallContext(task_id="other", purpose="attempt"))
    assert isinstance(bound, Policy)
    assert [completion.text for completion in bound.generate(ASK, Sampling(), 2)] == ["", ""]
    assert [completion.text for completion in policy.generate(ASK, Sampling(), 2)] == ["", ""]


def test_tokens_are_words() -> None:
    bound = ScriptedPolicy([ROW]).bind(CallContext(task_id="t", purpose="tests"))
    (completion,) = bound.generate(ASK, Sampling())
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (5, 4)
    assert completion.usage.cost_usd == 0.0


@given(
    st.lists(
        st.builds(ScriptedRow, task=st.text(min_size=1), attempts=st.lists(st.text()).map(tuple)),
        unique_by=lambda row: row.task,
    )
)
def test_a_file_answers_as_its_rows_do(tmp_path_factory: pytest.TempPathFactory, rows: list[ScriptedRow]) -> None:
    path = tmp_path_factory.mktemp("scripted") / "answers.jsonl"
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")
    policy = ScriptedPolicy.from_file(path)
    assert policy.name == f"scripted:{path}"
    for row in rows:
        bound = policy.bind(CallContext(task_id=row.task, purpose="attempt", attempt=1))
        assert bound.generate(ASK, Sampling())[0].text == (row.attempts[: 1 + 1] or ("",))[-1]


def test_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"task": "t", "attempts": ["a"]}\r\n\n  \n{"task": "u"}')
    assert texts(ScriptedPolicy.from_file(path), "attempt", 0) == ["a"]


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ('{"task": "t", "attempts": ["a"', 31, "not JSON"),
        ("nonsense", 1, "not JSON"),
        ('  ["t"]', 3, "expected a row"),
        ('{"attempts": ["a"]}', 1, "task: field required"),
        ('{"task": "t", "attempts": "a"}', 15, "attempts"),
        ('{"task": "t", "attempts": ["a", 3]}', 15, "attempts.1"),
        ('{"task": 3}', 2, "task"),
        ('{"task": "t", "answers": []}', 15, "answers"),
    ],
)
def test_a_malformed_row_is_named_by_file_line_and_column(tmp_path: Path, line: str, column: int, words: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"task": "fine"}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        ScriptedPolicy.from_file(path)
    told = str(caught.value)
    assert told.startswith(f"{path}, line 3, column {column}: ")
    assert words in told
    assert '"attempts": ["…"]' in told
    assert "\n" not in told


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"task": "\xff"}')
    with pytest.raises(UsageError, match=r"line 1, column 11: .*UTF-8"):
        ScriptedPolicy.from_file(path)


def test_two_rows_for_one_task_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"task": "t"}) + "\n" + json.dumps({"task": "t"}), encoding="utf-8")
    with pytest.raises(UsageError, match="line 2, column 1: task 't' has a row already"):
        ScriptedPolicy.from_file(path)
    with pytest.raises(UsageError, match="two rows answer for task 't'"):
        ScriptedPolicy([ROW, ROW])


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        ScriptedPolicy.from_file(tmp_path / "absent.jsonl")
    with pytest.raises(UsageError, match="directory"):
        ScriptedPolicy.from_file(tmp_path)
