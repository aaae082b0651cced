"""docs/memory.md: its Python runs, its SQL runs, and it names every table and key."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reflexa.memory.schema import metadata
from reflexa.memory.store import Store

TEXT = (Path(__file__).parents[2] / "docs" / "memory.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(blocks("python")) == 1
    exec(blocks("python")[0], {})
    assert (tmp_path / "memory.db").exists()


def test_its_sql_runs(tmp_path: Path) -> None:
    Store.open(tmp_path / "a.db").close()
    assert len(blocks("sql")) == 1
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute(blocks("sql")[0])


def test_it_names_every_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \|$", TEXT, re.M)
    assert sorted(rows) == sorted(metadata.tables)
