"""Random draws of tokens for many rows at once, where each row's draws depend on its own key and on nothing else.

A row's number at a place is a hash of its key and the place (splitmix64), so that no generator has a state to keep and
the draw of all rows is one pass: the token at which the summed probabilities exceed the row's number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_RANGE = 2**64
_CHUNK = 2**18
"""Logits worked on at a time: 1 MB in fp32, what a core's own cache holds."""
_RUN = 64
"""Tokens whose probabilities are summed before those of single ones are looked at."""
_NUCLEUS = 256
"""Tokens among which a nucleus is looked for first: sorting a whole vocabulary takes longer than all else."""


@dataclass(frozen=True)
class Settings:
    """How a row draws: ``temperature`` 0 takes the likeliest token; ``top_p`` below 1 draws from the fewest likeliest
    tokens that reach it. ``key`` fixes the row's random numbers. ``scored`` asks for the tokens' log-probabilities.
    """

    key: tuple[int, ...]
    temperature: float
    top_p: float
    scored: bool = True


class Drawer:
    """Draws for one row after another's place, each with its own settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._state = 0
        for part in settings.key:
            self._state = int(
                _mixed(np.array([(self._state ^ part) % _RANGE], dtype=np.uint64) + np.uint64(_GOLDEN))[0]
            )

    def state(self, place: int) -> int:
        """What the row's number at a place is made of."""
        return (self._state + (place + 1) * _GOLDEN) % _RANGE


def choose(logits: Tensor, drawers: Sequence[Drawer], places: Sequence[int]) -> tuple[Tensor, Tensor]:
    """A token for each row of ``logits`` [rows, vocabulary], at its place, and the token's log-probability in nats (at
    temperature 1, whatever the row's is): both [rows], on the CPU. Where no row draws, and none is scored, nothing is
    computed but the likeliest tokens, and the log-probabilities are nan.
    """
    if not any(drawer.settings.scored or drawer.settings.temperature > 0 for drawer in drawers):
        return logits.max(dim=-1).indices.cpu(), torch.full((len(logits),), math.nan)
    numbers = uniform([drawer.state(place) for drawer, place in zip(drawers, places, strict=True)]).to(logits.device)
    temperatures = torch.tensor([drawer.settings.temperature for drawer in drawers], device=logits.device)
    nuclei = torch.tensor([drawer.settings.top_p for drawer in drawers], device=logits.device)
    rows = max(1, _CHUNK // logits.shape[1])
    parts = zip(*(torch.split(tensor, rows) for tensor in (logits, numbers, temperatures, nuclei)), strict=True)
    tokens, logprobs = zip(*(_choose(*part) for part in parts), strict=True)
    return torch.cat(tokens).cpu(), torch.cat(logprobs).cpu()


def uniform(states: Sequence[int]) -> Tensor:
    """A number in [0, 1) for each state, fp64."""
    mixed = _mixed(np.array(states, dtype=np.uint64))
    return torch.from_numpy((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def _choose(logits: Tensor, numbers: Tensor, temperatures: Tensor, nuclei: Tensor) -> tuple[Tensor, Tensor]:
    logits = logits.float() if logits.dtype != torch.float64 else logits
    top, likeliest = logits.max(dim=-1, keepdim=True)
    shifted = logits - top
    shares = shifted.exp()
    logsums = shares.sum(dim=-1, keepdim=True).log()
    drawn = likeliest
    if bool((temperatures > 0).any()):
        if not bool((temperatures == 1).all()):
            warm = torch.where(temperatures > 0, temperatures, 1.0).unsqueeze(1)
            shares = (shifted / warm).exp_()
        if bool((nuclei < 1).any()):
            shares = _nucleus(shares, nuclei)
        drawn = torch.where((temperatures > 0).unsqueeze(1), _drawn(shares, numbers), likeliest)
    return drawn.squeeze(1), (shifted.gather(1, drawn) - logsums).squeeze(1)


def _drawn(shares: Tensor, numbers: Tensor) -> Tensor:
    """The tokens [rows, 1] at which the sums of ``shares`` [rows, vocabulary] exceed each row's part of their total."""
    rows, vocabulary = shares.shape
    runs = torch.nn.functional.pad(shares, (0, -vocabulary % _RUN)).view(rows, -1, _RUN)
    sums = runs.sum(dim=-1).double().cumsum(dim=-1)
    aims = numbers.unsqueeze(1) * sums[:, -1:]
    run = torch.searchsorted(sums, aims, right=True).clamp_(max=sums.shape[1] - 1)
    within = runs.gather(1, run.unsqueeze(-1).expand(-1, -1, _RUN)).squeeze(1).double().cumsum(dim=-1)
    before = sums.gather(1, run) - within[:, -1:]
    token = torch.searchsorted(within, aims - before, right=True).clamp_(max=_RUN - 1)
    return (run * _RUN + token).clamp_(max=vocabulary - 1)


def _nucleus(shares: Tensor, nuclei: Tensor) -> Tensor:
    """``shares`` [rows, vocabulary] with only the likeliest left, the fewest that reach ``nuclei`` of each total."""
    aims = nuclei.unsqueeze(1) * shares.sum(dim=-1, keepdim=True)
    ranked, order = shares.topk(min(_NUCLEUS, shares.shape[1]), dim=-1)
    if bool(((ranked.sum(dim=-1, keepdim=True) < aims) & (nuclei.unsqueeze(1) < 1)).any()):
        ranked, order = shares.sort(dim=-1, descending=True)
    beyond = ranked.cumsum(dim=-1) - ranked >= aims
    kept = torch.zeros_like(shares).scatter_(1, order, ranked.masked_fill(beyond, 0.0))
    return torch.where((nuclei < 1).unsqueeze(1), kept, shares)


def _mixed(states: Any) -> Any:
    """splitmix64's finaliser, of numpy's 64-bit integers."""
    for shift, factor in zip((30, 27), _MIX, strict=True):
        states = (states ^ (states >> np.uint64(shift))) * np.uint64(factor)
    return states ^ (states >> np.uint64(31))
