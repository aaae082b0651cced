"""One id is enough: what it names is found, and what it might name is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.memory.lineage.nodes import Node
from reflexa.memory.store import Store
from tests.memory.growing import History
from tests.memory.support import CONFIG


@pytest.fixture
def history(store: Store, tmp_path: Path) -> History:
    return History(store, tmp_path)


def test_whatever_an_id_names_is_found(history: History) -> None:
    find, run = history.store.ancestry.find, history.first
    history.store.record_improvement("i77", 1.0, {})
    assert find(run) == Node("run", run)
    assert find("d1") == Node("dataset", "d1")
    assert find("d1/1") == Node("row", "d1/1")
    assert find("t2") == Node("training", "t2")
    assert find("i7") == Node("improvement", "i77")
    assert find("bad") == find("ba") == Node("reflection", "bad")
    assert find(f"{run}/Sums/0/2") == Node("attempt", f"{run}/Sums/0/2")
    label = history.label(run)
    assert find(label) == Node("label", label)
    step = str(history.folder / "t1" / "checkpoints" / "step-4")
    assert find(step) == find(f"hf:{step}") == Node("model", step)


def test_a_run_is_found_by_its_name_and_so_are_its_attempts(history: History) -> None:
    named = history.store.create_run(CONFIG, name="nightly").id
    assert history.store.ancestry.find("nightly") == Node("run", named)
    with pytest.raises(UsageError, match="unknown id 'nightly/Sums/0/1'"):
        history.store.ancestry.find("nightly/Sums/0/1")


@pytest.mark.parametrize("nothing", ["d1/2", "d1/0", "d7", "/nowhere/at/all", "d1/x", "r/t/1-2/by@1"])
def test_what_is_not_there_is_said_to_be_unknown(history: History, nothing: str) -> None:
    with pytest.raises(UsageError, match="unknown id"):
        history.store.ancestry.find(nothing)


def test_an_id_of_several_things_asks_for_more_of_it(history: History) -> None:
    with pytest.raises(UsageError, match="'d' could be data set d1, data set d2, data set d9: give more of the id"):
        history.store.ancestry.find("d")
    with pytest.raises(UsageError, match="the id is empty"):
        history.store.ancestry.find(" ")


def test_the_innermost_training_made_a_folder(history: History) -> None:
    inner = history.store.find_training("t9").model_copy(
        update={"id": "t10", "config": {"output": str(history.folder / "t1" / "inner")}, "checkpoint": None}
    )
    history.store.record_training(inner)
    of = history.store.ancestry.training_of
    assert of(str(history.folder / "t1" / "inner" / "model")) == "t10"
    assert of(str(history.folder / "t1" / "model")) == "t1"
    assert of(str(history.folder / "t11" / "model")) is None
    assert of("openai/gpt-5") is None


def test_in_the_midst_of_a_trainings_folder_a_name_is_still_a_name(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = history.folder / "t1" / "model"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside.parent)
    assert history.store.ancestry.find("bad") == Node("reflection", "bad")
    assert history.store.ancestry.find("model") == Node("model", str(inside))
    assert history.store.ancestry.grown("t9") == []
    with pytest.raises(UsageError, match="unknown id 'nothing'"):
        history.store.ancestry.find("nothing")
