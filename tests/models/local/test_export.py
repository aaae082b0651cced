"""Exported folders are what transformers loads, adapters merged or kept, without the training's state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from reflexa.errors import UsageError
from reflexa.models.local.export import export_checkpoint
from tests.support.trained import Trained

# transformers is typed in parts only, and some of its functions not at all.
_hf: Any = transformers
PLAIN = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
PROMPT = torch.tensor([[5, 6, 7, 8]])


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=PROMPT).logits
    return found


def loaded(folder: Path) -> Any:
    return _hf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("kind", ["whole", "adapted"])
@pytest.mark.parametrize("form", ["output", "step"])
def test_a_plain_folder_computes_what_the_trained_model_does(
    trained: Trained, tmp_path: Path, kind: str, form: str
) -> None:
    output = trained.whole if kind == "whole" else trained.adapted
    source = output if form == "output" else trained.last(output)
    files = export_checkpoint(str(source), tmp_path / "plain")
    assert set(files) >= PLAIN
    assert not {"optimizer.safetensors", "training.json", "adapter_config.json"} & set(files)
    assert torch.allclose(logits(loaded(tmp_path / "plain")), logits(loaded(output / "model")), atol=1e-5)
    assert _hf.AutoTokenizer.from_pretrained(tmp_path / "plain").chat_template
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft asks for what is to be dropped
def test_adapters_are_kept_for_peft(trained: Trained, tmp_path: Path) -> None:
    import peft

    files = export_checkpoint(str(trained.adapted), tmp_path / "plain", keep_adapter=True)
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} <= set(files)
    assert "optimizer.safetensors" not in files
    adapted = peft.PeftModel.from_pretrained(loaded(trained.base), str(tmp_path / "plain")).eval()
    assert torch.allclose(logits(adapted), logits(loaded(trained.adapted / "model")), atol=1e-5)


def test_what_is_there_is_not_overwritten_and_nothing_is_left_of_a_failure(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    with pytest.raises(UsageError, match="exists and is not empty"):
        export_checkpoint(str(trained.whole), tmp_path / "full")
    with pytest.raises(UsageError, match="holds no checkpoint"):
        export_checkpoint(str(tmp_path / "full"), tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
