from __future__ import annotations

from pathlib import Path

from tests.cli.support import Cli


def test_init_makes_a_workspace_once(cli: Cli, home: Path) -> None:
    made = cli("init", "mine", "--json")
    assert made.code == 0
    assert made.json["workspace"] == str(home / "mine")
    assert str(home / "mine" / "reflexa.toml") in made.json["made"]
    again = cli("init", "mine")
    assert again.code == 2
    assert "is a workspace already" in again.complaint


def test_init_of_this_folder_says_what_to_do_next(cli: Cli) -> None:
    shown = cli("init").out
    assert "reflexa.toml" in shown
    assert "next:" in shown
