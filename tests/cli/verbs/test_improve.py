"""The circle from the command line: its table, its ledger, and going on with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli, letters_suite
from tests.support.tiny_models import make_checkpoint


@pytest.fixture
def suite(home: Path) -> str:
    return letters_suite(home)


def test_a_circle_prints_its_ledger_and_goes_on_to_no_more(cli: Cli, suite: str, tmp_path: Path) -> None:
    model, out = str(make_checkpoint(tmp_path / "tiny")), str(tmp_path / "out")
    options = ["--task", suite, "--model", model, "--rounds", "1", "--samples", "2", "--max-new-tokens", "4"]
    done = cli("improve", *options, "--out", out, "--set", "steps=1", "--json")
    assert done.code == 0, done.err
    ledger = done.json
    assert (ledger["status"], len(ledger["rounds"])) == ("finished", 1)
    again = cli("improve", "--resume", ledger["id"])
    assert again.code == 0, again.err
    assert f"improvement {ledger['id']}" in again.out
    assert "champion: " in again.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "which tasks?"),
        (["--task", "x", "--method", "magic"], "unknown method 'magic'"),
        (["--resume", "i0"], "unknown improvement 'i0'"),
        (["--task", "humaneval", "--model", "hf:x"], "has no split 'train'"),
    ],
)
def test_what_cannot_be_improved_gets_one_line(cli: Cli, arguments: list[str], complaint: str) -> None:
    done = cli("improve", *arguments)
    assert done.code == 2
    assert complaint in done.complaint
