from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from reflexa.memory import Store
from reflexa.types import Episode
from tests.cli.conftest import Recorded
from tests.cli.support import (
    Cli,
    Result,
    descendants,
    finish,
    is_running,
    learning_script,
    own_suite,
    press_ctrl_c,
    right,
    script,
    started,
    wait_until,
    wrong,
)

TABLE = """\
attempt  solved  rate              gained
1        2/4     50.0 % [15–85]    –
2        3/4     75.0 % [30–95]    +1
3        3/4     75.0 % [30–95]    +0
"""
SAME = ("pass_by_attempt", "solved", "calls", "tokens", "n_tasks")
FIELDS = [
    "run_id",
    "suite",
    "split",
    "model",
    "strategy",
    "feedback",
    "n_tasks",
    "solved",
    "pass_at_1",
    "pass_by_attempt",
    "ci95",
    "calls",
    "tokens",
    "cost_usd",
    "seconds",
    "errors",
]


@pytest.fixture
def run(cli: Cli, home: Path) -> Cli:
    """Runs the first four tasks, with a model that solves two at once and one at the second attempt."""
    model = learning_script(home / "answers.jsonl")

    def invoke(*arguments: str) -> Result:
        return cli("run", "--task", "humaneval", "--limit", "4", "--attempts", "3", "--model", model, *arguments)

    return invoke


def test_a_run_ends_with_a_table_that_people_read(recorded: Recorded) -> None:
    done = recorded.first
    assert done.code == 0
    lines = done.out.splitlines()
    assert "(first): humaneval (test) · scripted:" in lines[0]
    assert [line.split() for line in lines[1:5]] == [line.split() for line in TABLE.splitlines()]
    assert lines[5].startswith("3 solved, 1 not, 0 errors in ")
    assert " · 10 calls · " in lines[5]
    assert lines[6].startswith("next: reflexa runs show ")
    assert "4 tasks" in done.err
    assert "sandbox" in done.err


def test_a_finished_run_reports_again_as_json_and_runs_nothing(look: Cli) -> None:
    done = look("run", "--resume", "first", "--json")
    report = done.json
    assert done.code == 0
    assert "nothing is left to run" in done.err
    assert set(FIELDS) <= set(report)
    told = ("humaneval", "test", "reflexion", "auto")
    assert (report["suite"], report["split"], report["strategy"], report["feedback"]) == told
    assert (report["n_tasks"], report["solved"], report["pass_at_1"]) == (4, 3, 0.5)
    assert report["pass_by_attempt"] == [0.5, 0.75, 0.75]
    assert (report["calls"], report["cost_usd"], report["errors"], report["oracle"]) == (10, 0.0, 0, False)
    assert report["ci95"][0] < 0.75 < report["ci95"][1]
    assert report["sandbox"] in ("double", "strong", "external", "weak")


def test_an_oracle_run_is_marked_wherever_it_is_shown(recorded: Recorded, look: Cli) -> None:
    assert "ORACLE" in recorded.peeked.out.splitlines()[0]
    assert look("runs", "list").out.count("ORACLE") == 1
    assert "ORACLE" in look("runs", "show", "peeked").out
    assert look("runs", "show", "peeked", "--json").json["oracle"] is True
    compared = look("compare", "first", "peeked").out
    assert "ORACLE" in compared
    assert "(oracle)" in compared


def test_a_baseline_runs_beside_it_and_is_compared(recorded: Recorded, look: Cli) -> None:
    assert recorded.baseline.code == 0
    report = recorded.baseline.json
    assert report["baseline"]["strategy"] == "retry"
    assert report["comparison"]["a"]["run_id"] == report["baseline"]["run_id"]
    assert report["comparison"]["b"]["run_id"] == report["run_id"]
    assert (report["comparison"]["n"], report["baseline"]["n_tasks"]) == (4, 4)
    again = look("run", "--resume", "first", "--baseline", "retry")
    assert again.code == 0
    assert "not shown to differ" in again.out
    assert report["baseline"]["run_id"] in again.out
    assert len(look("runs", "list", "--json").json) == 3


def test_a_recorded_run_replays_to_the_same_table(look: Cli, home: Path) -> None:
    first = look("run", "--resume", "first", "--json").json
    common = ("run", "--task", "humaneval", "--limit", "4", "--attempts", "3")
    arguments = (*common, "--model", f"replay:{first['run_id'][:6]}", "--json")
    replayed = look(*arguments, "--name", f"replayed-{os.getpid()}").json
    for same in SAME:
        assert replayed[same] == first[same]


def test_a_budget_stops_the_run_and_it_goes_on(run: Cli, cli: Cli, recorded: Recorded) -> None:
    stopped = run("--max-tokens", "300", "--concurrency", "1", "--json", "--name", "poor")
    assert stopped.code == 3
    assert stopped.json["status"] == "budget"
    assert stopped.json["n_tasks"] < 4
    assert "budget of 300 tokens is spent" in stopped.err
    assert f"reflexa run --resume {stopped.json['run_id']}" in stopped.err
    resumed = cli("run", "--resume", "poor", "--json")
    assert resumed.code == 0
    whole = recorded.baseline.json
    for same in SAME:
        assert resumed.json[same] == whole[same]


def test_resuming_with_another_configuration_is_refused_and_says_what_differs(look: Cli) -> None:
    refused = look("run", "--resume", "first", "--strategy", "retry", "--attempts", "9", "--seed", "4", "--limit", "2")
    assert refused.code == 2
    for words in (
        "--strategy was reflexion, now retry",
        "--attempts was 3, now 9",
        "--seed was 0, now 4",
        "--limit",
    ):
        assert words in refused.complaint


def test_the_same_options_again_are_no_contradiction(look: Cli) -> None:
    assert look("run", "--resume", "first", "--task", "humaneval", "--limit", "4", "--strategy", "reflexion").code == 0


def test_a_suite_that_changed_is_not_resumed(cli: Cli, home: Path) -> None:
    suite = own_suite(home / "mine.jsonl", 2)
    model = script(home / "answers.jsonl", {"own/0": ["def double(x):\n    return 2 * x\n"]})
    assert cli("run", "--task", str(suite), "--model", model, "--name", "own").code == 0
    own_suite(suite, 3)
    refused = cli("run", "--resume", "own")
    assert refused.code == 2
    assert "has changed since run" in refused.complaint


def test_infrastructure_errors_are_code_1_and_are_tried_again(cli: Cli, home: Path) -> None:
    """A replay has no recording of a third attempt: those tasks end in errors, which are no verdicts."""
    ids = ("HumanEval/0", "HumanEval/1")
    model = script(home / "answers.jsonl", {ids[0]: [right(ids[0])], ids[1]: [wrong(ids[1])]})
    common = ("run", "--task", "humaneval", "--limit", "2", "--strategy", "retry")
    assert cli(*common, "--model", model, "--attempts", "2", "--name", "short").code == 0
    broken = cli(*common, "--model", "replay:short", "--attempts", "3", "--name", "long", "--json")
    assert broken.code == 1
    assert (broken.json["solved"], broken.json["errors"]) == (1, 1)
    assert "HumanEval/1 ended in an error: PolicyError" in broken.err
    assert f"reflexa run --resume {broken.json['run_id']}" in broken.err
    again = cli("run", "--resume", "long")
    assert again.code == 1
    assert "has no recording" in again.complaint


def test_a_dry_run_prints_the_configuration_and_makes_nothing(run: Cli, home: Path) -> None:
    shown = run("--dry-run", "--json")
    assert shown.json["strategy"] == "reflexion"
    assert shown.json["task_ids"] == [f"HumanEval/{n}" for n in range(4)]
    assert "HumanEval/0, HumanEval/1" in run("--dry-run").out
    assert not list(home.parent.glob("*.db"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "reflexa run --task humaneval"),
        (("--task", "humanevl"), "unknown suite 'humanevl': did you mean humaneval or humaneval-plus?"),
        (("--task", "humaneval", "--limit", "0"), "limit '0'"),
        (("--task", "humaneval", "--limit", "200-300"), "begins behind the last"),
        (("--task", "humaneval", "--only", "HumanEval/999"), "unknown task of suite humaneval 'HumanEval/999'"),
        (("--task", "humaneval", "--split", "train"), "no split 'train'"),
        (("--task", "humaneval", "--strategy", "reflexio"), "unknown strategy 'reflexio': did you mean reflexion"),
        (("--task", "humaneval", "--baseline", "rety"), "unknown baseline 'rety': did you mean retry"),
        (("--task", "humaneval", "--feedback", "orakel"), "unknown feedback 'orakel': did you mean oracle"),
        (("--task", "humaneval", "--sandbox", "stron"), "unknown sandbox level 'stron': did you mean strong"),
        (("--task", "humaneval", "--max-tokens", "0"), "--max-tokens"),
        (("--task", "humaneval", "--model", "embeded"), "unknown model 'embeded': did you mean embedded"),
        (("--task", "humaneval", "--model", "scripted:nowhere.jsonl"), "nowhere.jsonl"),
        (("--task", "humaneval", "--model", "replay:nothing"), "unknown run 'nothing'"),
        (
            (
                "--task",
                "nowhere.jsonl",
            ),
            "nowhere.jsonl: no such file",
        ),
        (("--resume", "nothing"), "unknown run 'nothing'"),
        (("--join", "nothing"), "unknown run 'nothing'"),
        (("--join", "nothing", "--resume", "nothing"), "leave out --resume"),
        (("--join", "nothing", "--baseline", "retry"), "leave out --resume"),
        (("--task", "humaneval", "--on", "rey"), "unknown place to run on 'rey': did you mean ray"),
        (("--task", "humaneval", "--workers", "2"), "add --on ray"),
    ],
)
def test_bad_input_is_one_line_and_code_2(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    refused = cli("run", *arguments)
    assert refused.code == 2
    assert words in refused.complaint
    assert refused.out == ""
    assert cli("runs", "list", "--json").json == []


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ('{"task": "HumanEval/0", "attempts": "x"}', "column 25"),
        ('{"task": "HumanEval/0", ', "column 25"),
        ('{"task": "HumanEval/0"}\n\n{"tusk": 1}', "line 3"),
    ],
)
def test_malformed_rows_are_named_by_file_line_and_column(cli: Cli, home: Path, row: str, place: str) -> None:
    (home / "answers.jsonl").write_text(row + "\n", encoding="utf-8")
    refused = cli("run", "--task", "humaneval", "--model", "scripted:answers.jsonl")
    assert refused.code == 2
    assert "answers.jsonl" in refused.complaint
    assert place in refused.complaint


def test_a_malformed_suite_is_named_by_file_line_and_column(cli: Cli, home: Path) -> None:
    suite = own_suite(home / "mine.jsonl", 2)
    suite.write_text(suite.read_text(encoding="utf-8") + '{"task_id": "own/2", oops}\n', encoding="utf-8")
    refused = cli("run", "--task", "mine.jsonl")
    assert refused.code == 2
    assert "mine.jsonl:3:22" in refused.complaint


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://localhost/x", "'mysql' are not supported"),
        ("sqlite://", "needs a file"),
        ("nonsense://x", "'nonsense'"),
        ("/proc/nowhere/runs.db", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_had(run: Cli, url: str, words: str) -> None:
    refused = run("--database", url)
    assert refused.code in (1, 2)
    assert words in refused.complaint


def test_a_file_that_is_no_database(run: Cli, home: Path) -> None:
    (home / "notes.db").write_text("these are notes, " * 100, encoding="utf-8")
    refused = run("--database", "notes.db")
    assert refused.code == 1
    assert "not a SQLite database" in refused.complaint
    assert (home / "notes.db").read_text(encoding="utf-8").startswith("these are notes")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(run: Cli, home: Path) -> None:
    (home / "locked").mkdir(mode=0o555)
    refused = run("--database", "locked/runs.db")
    assert refused.code == 1
    assert "write permission" in refused.complaint


def test_a_run_of_a_newer_version_is_refused(run: Cli, home: Path) -> None:
    run("--database", "newer.db")
    with sqlite3.connect(home / "newer.db") as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    refused = run("--database", "newer.db")
    assert refused.code == 1
    assert "newer" in refused.complaint


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(home: Path, cli: Cli, presses: int) -> None:
    model = learning_script(home / "answers.jsonl", 160)
    arguments = ["run", "--task", "humaneval", "--limit", "160", "--model", model, "--name", "stopped"]
    with started(arguments, home) as process:
        wait_until(lambda: len(_ended(home.parent / "runs.db", "stopped")) >= 2, process)
        children = descendants(process.pid)
        assert children
        for _ in range(presses):
            press_ctrl_c(process)
        done = finish(process)
    assert done.code == 130
    shown = cli("runs", "show", "stopped", "--json").json
    assert shown["status"] == "interrupted"
    assert f"reflexa run --resume {shown['run_id']}" in done.err
    assert "Traceback" not in done.err
    wait_until(lambda: not any(is_running(pid) for pid in children))


def test_sigterm_is_a_ctrl_c(home: Path) -> None:
    model = learning_script(home / "answers.jsonl", 160)
    arguments = ["run", "--task", "humaneval", "--limit", "160", "--model", model, "--name", "ended"]
    with started(arguments, home) as process:
        wait_until(lambda: len(_ended(home.parent / "runs.db", "ended")) >= 1, process)
        process.send_signal(signal.SIGTERM)
        done = finish(process)
    assert done.code == 130
    assert "reflexa run --resume" in done.err


def test_the_same_run_resumed_twice_at_once_is_done_once(home: Path, cli: Cli) -> None:
    model = learning_script(home / "answers.jsonl", 24)
    arguments = ["run", "--task", "humaneval", "--limit", "24", "--model", model, "--name", "twice"]
    assert cli(*arguments, "--max-tokens", "1000").code == 3
    resume = ["run", "--resume", "twice", "--json"]
    with started(resume, home) as one, started(resume, home) as other:
        results = [finish(one), finish(other)]
    codes = sorted(result.code for result in results)
    assert codes in ([0, 1], [0, 0])  # the second is refused, or comes when all is done
    for refused in (result for result in results if result.code == 1):
        assert "in use by process" in refused.complaint
    with Store.open(home.parent / "runs.db") as store:
        run_id = store.find_run("twice").id
        calls = [call.context for call in store.calls(run_id)]
        episodes = list(store.episodes(run_id))
    assert len(calls) == len(set(calls)) == 12 + 11 * 3 + 9
    assert [episode.task.id for episode in episodes] == [f"HumanEval/{n}" for n in range(24)]


def _ended(database: Path, name: str) -> dict[str, Episode]:
    """The episodes that have ended so far; none before there is a run."""
    if not database.exists():
        return {}
    with Store.open(database) as store:
        known = [run for run in store.list_runs() if run.name == name]
        return {episode.task.id: episode for run in known for episode in store.episodes(run.id)}
