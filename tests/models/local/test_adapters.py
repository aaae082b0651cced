"""Adapters answer as the merged model does, and say what is missing where their model is gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from reflexa.errors import UsageError
from reflexa.models import open_policy
from reflexa.models.local.adapters import load_weights
from reflexa.types import Message, Sampling
from tests.support.trained import Trained


def test_they_are_merged_into_their_model(trained: Trained) -> None:
    merged = load_weights(str(trained.last(trained.adapted)), torch.float32).state_dict()
    published = load_weights(str(trained.adapted / "model"), torch.float32).state_dict()
    base = load_weights(str(trained.base), torch.float32).state_dict()
    assert merged.keys() == published.keys()
    assert all(torch.allclose(merged[name], published[name], atol=1e-6) for name in merged)
    assert any(not torch.allclose(merged[name], base[name], atol=1e-4) for name in merged)


def test_every_form_of_a_trained_checkpoint_is_a_policy_at_once(trained: Trained) -> None:
    for output in (trained.whole, trained.adapted):
        said = set()
        for where in (output / "model", output, trained.last(output), f"hf:{output}"):
            policy = open_policy(str(where))
            said.add(policy.generate([Message(role="user", content="q")], Sampling(max_tokens=4))[0].text)
            policy.close()
        assert len(said) == 1


def test_without_their_model_they_say_so(trained: Trained, tmp_path: Path) -> None:
    folder = tmp_path / "adapters"
    shutil.copytree(trained.last(trained.adapted), folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(tmp_path / "no")}))
    with pytest.raises(UsageError, match=r"holds adapters of the model .*/no', which cannot be loaded: bring it back"):
        load_weights(str(folder), torch.float32)
