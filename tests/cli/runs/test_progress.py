from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from reflexa.agent import Tally
from reflexa.cli.runs.progress import RunProgress, state
from reflexa.errors import StoreError
from reflexa.memory.episodes.reading import Standing
from reflexa.types import Usage
from tests.cli.support import ROOT, learning_script

TALLY = Tally(
    total=20, solved=3, failed=2, retrying=1, usage=Usage(input_tokens=1200, output_tokens=300, cost_usd=0.02)
)


def test_the_state_in_words() -> None:
    assert state(TALLY, 62) == "3 solved · 2 failed · 1 retrying · 1.5k tokens · $0.02 · 1m02s left"
    broken = TALLY.model_copy(update={"errors": 2, "usage": Usage()})
    assert state(broken, None) == "3 solved · 2 failed · 1 retrying · 2 errors · 0 tokens"


def test_a_log_gets_no_live_line(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress("humaneval", Tally(total=20)) as progress:
        progress(TALLY)
    assert capsys.readouterr().err == ""


def test_the_whole_run_is_shown_where_others_work_on_it() -> None:
    progress = RunProgress("sums", Tally(total=20, solved=2), lambda: Standing(solved=9, failed=2, errors=1))
    done, words = progress.shown(TALLY)
    assert done == 12
    assert words.startswith("5 here · 9 solved · 2 failed · 1 retrying · 1 errors")
    done, words = progress.shown(TALLY.model_copy(update={"failed": 5}))
    assert done == 15
    assert words.startswith("8 here · 9 solved · 5 failed")


def test_our_own_tally_is_shown_where_the_run_cannot_be_looked_at() -> None:
    def out_of_reach() -> Standing:
        raise StoreError("the database is locked")

    done, words = RunProgress("sums", Tally(total=20), out_of_reach).shown(TALLY)
    assert (done, words.partition(" · ")[0]) == (5, "3 solved")


@pytest.mark.parametrize("no_color", [False, True])
def test_a_person_sees_a_live_line_on_stderr_and_results_alone_on_stdout(home: Path, no_color: bool) -> None:
    controller, terminal = pty.openpty()
    model = learning_script(home / "answers.jsonl")
    command = [sys.executable, "-m", "reflexa", "run", "--task", "humaneval", "--limit", "4", "--model", model]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "120"}
    environment |= {"NO_COLOR": "1"} if no_color else {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=environment, text=True) as process:
        os.close(terminal)
        seen = _read_all(controller)
        out = process.stdout.read() if process.stdout else ""
    assert process.returncode == 0
    assert "4/4" in seen
    assert "3 solved" in seen
    assert "\x1b" not in out
    assert ("\x1b[38;" in seen or "\x1b[3" in seen or "\x1b[9" in seen) is not no_color


def _read_all(descriptor: int) -> str:
    pieces = []
    try:
        while piece := os.read(descriptor, 65536):
            pieces.append(piece)
    except OSError:  # how Linux says that nobody writes to the terminal any more
        pass
    os.close(descriptor)
    return b"".join(pieces).decode("utf-8", "replace")
