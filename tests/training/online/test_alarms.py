"""Rules: what each looks at, its patience, and that it goes on from its state."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.online.alarms import Watch, WatchState
from reflexa.training.online.config import AlarmConfig, AlarmRule


@pytest.mark.parametrize(
    ("rule", "first", "then", "value"),
    [
        ("kl_explosion", {"kl/sequence": 1.0}, {"kl/sequence": 60.0}, 60.0),
        ("entropy_collapse", {"entropy": 2.0}, {"entropy": 0.01}, 0.005),
        ("length_hacking", {"length": 10.0}, {"length": 50.0}, 5.0),
        ("equal_groups", {"equal_groups": 0.5}, {"equal_groups": 1.0}, 1.0),
        ("mismatch", {"mismatch": 0.1}, {"mismatch": 0.3}, 0.3),
    ],
)
def test_each_rule_fires_by_its_own_measure(
    rule: str, first: dict[str, float], then: dict[str, float], value: float
) -> None:
    settings = getattr(AlarmConfig(), rule)
    watch = Watch(AlarmConfig(), WatchState())
    assert watch.look(first, 1) == []
    for step in range(2, 2 + settings.patience - 1):
        assert watch.look(then, step) == []
    (alarm,) = watch.look(then, 9)
    assert (alarm.rule, alarm.step, alarm.limit, alarm.stops) == (rule, 9, settings.limit, False)
    assert alarm.value == pytest.approx(value)
    assert str(alarm) == f"{alarm.rule}: {value:.3g} (the limit is {settings.limit:g})"


def test_patience_begins_anew_after_a_good_step_and_goes_on_from_a_state() -> None:
    config = AlarmConfig(equal_groups=AlarmRule(action="stop", limit=0.5, patience=2))
    watch = Watch(config, WatchState())
    looks = [watch.look({"equal_groups": value}, step) for step, value in enumerate((1.0, 0.2, 1.0))]
    assert looks == [[], [], []]
    again = Watch(config, WatchState.model_validate_json(watch.state.model_dump_json()))
    (alarm,) = again.look({"equal_groups": 1.0}, 4)
    assert alarm.stops


def test_rules_that_are_off_say_nothing() -> None:
    watch = Watch(AlarmConfig(kl_explosion=AlarmRule(action="off", limit=1.0)), WatchState())
    assert watch.look({"kl/sequence": 1e9}, 1) == []
