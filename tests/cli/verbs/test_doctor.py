from __future__ import annotations

from pathlib import Path

import pytest

import reflexa
from tests.cli.support import Cli

SECRET = "sk-this-must-never-be-shown-anywhere"


def test_json_has_everything_and_no_secret(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("REFLEXA_DATABASE_URL", f"postgresql://reflexa:{SECRET}@127.0.0.1:1/runs")
    done = cli("doctor", "--json")
    assert done.code == 0
    found = done.json
    assert found["version"] == reflexa.__version__
    assert "OPENAI_API_KEY" in found["keys_set"]
    assert found["extras"]["dev"] is True
    assert found["database"]["problem"]
    assert {report["level"] for report in found["sandbox"]} == {"double", "strong", "external", "weak"}
    assert SECRET not in done.out + done.err


def test_the_text_says_what_each_level_stops_and_makes_no_database(cli: Cli, home: Path) -> None:
    shown = cli("doctor").out
    assert shown.startswith("reflexa ")
    assert "none yet, the first run makes it" in shown
    assert not (home.parent / "runs.db").exists()
    assert "sandbox" in shown
    assert "weak: " in shown


def test_a_database_is_described(look: Cli) -> None:
    found = look("doctor", "--json").json["database"]
    assert found["exists"] is True
    assert found["runs"] >= 3
    assert found["schema_version"]
