from __future__ import annotations

from pathlib import Path

from inspect_ai.log import read_eval_log

from tests.cli.conftest import Recorded
from tests.cli.support import LESSON, Cli


def test_a_run_becomes_a_log_that_inspect_reads(look: Cli, tmp_path: Path) -> None:
    path = tmp_path / "first.eval"
    written = look("runs", "log", "first", "-o", str(path))
    assert written.code == 0, written.err
    assert "4 samples of run" in written.out
    assert f"INSPECT_LOG_DIR={tmp_path} inspect view" in written.out
    log = read_eval_log(str(path))
    assert log.results is not None
    assert {score.name: score.metrics["accuracy"].value for score in log.results.scores} == {
        "first_attempt": 0.5,
        "submitted": 0.75,
    }
    assert LESSON in log.model_dump_json()


def test_it_says_as_json_what_it_wrote(look: Cli, recorded: Recorded, tmp_path: Path) -> None:
    path = tmp_path / "peeked.json"
    written = look("runs", "log", "peeked", "--out", str(path), "--json").json
    assert (written["samples"], written["file"]) == (4, str(path))
    spec = read_eval_log(str(path), header_only=True).eval
    assert spec.metadata is not None
    assert spec.metadata["oracle"] is True


def test_what_cannot_be_written_is_one_line(look: Cli, tmp_path: Path) -> None:
    refused = look("runs", "log", "first", "-o", str(tmp_path / "run.txt"))
    assert refused.code == 2
    assert ".eval or .json" in refused.complaint
    assert "did you mean first" in look("runs", "log", "firts").complaint
