"""Memory in large pages and products that read weights as they lie: what generating on the CPU mostly waits for.

A step reads all weights and all cached keys and values once. In pages of 4 KB the processor spends much of that time
looking up where the next page is; Linux gives pages of 2 MB to whoever asks.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from math import prod
from typing import Any, cast

import torch
from torch import Tensor, nn

_PAGE = 2**21
_ALIGNED = 64
"""Bytes at whose multiples tensors begin: a line of the processor's cache."""
_FEW = 64
"""Tokens up to which weights are read as they lie: with more, turning the result round takes longer than is saved."""


def zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """As ``torch.zeros``; on the CPU in large pages where the system has them."""
    size = prod(shape) * dtype.itemsize
    if device.type != "cpu" or size < _PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.zeros(*shape, dtype=dtype, device=device)
    memory = mmap.mmap(-1, -(-size // _PAGE) * _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return torch.zeros(*shape, dtype=dtype, device=device)  # a kernel built without them
    return torch.frombuffer(memory, dtype=dtype, count=prod(shape)).view(*shape)


def settle(model: nn.Module) -> None:
    """Readies a model that computes on the CPU and is not trained: its weights move to large pages, and its linear
    layers of bf16 read them as they lie. On other devices it stays as it is.
    """
    weights = [weight for weight in model.parameters() if weight.device.type == "cpu"]
    starts, end = [], 0
    for weight in weights:
        starts.append(end)
        end += -(-weight.nbytes // _ALIGNED) * _ALIGNED
    room = zeros((end,), torch.uint8, torch.device("cpu"))
    for weight, start in zip(weights, starts, strict=True):
        place = room[start : start + weight.nbytes].view(weight.dtype).view(weight.shape)
        weight.data = place.copy_(weight.data)
    for module in model.modules():
        if type(module) is nn.Linear and module.weight.dtype == torch.bfloat16 and module.weight.device.type == "cpu":
            cast(Any, module).__class__ = FewRowsLinear


class FewRowsLinear(nn.Linear):
    """A linear layer that multiplies its weights with a few tokens, where ``Linear`` multiplies tokens with weights.

    The numbers are the same. But a product in bf16 rearranges its second factor each time, and for a few tokens that
    takes longer than to multiply.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        rows = tokens.numel() // self.in_features
        if rows > _FEW:
            return super().forward(tokens)
        out = torch.mm(self.weight, tokens.reshape(rows, self.in_features).t()).t().contiguous()
        if self.bias is not None:
            out += self.bias
        return out.view(*tokens.shape[:-1], self.out_features)
