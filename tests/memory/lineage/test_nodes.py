"""Names of things: there and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.memory.lineage.nodes import (
    LabelKey,
    Node,
    attempt_key,
    attempt_node,
    folder_named,
    is_within,
    judges_of,
    label_key,
    label_node,
    models_of,
)
from tests.memory.support import CONFIG


def test_an_attempt_is_named_as_people_count() -> None:
    key = AttemptKey("m9bgtz2d", "HumanEval/3", 0)
    assert attempt_node(key).id == "m9bgtz2d/HumanEval/3/1"
    assert attempt_key(attempt_node(key).id) == key


@pytest.mark.parametrize("name", ["", "run", "run/1", "run/task/0", "run/task/x", "/task/1"])
def test_what_names_no_attempt_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no attempt"):
        attempt_key(name)


def test_a_label_is_named_by_its_attempts_as_people_count_and_by_who_made_it() -> None:
    key = LabelKey("m9bgtz2d", "talk/3-4/x", 0, 11, "pairwise:a/b@c", "7f")
    assert label_node(key).id == "m9bgtz2d/talk/3-4/x/1-12/pairwise:a/b@c@7f"
    assert label_key(label_node(key).id) == key
    assert key.attempts == (AttemptKey("m9bgtz2d", "talk/3-4/x", 0), AttemptKey("m9bgtz2d", "talk/3-4/x", 11))
    assert judges_of("hf:/a, gpt") == ["hf:/a", "gpt"]


@pytest.mark.parametrize(
    "name", ["", "run/task/1", "run/task/1-2", "run/task/1-2/by", "run/task/0-1/by@1", "/t/1-2/b@1"]
)
def test_what_names_no_label(name: str) -> None:
    assert label_key(name) is None


def test_a_node_comes_back_from_its_key() -> None:
    node = Node("dataset", "d1 with a space")
    assert Node.of_key(node.key) == node
    assert str(node) == "data set d1 with a space"


def test_names_that_may_be_a_hubs_are_no_folders() -> None:
    for name in ("embedded", "org/model", "hf:org/model", "openai/gpt-5", "replay:m9bgtz2d", "./here", ""):
        assert folder_named(name) is None


def test_folders_are_absolute_whatever_stands_before_them(tmp_path: Path) -> None:
    folder = str(tmp_path / "model")
    assert folder_named(folder) == folder_named(f"hf:{folder}") == folder_named(f"reward:{folder}/") == folder
    assert folder_named("~/a") == str(Path.home() / "a")


def test_what_lies_in_a_folder() -> None:
    assert is_within("/a/b", "/a/b")
    assert is_within("/a/b/c", "/a/b")
    assert not is_within("/a/bc", "/a/b")


def test_every_model_of_a_run_counts_once() -> None:
    config = CONFIG.model_copy(update={"reflector_model": "b", "judge_model": CONFIG.model, "judge": "reward:x"})
    assert models_of(config) == (CONFIG.model, "b", "reward:x")
