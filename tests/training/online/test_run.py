"""A run's files and its identity: what a resumed run may have otherwise, and what it may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import TrainingError, VerifierError  # noqa: E402
from reflexa.training.config import LoraConfig  # noqa: E402
from reflexa.training.engine.checkpoint import read_record  # noqa: E402
from reflexa.training.online.api import train_online  # noqa: E402
from reflexa.training.online.config import AlarmConfig, AlarmRule  # noqa: E402
from reflexa.training.online.rollouts import Answer  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402


def test_what_changes_no_weight_may_change(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=2)
    train_online(config, make_prompts(), says_a)
    rule = AlarmRule(limit=1.0)
    again = config.model_copy(
        update={"resume": True, "slots": 2, "batch_tokens": 50, "workers": 1, "alarms": AlarmConfig(kl_explosion=rule)}
    )
    assert train_online(again, make_prompts(), says_a).tokens == 0


def test_a_checkpoint_tells_its_lineage_and_its_state(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=2)
    last = train_online(config, make_prompts(), says_a).last
    record = read_record(last)
    assert record.lineage["model"] == config.model
    assert json.loads(record.lineage["configuration"])["prompts"] == 4
    assert "online.json" in record.files
    assert json.loads((last / "online.json").read_text())["deck"]["drawn"] == 8


def test_a_run_that_was_stopped_before_its_first_checkpoint_begins_again(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=2)

    def breaks(answer: Answer) -> float:
        if answer.sample == 3:
            raise VerifierError("gone")
        return 1.0

    with pytest.raises(VerifierError, match="step 1"):
        train_online(config, make_prompts(), breaks)
    result = train_online(config.model_copy(update={"resume": True}), make_prompts(), says_a)
    assert [point.step for point in result.points] == [0, 2]


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=2)
    last = train_online(config, make_prompts(), says_a).last
    (last / "online.json").write_text("{")
    with pytest.raises(TrainingError, match=r"online\.json is not what was saved"):
        train_online(config.model_copy(update={"resume": True}), make_prompts(), says_a)


def test_adapters_are_kept_alone_and_merged_at_the_end(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=2, lora=LoraConfig(rank=2), options={"kl": 0.1})
    result = train_online(config, make_prompts(), lambda answer: float(answer.sample))
    assert result.adapter is not None
    assert (result.adapter / "adapter_model.safetensors").is_file()
    model = transformers.AutoModelForCausalLM.from_pretrained(result.model)
    base = transformers.AutoModelForCausalLM.from_pretrained(config.model)
    assert model.state_dict().keys() == base.state_dict().keys()
    assert any(not torch.equal(value, base.state_dict()[name]) for name, value in model.state_dict().items())
