"""Random draws of tokens for many rows at once, where each row's draws depend on its own key and on nothing else.

A row's number at a place is a hash of its key and the place (splitmix64), so that no generator has a state to keep and
the draw of all rows is one pass: the token at which the summed probabilities exceed the row's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class Draws:
    """The numbers of rows with the given keys: tuples of integers, such as a seed and a row's place."""

    def __init__(self, keys: Sequence[tuple[int, ...]]) -> None:
        self._states = np.array([_state(key) for key in keys], dtype=np.uint64)

    def uniform(self, position: int) -> Tensor:
        """A number in [0, 1) for each row, fp64."""
        with np.errstate(over="ignore"):
            mixed = _mixed(self._states + np.uint64(position + 1) * _GOLDEN)
        return torch.from_numpy((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def choose(self, logits: Tensor, position: int, temperature: float, top_p: float) -> Tensor:
        """Tokens [rows] drawn from ``logits`` [rows, vocabulary] in fp32."""
        if temperature == 0:
            return logits.argmax(dim=-1)
        shares = torch.softmax(logits / temperature, dim=-1)
        if top_p < 1:
            ranked, order = shares.sort(dim=-1, descending=True, stable=True)
            beyond = ranked.cumsum(-1) - ranked >= top_p
            shares = torch.zeros_like(shares).scatter_(1, order, ranked.masked_fill_(beyond, 0.0))
        sums = shares.double().cumsum(-1)
        numbers = self.uniform(position).to(logits.device) * sums[:, -1]
        drawn = torch.searchsorted(sums, numbers.unsqueeze(1), right=True).squeeze(1)
        return drawn.clamp_(max=logits.shape[1] - 1)


def _state(key: tuple[int, ...]) -> np.uint64:
    state = np.uint64(0)
    with np.errstate(over="ignore"):
        for part in key:
            state = _mixed((state ^ np.uint64(part % 2**64)) + _GOLDEN)
    return state


def _mixed(state: Any) -> Any:
    state = (state ^ (state >> np.uint64(30))) * _MIX[0]
    state = (state ^ (state >> np.uint64(27))) * _MIX[1]
    return state ^ (state >> np.uint64(31))
