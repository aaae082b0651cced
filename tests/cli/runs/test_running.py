from __future__ import annotations

from pathlib import Path

from benchmarks import kill
from reflexa.cli.options.run import RunOptions
from reflexa.cli.runs.plan import flags, new_plan
from reflexa.cli.runs.running import bench_options, resume_command
from reflexa.cli.session import Session
from reflexa.types import RunConfig, RunRecord

RUN = RunRecord(id="k7f2c1m9", config=RunConfig(suite="humaneval", model="embedded"))


def test_the_resume_command_repeats_what_no_run_records() -> None:
    assert resume_command(RunOptions(strategy="retry", max_tokens=5), RUN) == "reflexa run --resume k7f2c1m9"
    options = RunOptions(
        database="my runs.db", baseline="retry", api_base="http://127.0.0.1:8000/v1", allow_weak_sandbox=True
    )
    assert resume_command(options, RUN) == (
        "reflexa run --resume k7f2c1m9 --baseline retry --api-base http://127.0.0.1:8000/v1 --allow-weak-sandbox "
        "--database 'my runs.db'"
    )


def test_the_resume_command_of_who_joined_joins_again() -> None:
    options = RunOptions(join="k7f2c1m9", on="ray:10.0.0.1:6379", workers=3)
    assert resume_command(options, RUN) == "reflexa run --join k7f2c1m9 --on ray:10.0.0.1:6379 --workers 3"


def test_the_resume_command_never_shows_a_password() -> None:
    assert "hunter2" not in resume_command(RunOptions(database="postgresql://me:hunter2@host/runs"), RUN)


def test_how_a_run_is_carried_out_comes_from_flags_and_settings(home: Path) -> None:
    options = RunOptions(task="humaneval", sandbox="strong", context=2048, api_base="http://127.0.0.1:1")
    session = Session.here(flags(options))
    bench = bench_options(options, session, new_plan(options, session))
    assert (bench.sandbox, bench.context, bench.api_base) == ("strong", 2048, "http://127.0.0.1:1")
    assert bench.concurrency == 0  # as many as suit the machine
    few = Session.here(flags(RunOptions(concurrency=3)))
    assert bench_options(options, few, new_plan(options, few)).concurrency == 3


def test_a_run_that_is_killed_again_and_again_loses_and_repeats_nothing(tmp_path: Path) -> None:
    figures = kill.measure(tmp_path, kills=3, tasks=12)
    assert figures.kills == 3
    assert (figures.lost, figures.changed, figures.unexplained, figures.same_table) == (0, 0, 0, True)
    assert all(0 <= calls <= kill.CONCURRENCY for calls in figures.repaid)
