"""The seams: what we ship fits them, and what has the methods fits without inheriting."""

from __future__ import annotations

from pathlib import Path

from reflexa.memory import Store
from reflexa.models.replay import ReplayPolicy
from reflexa.models.scripted import ScriptedPolicy
from reflexa.protocols import ContextualPolicy, Environment, Memory, Policy, Verifier
from reflexa.types import Task
from reflexa.verifiers import as_verifier


def test_our_parts_fit(tmp_path: Path) -> None:
    assert isinstance(ScriptedPolicy(()), ContextualPolicy)
    assert isinstance(ReplayPolicy("r", lambda context: None), ContextualPolicy)
    assert isinstance(as_verifier(lambda answer: True), Verifier)
    with Store.open(tmp_path / "m.db") as store:
        assert isinstance(store, Memory)


def test_a_policy_without_context_is_not_contextual() -> None:
    class Plain:
        name = "plain"

        def generate(self) -> None: ...

        def close(self) -> None: ...

    assert isinstance(Plain(), Policy)
    assert not isinstance(Plain(), ContextualPolicy)


def test_gymnasiums_two_methods_are_an_environment() -> None:
    class Room:
        def reset(self, task: Task) -> str:
            return "a room"

        def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, object]]:
            return "the same room", 0.0, False, False, {}

    assert isinstance(Room(), Environment)
