from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.support import Cli, own_suite, right

GOOD, BAD = "    return 2 * x\n", "    return x\n"


def answers(path: Path, rows: Sequence[tuple[str, str]]) -> str:
    """A file of completions."""
    lines = [json.dumps({"task_id": task_id, "completion": text}) + "\n" for task_id, text in rows]
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def test_json_has_every_answers_verdict_in_the_files_order(cli: Cli, home: Path) -> None:
    own_suite(home / "mine.jsonl", 3)
    file = answers(home / "a.jsonl", [("own/2", BAD), ("own/0", GOOD), ("own/1", BAD), ("own/0", BAD)])
    done = cli("verify", "--task", "mine.jsonl", file, "--json")
    assert done.code == 0
    judged = done.json
    assert (judged["n"], judged["passed"], judged["task"]) == (4, 1, str(home / "mine.jsonl"))
    assert [(row["task_id"], row["passed"]) for row in judged["results"]] == [
        ("own/2", False),
        ("own/0", True),
        ("own/1", False),
        ("own/0", False),
    ]
    assert judged["results"][0]["feedback"] == "double(3) returned 3, expected 6"
    assert [row["score"] for row in judged["results"]] == [0.0, 1.0, 0.0, 0.0]
    assert judged["pass_at_k"] == {"1": pytest.approx(0.5 / 3)}
    assert judged["sandbox"] in ("double", "strong", "external")


def test_pass_at_ten_where_every_task_has_ten_answers(cli: Cli, home: Path) -> None:
    own_suite(home / "mine.jsonl", 2)
    rows = [(f"own/{task}", GOOD if sample == task else BAD) for task in range(2) for sample in range(10)]
    judged = cli("verify", "--task", "mine.jsonl", answers(home / "a.jsonl", rows), "--json").json
    assert judged["pass_at_k"] == {"1": pytest.approx(0.1), "10": pytest.approx(1.0)}


def test_the_text_shows_the_rate_and_why_answers_failed(cli: Cli, home: Path) -> None:
    row = {"task_id": "HumanEval/0", "solution": right("HumanEval/0")}
    more = {"task_id": "HumanEval/1", "completion": "    return '\x1b[31m'\n"}
    (home / "a.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(more) + "\n", encoding="utf-8")
    done = cli("verify", "--task", "humaneval", "a.jsonl")
    assert "1  50.0 %" in done.out
    assert "1 of 2 answers to 2 tasks of humaneval passed" in done.out
    assert "  HumanEval/1: " in done.out
    assert "\x1b" not in done.out
    assert "162 tasks of humaneval without an answer" in done.err


def test_an_endless_answer_ends_at_the_timeout(cli: Cli, home: Path) -> None:
    own_suite(home / "mine.jsonl", 1)
    file = answers(home / "a.jsonl", [("own/0", "    while True:\n        pass\n")])
    judged = cli("verify", "--task", "mine.jsonl", file, "--timeout", "0.5", "--json").json
    assert judged["passed"] == 0
    assert "0.5" in judged["results"][0]["feedback"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ('{"task_id": "own/9", "completion": ""}\n', "unknown task of suite mine in a.jsonl 'own/9': did you mean"),
        ('{"task_id": "own/0"}\n', "a.jsonl:1:"),
        ('{"task_id": "own/0", "completion": ""}\n{"task_id\n', "a.jsonl:2:"),
        ("", "holds no answers"),
    ],
)
def test_bad_files_are_one_line_and_code_2(cli: Cli, home: Path, rows: str, words: str) -> None:
    own_suite(home / "mine.jsonl", 1)
    (home / "a.jsonl").write_text(rows, encoding="utf-8")
    refused = cli("verify", "--task", "mine.jsonl", "a.jsonl")
    assert refused.code == 2
    assert words in refused.complaint


def test_a_missing_file_is_named(cli: Cli) -> None:
    assert "nowhere.jsonl: no such file" in cli("verify", "--task", "humaneval", "nowhere.jsonl").complaint
