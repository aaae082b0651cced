from __future__ import annotations

from pathlib import Path

from tests.cli.support import Cli


def test_a_database_is_copied_and_put_back(look: Cli, cli: Cli, home: Path) -> None:
    said = look("memory", "backup", "copy.db")
    assert said.code == 0
    assert said.out.startswith("copied 3 runs, ")
    assert f" to {home / 'copy.db'} (" in said.out
    refused = look("memory", "backup", "copy.db")
    assert refused.code == 2
    assert "copy.db exists: name another file, or add --replace" in refused.complaint
    copied = look("memory", "backup", "copy.db", "--replace", "--json").json
    restored = cli("memory", "restore", "copy.db", "--database", "fresh.db", "--json").json
    assert restored["rows"] == copied["rows"]
    assert restored["rows"]["runs"] == 3
    assert cli("runs", "list", "--database", "fresh.db", "--json").json == look("runs", "list", "--json").json
    again = cli("memory", "restore", "copy.db", "--database", "fresh.db")
    assert again.code == 2
    assert "is not empty (3 runs)" in again.complaint
    assert cli("memory", "restore", "copy.db", "--database", "fresh.db", "--replace").code == 0


def test_what_is_not_there_is_said(cli: Cli) -> None:
    assert "there is no database at" in cli("memory", "backup", "copy.db").complaint
    assert "no such file" in cli("memory", "restore", "copy.db").complaint
