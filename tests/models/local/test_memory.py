"""Large pages and products that read weights as they lie change where numbers are, never which."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.models.local.memory import FewRowsLinear, settle, zeros  # noqa: E402  (needs torch)
from tests.training.models import llama, qwen3  # noqa: E402

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8])
@pytest.mark.parametrize("shape", [(0,), (3, 5), (3, 1024, 1024)])
def test_zeros_are_zero_and_can_be_written(shape: tuple[int, ...], dtype: Any) -> None:
    made = zeros(shape, dtype, CPU)
    assert (made.shape, made.dtype) == (shape, dtype)
    assert made.is_contiguous()
    assert not made.any()
    made.fill_(1)
    assert bool(made.all())


def test_zeros_outlive_what_made_them() -> None:
    first = zeros((2**20,), torch.float32, CPU)[5:9]
    first.fill_(2)
    second = zeros((2**20,), torch.float32, CPU).fill_(3)
    assert first.tolist() == [2.0] * 4
    assert second[5:9].tolist() == [3.0] * 4


@pytest.mark.parametrize("make", [llama, qwen3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_settled_model_has_the_same_weights_and_says_the_same(make: Callable[[], Any], dtype: Any) -> None:
    model = make().to(dtype).eval()
    plain = copy.deepcopy(model)
    tokens = torch.arange(1, 13).unsqueeze(0)
    settle(model)
    for (name, weight), (plain_name, before) in zip(model.named_parameters(), plain.named_parameters(), strict=True):
        assert name == plain_name
        assert torch.equal(weight, before)
    with torch.no_grad():
        torch.testing.assert_close(model(tokens).logits, plain(tokens).logits, rtol=0, atol=0.03)
    kinds = {type(module) for module in model.modules() if isinstance(module, torch.nn.Linear)}
    assert kinds == {FewRowsLinear if dtype == torch.bfloat16 else torch.nn.Linear}


def test_tied_weights_stay_tied() -> None:
    embedding = torch.nn.Embedding(7, 4)
    head = torch.nn.Linear(4, 7, bias=False)
    head.weight = embedding.weight
    settle(torch.nn.Sequential(embedding, head))
    assert head.weight is embedding.weight


@pytest.mark.parametrize("shape", [(1, 8), (3, 8), (2, 5, 8), (1, 64, 8), (65, 8), (0, 8), (8,)])
@pytest.mark.parametrize("bias", [False, True])
def test_few_rows_and_many_give_what_a_linear_layer_gives(shape: tuple[int, ...], bias: bool) -> None:
    plain = torch.nn.Linear(8, 6, bias=bias)
    few = FewRowsLinear(8, 6, bias=bias)
    few.load_state_dict(plain.state_dict())
    tokens = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        made = few(tokens)
        torch.testing.assert_close(made, plain(tokens))
    assert made.is_contiguous()
