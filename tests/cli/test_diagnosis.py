from __future__ import annotations

from reflexa.cli.diagnosis import DatabaseReport, Diagnosis, text
from reflexa.models import ModelForm
from reflexa.sandbox import Act, LevelReport

FOUND = Diagnosis(
    version="1.0",
    code="1.0 (abc)",
    python="CPython 3.12.1",
    platform="Linux",
    cores=2,
    packages={"typer": "0.29"},
    extras={"train": False},
    workspace="/w",
    database=DatabaseReport(where="/w/memory/reflexa.db", exists=True, schema_version="0001", runs=2),
    models=(ModelForm(form="embedded", what="", ready=False, hint="reflexa models pull embedded"),),
    keys_set=("OPENAI_API_KEY",),
    sandbox=(
        LevelReport(level="double", available=False, reason="bubblewrap is not installed"),
        LevelReport(level="strong", available=True, acts=(Act(name="TCP", stopped=True),)),
        LevelReport(
            level="weak", available=True, acts=(Act(name="fork", stopped=True), Act(name="TCP", stopped=False))
        ),
    ),
    hint="apt-get install bubblewrap",
)


def test_it_says_what_is_there_what_is_missing_and_how_to_get_it() -> None:
    lines = {tuple(line.split(maxsplit=1)) for line in text(FOUND).splitlines()}
    assert {
        ("reflexa", "1.0 (abc)"),
        ("extras", "train no"),
        ("database", "/w/memory/reflexa.db: schema 0001, 2 runs"),
        ("no", "embedded  reflexa models pull embedded"),
        ("keys", "set     OPENAI_API_KEY"),
        ("sandbox", "double: not to be had: bubblewrap is not installed"),
        ("sandbox", "strong: stops TCP"),
        ("sandbox", "weak: stops fork; DOES NOT STOP TCP"),
        ("bubblewrap", "for the strongest sandbox: apt-get install bubblewrap"),
    } <= lines


def test_a_database_that_cannot_be_used_says_why() -> None:
    broken = FOUND.model_copy(update={"database": DatabaseReport(where="x", exists=True, problem="it is locked")})
    assert "x: it is locked" in text(broken)
