"""The ledger as people read it, and a circle whose budget is spent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reflexa.improve import Canary, Costs, ImproveConfig, Ledger, Rival, Round
from reflexa.memory import Store
from tests.cli.support import LETTERS, Cli

SUITE = LETTERS.replace("regex:[a-m]", "regex:right").replace("letters.jsonl", "words.jsonl")
RIVAL = Rival(
    run="m1", samples=2, chosen="chosen by the vote of the answers", rate=0.3, difference=0.1, p=0.25, affordable=40,
    tokens=500,
)  # fmt: skip


@pytest.fixture
def config(home: Path) -> ImproveConfig:
    rows = [
        {"id": f"{split}{n}", "question": f"{split} {n}?", "split": split}
        for split in ("train", "test")
        for n in (1, 2)
    ]
    (home / "words.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "words.toml").write_text(SUITE)
    return ImproveConfig(suite=str(home / "words.toml"), model="first", method="rest-em", output=home / "out", rounds=2)


def keep(home: Path, ledger: Ledger) -> None:
    with Store.open(home.parent / "runs.db") as store:
        store.record_improvement(ledger.id, ledger.created, ledger.model_dump(mode="json"))


def test_the_ledger_shows_both_tests_and_the_canary(cli: Cli, home: Path, config: ImproveConfig) -> None:
    better = Round(
        number=1, sampler="first", learner="first", rows=12, held_out_run="r1", held_out=0.4, difference=0.2, p=0.01,
        checkpoint="second", promoted=True, why="more", rival=RIVAL, canary=Canary(proxy="x", tasks=2, words="quiet"),
        costs=Costs(sampled=9000, measured=300),
    )  # fmt: skip
    gamed = better.with_(
        number=2,
        promoted=False,
        why="its gain is not to be\ntrusted",
        canary=Canary(proxy="x", tripped=True, words="!"),
    )
    keep(
        home,
        Ledger(id="i1", config=config, base_run="r0", base=0.2, base_tokens=200, rounds=(better, gamed), seconds=61.0),
    )
    told = cli("improve", "--resume", "i1")
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0].endswith("words.toml · rest-em")
    assert lines[3].split("  ")[-1].strip() == "promoted"
    assert "12 rows" in lines[3]
    assert "30.0 % (n = 2)" in lines[3]
    assert "TRIPPED" in lines[4]
    assert "round 2: its gain is not to be trusted" in told.out
    assert "all that round 2 sampled would have paid for the best of 40" in told.out
    assert "19.3k tokens sampled in 1m01s" in told.out
    assert lines[-1] == "champion: second"


def test_a_round_is_not_begun_once_the_budget_is_spent(cli: Cli, home: Path, config: ImproveConfig) -> None:
    config = config.model_copy(update={"budget": 10_000})
    done = Round(number=1, sampler="first", learner="first", rows=0, promoted=False, costs=Costs(sampled=9800))
    keep(home, Ledger(id="i1", config=config, base_run="r0", base=0.2, base_tokens=200, rounds=(done,), seconds=61.0))
    told = cli("improve", "--resume", "i1", "--json")
    assert told.code == 3
    assert told.json["status"] == "budget"
    assert "round 2 is not begun: 10,000 tokens were sampled, of a budget of 10,000" in told.err
    assert "with more of --budget or --hours" in told.err
    hours = cli("improve", "--resume", "i1", "--budget", "99999", "--hours", "0.01")
    assert hours.code == 3
    assert "0.02 hours were spent, of 0.01" in hours.err
