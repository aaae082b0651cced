"""What was trained here is listed with what it came from, is a model at once by any name, and is exported plain."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.models import resolve_model
from reflexa.cli.session import Session
from reflexa.errors import UsageError
from reflexa.memory import Store
from reflexa.rows import TrainingRecord
from tests.cli.support import Cli, own_suite
from tests.support.tiny_models import make_checkpoint

FIRST, SECOND, ROUND = "t0000000a", "t0000000b", "i0000000c-1"


@pytest.fixture
def family(home: Path) -> Path:
    """A base model, two trainings one after the other, and a round of a circle that has made nothing yet."""
    base = make_checkpoint(home / "base")
    for name in ("first", "second"):
        make_checkpoint(home / name / "model")
    with Store.open(home.parent / "runs.db") as store:
        for number, (name, model, output) in enumerate(
            [(FIRST, base, "first"), (SECOND, home / "first" / "model", "second"), (ROUND, base, "third")]
        ):
            made = output != "third"
            store.record_training(
                TrainingRecord(
                    id=name,
                    algorithm="sft",
                    model=str(model),
                    config={"output": str(home / output)},
                    status="finished" if made else "running",
                    created=float(number),
                    checkpoint=str(home / output / "model") if made else None,
                    loss=0.25 if made else None,
                )
            )
        ledger = {"config": {"model": str(base)}, "rounds": [{"checkpoint": "x", "promoted": False}]}
        store.record_improvement("i0000000c", 1.0, ledger)
    return home


def test_they_are_listed_with_their_ancestry(cli: Cli, family: Path) -> None:
    listed = cli("models", "list", "--json").json["trained"]
    assert [each["training"] for each in listed] == [SECOND, FIRST]
    assert listed[0]["ancestry"] == [SECOND, FIRST, str(family / "base")]
    assert listed[1]["ancestry"] == [FIRST, str(family / "base")]
    assert all(each["there"] and each["retracted"] is None for each in listed)
    assert len(cli("models", "list", "--json", "--limit", "1").json["trained"]) == 1
    second = next(line for line in cli("models", "list").out.splitlines() if line.startswith(SECOND))
    assert second.split()[1:5] == ["sft", "0.2500", FIRST, "←"]


def test_what_is_retracted_or_gone_is_marked(cli: Cli, family: Path) -> None:
    assert cli("memory", "retract", FIRST, "--reason", "bad rows").code == 0
    told = cli("models", "list").out.splitlines()
    assert [line.endswith("RETRACTED") for line in told if line.startswith(("t0", "i0"))] == [True, True]
    warned = cli("models", "export", SECOND, "-o", "plain")
    assert f"grew from training {FIRST}, which is retracted: bad rows" in warned.err


def test_a_training_a_circle_and_a_folder_name_a_model(family: Path) -> None:
    session = Session.here({})
    model = str(family / "first" / "model")
    assert [resolve_model(name, session) for name in (FIRST, "first", "first/model", model, "hf:first")] == [model] * 5
    assert resolve_model("i0000000c", session) == str(family / "base")
    for name in ("embedded", "openai/gpt-5", "gguf:x.gguf", "t00"):
        assert resolve_model(name, session) == name
    with pytest.raises(UsageError, match="is running and has made no model yet"):
        resolve_model(ROUND, session)
    with pytest.raises(UsageError, match="unknown training run"):
        resolve_model("t99999999", session)


def test_a_run_records_the_folder(cli: Cli, family: Path) -> None:
    own_suite(family / "one.jsonl", 1)
    done = cli("run", "--task", "one.jsonl", "--model", SECOND, "--dry-run", "--json")
    assert done.json["model"] == str(family / "second" / "model")


def test_one_is_written_as_a_plain_folder(cli: Cli, family: Path) -> None:
    done = cli("models", "export", FIRST, "-o", "plain", "--json")
    assert done.code == 0, done.err
    assert done.json["checkpoint"] == str(family / "first" / "model")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(done.json["files"])
    refused = cli("models", "export", "first", "-o", "plain")
    assert refused.code == 2
    assert "exists and is not empty" in refused.complaint
    kept = cli("models", "export", "first", "-o", "other", "--keep-adapter")
    assert "it has no adapters to keep" in kept.complaint


def test_listing_makes_no_database(cli: Cli, home: Path) -> None:
    assert cli("models", "list", "--json").json["trained"] == []
    assert not (home.parent / "runs.db").exists()
