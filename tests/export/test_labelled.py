"""Pairs that an AI judge ordered: soft labels kept, principles named, what orders nothing left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.memory import Store
from reflexa.rows import Comparison, PrincipleLabel
from tests.export.support import a_task, a_verdict, an_episode, exported, record


def labelled(store: Store, probability: float, consistency: float = 1.0, by: str = "pairwise:brief") -> str:
    """A run of two answers, both wrong by the verifier, and a label of them."""
    task = a_task()
    run = record(store, an_episode(task, a_verdict(0.0), a_verdict(0.0)))
    store.record_comparison(
        Comparison(
            run=run,
            task=task.id,
            a=0,
            b=1,
            by=by,
            version="7",
            judge="scripted",
            probability=probability,
            consistency=consistency,
            principles=(PrincipleLabel(principle="short", probability=probability, agrees=True),),
        )
    )
    return run


@pytest.mark.parametrize(("probability", "chosen"), [(0.9, "answer 0"), (0.1, "answer 1")])
def test_the_likelier_answer_is_chosen_and_how_sure_that_is_stays(
    store: Store, tmp_path: Path, probability: float, chosen: str
) -> None:
    labelled(store, probability)
    card, (row,) = exported(store, tmp_path, "preferences", labels="all", format="reflexa")
    assert row["chosen"][0]["content"] == chosen
    assert row["probability"] == pytest.approx(0.9)
    assert row["strength"] == "significantly better"
    lineage = row["lineage"]
    assert lineage["principles"] == ["short"]
    assert [source["verifier"] for source in lineage["sources"]] == ["pairwise:brief"] * 2
    assert [source["score"] for source in lineage["sources"]] == pytest.approx([0.9, 0.1])
    assert card.verifiers == {"pairwise:brief 7": 2}


def test_without_the_option_verdicts_count_alone(store: Store, tmp_path: Path) -> None:
    labelled(store, 0.9)
    assert exported(store, tmp_path, "preferences")[1] == []


def test_what_orders_nothing_is_counted_and_left_out(store: Store, tmp_path: Path) -> None:
    labelled(store, 0.5)
    card, rows = exported(store, tmp_path, "preferences", labels="all")
    assert (rows, card.rows_dropped) == ([], {"undecided": 1})


def test_a_label_that_the_order_decided_is_left_out(store: Store, tmp_path: Path) -> None:
    labelled(store, 0.6, consistency=0.0)
    card, rows = exported(store, tmp_path, "preferences", labels="all")
    assert (rows, card.rows_dropped) == ([], {"decided by the order": 1})


def test_labels_of_one_comparison_can_be_named(store: Store, tmp_path: Path) -> None:
    labelled(store, 0.9)
    assert exported(store, tmp_path, "preferences", labels="pairwise:kind")[1] == []
    assert len(exported(store, tmp_path, "preferences", labels="pairwise:brief")[1]) == 1


def test_labels_make_preferences_alone(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="they make preferences, not sft"):
        exported(store, tmp_path, "sft", labels="all")


def test_a_parquet_file_holds_the_soft_labels(store: Store, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: scripts/reflexa setup data")
    from reflexa.export import ExportOptions, export_rows

    labelled(store, 0.9)
    export_rows(store, ExportOptions(kind="preferences", labels="all"), tmp_path / "pairs.parquet")
    table = parquet.read_table(tmp_path / "pairs.parquet")
    assert table.column("probability").to_pylist() == pytest.approx([0.9])


def test_a_label_that_was_retracted_is_counted_and_left_out_unless_it_is_allowed(store: Store, tmp_path: Path) -> None:
    run = labelled(store, 0.9)
    store.ancestry.retract(f"{run}/{a_task().id}/1-2/pairwise:brief@7", "the judge was mistaken")
    card, rows = exported(store, tmp_path, "preferences", labels="all")
    assert (rows, card.rows_dropped, card.attempts_dropped) == ([], {"retracted": 1}, {})
    assert len(exported(store, tmp_path, "preferences", labels="all", allow=("retracted",))[1]) == 1
