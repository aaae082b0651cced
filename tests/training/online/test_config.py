"""What an online run may be asked: it survives JSON, and refuses what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from reflexa.training.online.config import AlarmConfig, GateConfig, OnlineConfig


def test_a_configuration_survives_json() -> None:
    config = OnlineConfig(algorithm="grpo", model="m", output=Path("o"), gates=GateConfig(probe=3), stop=("\n",))
    assert OnlineConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    "changes", [{"temperature": 0.0}, {"samples": 0}, {"clip": 1}, {"alarms": {"boredom": {"limit": 1}}}]
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OnlineConfig.model_validate({"algorithm": "grpo", "model": "m", "output": "o", **changes})


def test_rules_warn_unless_asked_to_stop() -> None:
    assert {rule["action"] for rule in AlarmConfig().model_dump().values()} == {"warn"}
