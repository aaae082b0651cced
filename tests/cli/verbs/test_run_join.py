"""``reflexa run --join``: several command lines on one run."""

from __future__ import annotations

from pathlib import Path

from reflexa.memory import Store
from tests.cli.support import Cli, finish, learning_script, right, script, started, wrong


def test_command_lines_that_join_a_run_do_it_together(home: Path, cli: Cli) -> None:
    model = learning_script(home / "answers.jsonl", 12)
    arguments = ["run", "--task", "humaneval", "--limit", "12", "--model", model, "--name", "ours"]
    assert cli(*arguments, "--max-tokens", "500").code == 3
    with started(["run", "--join", "ours", "--json"], home) as one, started(["run", "--join", "ours"], home) as other:
        results = [finish(one), finish(other)]
    assert [result.code for result in results] == [0, 0], [result.err for result in results]
    assert results[0].json["status"] == "finished"
    assert results[0].json["n_tasks"] == 12
    with Store.open(home.parent / "runs.db") as store:
        run_id = store.find_run("ours").id
        calls = [call.context for call in store.calls(run_id)]
    assert len(calls) == len(set(calls)) == 6 + 5 * 3 + 9
    again = cli("run", "--join", "ours", "--json")
    assert again.json == results[0].json


def test_who_joins_leaves_errors_to_who_resumes(home: Path, cli: Cli) -> None:
    """A replay has no recording of a third attempt: that task ends in an error."""
    ids = ("HumanEval/0", "HumanEval/1")
    model = script(home / "answers.jsonl", {ids[0]: [right(ids[0])], ids[1]: [wrong(ids[1])]})
    common = ("run", "--task", "humaneval", "--limit", "2", "--strategy", "retry")
    cli(*common, "--model", model, "--attempts", "2", "--name", "short")
    assert cli(*common, "--model", "replay:short", "--attempts", "3", "--name", "long").code == 1
    joined = cli("run", "--join", "long", "--json")
    assert (joined.code, joined.json["errors"]) == (1, 1)
    assert "has no recording" in cli("run", "--resume", "long").complaint


def test_an_option_that_contradicts_the_run_is_refused(home: Path, cli: Cli) -> None:
    model = learning_script(home / "answers.jsonl", 2)
    cli("run", "--task", "humaneval", "--limit", "2", "--model", model, "--name", "ours")
    refused = cli("run", "--join", "ours", "--seed", "4")
    assert refused.code == 2
    assert "--seed was 0, now 4" in refused.complaint
    assert "without --join" in refused.complaint
