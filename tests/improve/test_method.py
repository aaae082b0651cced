"""A method of one's own: whatever comes to a checkpoint by steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reflexa.improve import METHODS, Ledger, Method
from tests.improve.scripts import Play, solving


def test_a_method_has_to_say_its_steps() -> None:
    assert Method.__abstractmethods__ == {"steps"}
    assert all(isinstance(method, Method) and method.steps for method in METHODS.values())


def test_with_restart_every_round_learns_from_the_first_model_again(folder: Path) -> None:
    play = Play(folder, solving(1), solving(8), solving(16))
    again = replace(play.method, restart=True)
    done: Ledger = play.circle().run(play.ledger(), again)
    assert [each.learner for each in done.rounds] == [play.models[0], play.models[0]]
    assert [each.sampler for each in done.rounds] == [play.models[0], play.models[1]]
