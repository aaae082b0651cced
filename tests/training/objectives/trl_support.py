"""What the comparisons with TRL's trainers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn


def load_trl() -> Any:
    import trl

    return trl


def load(folder: Path, head: str = "AutoModelForCausalLM", **changes: Any) -> Any:
    import transformers

    return getattr(transformers, head).from_pretrained(folder, **changes)


def moved(folder: Path) -> Any:
    """A reference that differs from the policy."""
    model = load(folder)
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=noise))
    return model.eval()


def gradients(loss: Tensor, model: nn.Module) -> dict[str, Tensor]:
    named = dict(model.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {name: gradient for name, gradient in zip(named, found, strict=True) if gradient is not None}


def assert_same(trainer: Any, batch: Any, ours: Tensor) -> None:
    """Equal losses, and equal gradients of every parameter, within float32's rounding."""
    theirs = trainer.compute_loss(trainer.model, dict(batch))
    assert theirs.item() == pytest.approx(ours.item(), rel=1e-5)
    expected, got = gradients(theirs, trainer.model), gradients(ours, trainer.model)
    assert expected.keys() == got.keys()
    assert any(gradient.norm() > 1e-3 for gradient in expected.values())
    for name, gradient in expected.items():
        assert (gradient - got[name]).norm() <= 1e-4 * gradient.norm() + 1e-7, name
