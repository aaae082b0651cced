from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import ROOT, Cli

PACK = str(ROOT / "memory" / "python-functions.jsonl")


def test_a_pack_goes_from_one_memory_to_another(cli: Cli, home: Path) -> None:
    assert cli("memory", "import", PACK, "--json").json == {"read": 14, "new": 14, "redacted": 0}
    assert "no active lesson to export" in cli("memory", "export", "mine.jsonl").complaint
    cli("memory", "review", "--pack", "python-functions", "--accept")
    assert cli("memory", "export", "mine.jsonl").out == "14 lessons in mine.jsonl\n"
    assert "exists" in cli("memory", "export", "mine.jsonl").complaint
    assert "no active lesson" in cli("memory", "export", "other.jsonl", "--suite", "other").complaint
    there = ("--database", str(home / "other.db"))
    assert "14 lessons in quarantine" in cli("memory", "import", "mine.jsonl", *there).out
    assert "0 lessons in quarantine · 14 were known" in cli("memory", "import", "mine.jsonl", "--name", "x", *there).out
    assert {one["pack"] for one in cli("memory", "review", "--json", *there).json} == {"mine"}


def test_secrets_in_a_pack_are_counted(cli: Cli, home: Path) -> None:
    (home / "p.jsonl").write_text('{"text": "log in with ghp_' + "a1B2" * 10 + '", "suite": "s"}\n')
    assert "1 lesson in quarantine · secrets were removed from 1" in cli("memory", "import", "p.jsonl").out


def test_how_much_is_kept(cli: Cli) -> None:
    assert "no lessons yet" in cli("memory", "stats").out
    cli("memory", "import", PACK)
    told = cli("memory", "stats").out
    assert "humaneval  quarantined  imported       14" in told
    found = cli("memory", "stats", "--json").json
    assert found["lessons"] == [{"suite": "humaneval", "status": "quarantined", "trust": "imported", "n": 14}]
    assert found["bytes"] > 0


def test_what_would_go_and_what_goes(cli: Cli) -> None:
    cli("memory", "import", PACK)
    assert cli("memory", "prune", "unused", "--json").json == [{"kind": "unused", "n": 0, "bytes": 0}]
    would = cli("memory", "prune", "unused", "dropped", "--older-than", "0h", "--dry-run").out
    assert "would go" in would
    assert "dropped         0" in would
    assert cli("memory", "stats", "--json").json["lessons"][0]["n"] == 14
    assert cli("memory", "prune", "unused", "--older-than", "0h", "--json").json[0]["n"] == 14
    assert cli("memory", "stats", "--json").json["lessons"] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "name what may go: unused (lessons that no episode was offered), dropped"),
        (("attempts",), "unknown kind 'attempts'"),
        (("unused", "--older-than", "soon"), "--older-than 'soon': expected a number and h, d or w"),
    ],
)
def test_what_cannot_be_pruned(cli: Cli, arguments: tuple[str, ...], complaint: str) -> None:
    refused = cli("memory", "prune", *arguments)
    assert refused.code == 2
    assert complaint in refused.complaint
