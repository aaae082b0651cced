"""Attention for generating: prompts laid end to end in one row, then one token of many sequences at a time.

Samples of one prompt share its keys and values: their queries are multiplied with these together, then each with its
own sequence's, and the two results are weighed by what their softmaxes summed to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from reflexa.errors import UsageError
from reflexa.models.local.cache import Shelf

NAME = "reflexa_cells"
_UNKNOWN = ("softcap", "s_aux", "position_bias")
# transformers is typed in parts only.
_hf: Any = transformers
# What scaled_dot_product_attention runs on the CPU; called by its name because it also tells what softmaxes summed to.
_flash: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def use_cell_attention(model: Any) -> None:
    """Makes a transformers model attend by the ``cells`` that its forward call is given."""
    _hf.AttentionInterface.register(NAME, _attention)
    model.set_attn_implementation(NAME)


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **settings: Any
) -> tuple[Tensor, None]:
    """transformers' attention interface, for rows of [1, heads, row, width]."""
    odd = [name for name in _UNKNOWN if settings.get(name) is not None]
    if odd:
        raise UsageError(
            f"{type(module).__name__} asks for {', '.join(odd)}, which the local engine does not compute: use a model "
            "with plain causal attention, or serve this one (vLLM, ollama) and name it as a hosted model"
        )
    cells: StepCells = settings["cells"]
    window = settings.get("sliding_window")
    if window is not None and cells.longest > window:
        raise UsageError(
            f"a sequence of {cells.longest} tokens is longer than the model's attention window of {window}: "
            "lower the context to it"
        )
    scaling = settings.get("scaling") or query.shape[-1] ** -0.5
    return cells.attend(module.layer_idx, query[0], key[0], value[0], float(scaling)).unsqueeze(0), None


@dataclass(frozen=True, eq=False)
class Prompt:
    """Tokens ``start`` to ``stop`` of a row, whose keys and values go to a place of a shelf."""

    start: int
    stop: int
    shelf: Shelf[Any]
    place: int


@dataclass(frozen=True)
class PromptCells:
    """Prompts laid end to end: each attends to itself, causally."""

    prompts: tuple[Prompt, ...]

    @property
    def longest(self) -> int:
        """The longest prompt's tokens."""
        return max((part.stop - part.start for part in self.prompts), default=0)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """As ``StepCells.attend``."""
        out = query.new_empty(query.shape[1], query.shape[0], query.shape[2])
        grouped = key.shape[0] != query.shape[0]
        for part in self.prompts:
            asked, keys, values = (tensor[:, part.start : part.stop] for tensor in (query, key, value))
            mixed = scaled_dot_product_attention(
                asked.unsqueeze(0),
                keys.unsqueeze(0),
                values.unsqueeze(0),
                is_causal=True,
                scale=scaling,
                enable_gqa=grouped,
            )
            out[part.start : part.stop] = mixed[0].transpose(0, 1)
            part.shelf.write(layer, part.place, keys, values)
        return out


class OwnCells:
    """The rows of a shelf, which stand next to each other in the batch: their new tokens and all of theirs before."""

    def __init__(self, shelf: Shelf[Any], start: int) -> None:
        lengths = [owner.cached for owner in shelf.owners]
        self._shelf, self._here = shelf, slice(start, start + len(lengths))
        self._longest = 1 + max(lengths)
        self._seen = (slice(0, len(lengths)), slice(None), slice(0, self._longest))
        self._hidden = _hidden([length + 1 for length in lengths], self._longest, shelf)
        self._targets = None if self._hidden is None else shelf.targets(lengths)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        """``query`` [rows, kv heads, queries per head, width], ``key`` and ``value`` [rows, kv heads, width] of the
        whole batch; returns this shelf's part of it as ``mixed`` does.
        """
        keys, values = self._shelf.keys[layer], self._shelf.values[layer]
        for cached, new in ((keys, key[self._here]), (values, value[self._here])):
            if self._targets is None:
                cached[: len(new), :, self._longest - 1] = new
            else:
                cached.view(-1, new.shape[-1]).index_copy_(0, self._targets, new.reshape(-1, new.shape[-1]))
        return mixed(query[self._here], keys[self._seen], values[self._seen], self._hidden, scaling)


class StemCells:
    """The prompts of a shelf with the rows that share each of them."""

    def __init__(self, shelf: Shelf[Any], rows: Sequence[Sequence[int]], batch: int) -> None:
        """``rows`` are, for each owner of the shelf, its rows in the batch of so many."""
        self._shelf = shelf
        self._groups, self._most = len(rows), max(map(len, rows))
        # Prompts with fewer rows than others repeat one, and what comes of it is dropped.
        grid = [[*own, *([*own, 0][:1] * (self._most - len(own)))] for own in rows]
        places = ((group, index) for group, own in enumerate(rows) for index in range(len(own)))
        kept = [group * self._most + index for group, index in places]
        self._grid = _order([row for own in grid for row in own], batch, shelf)
        self._kept = _order(kept, self._groups * self._most, shelf)
        self.rows = _order([row for own in rows for row in own], batch, shelf)
        lengths = [owner.cached for owner in shelf.owners]
        self._seen = (slice(0, self._groups), slice(None), slice(0, max(lengths)))
        self._hidden = _hidden(lengths, max(lengths), shelf)

    def attend(self, layer: int, query: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        """As ``OwnCells.attend``, for ``rows`` of the batch."""
        _, heads, share, width = query.shape
        asked = _picked(query, self._grid).view(self._groups, self._most, heads, share, width).transpose(1, 2)
        parts = mixed(
            asked.reshape(self._groups, heads, self._most * share, width),
            self._shelf.keys[layer][self._seen],
            self._shelf.values[layer][self._seen],
            self._hidden,
            scaling,
        )
        by_row = (part.reshape(self._groups, heads, self._most, share, -1).transpose(1, 2) for part in parts)
        rows, sums = (_picked(part.reshape(-1, heads, share, part.shape[-1]), self._kept) for part in by_row)
        return rows, sums


@dataclass(frozen=True)
class TokenCells:
    """One token of each row: ``own`` cover the batch in order; ``stems`` are the shared prompts of some of its rows.
    The longest of their sequences has ``longest`` tokens.
    """

    own: tuple[OwnCells, ...]
    stems: tuple[StemCells, ...]
    longest: int

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """As ``StepCells.attend``."""
        heads, rows, width = query.shape
        asked, keys, values = (tensor.transpose(0, 1) for tensor in (query, key, value))
        asked = asked.reshape(rows, key.shape[0], -1, width)
        parts = [cells.attend(layer, asked, keys, values, scaling) for cells in self.own]
        out, sums = parts[0] if len(parts) == 1 else (torch.cat(part) for part in zip(*parts, strict=True))
        for stem in self.stems:
            stemmed, stem_sums = stem.attend(layer, asked, scaling)
            share = torch.sigmoid(stem_sums - _picked(sums, stem.rows)).to(out.dtype)
            weighed = torch.lerp(_picked(out, stem.rows), stemmed, share)
            out = weighed if stem.rows is None else out.index_copy(0, stem.rows, weighed)
        return out.reshape(rows, heads, width)


@dataclass(frozen=True)
class StepCells:
    """What the tokens of a forward call attend to: first one token of each row under way, ``rows`` of them, then the
    prompts of rows that enter.
    """

    tokens: TokenCells | None
    prompts: PromptCells
    rows: int

    @property
    def longest(self) -> int:
        """The most tokens that one of them attends to."""
        return max(self.prompts.longest, 0 if self.tokens is None else self.tokens.longest)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """``query`` [heads, row, width], ``key`` and ``value`` [kv heads, row, width]; returns [row, heads, width]."""
        if self.tokens is None:
            return self.prompts.attend(layer, query, key, value, scaling)
        if not self.prompts.prompts:
            return self.tokens.attend(layer, query, key, value, scaling)
        first, rest = slice(0, self.rows), slice(self.rows, None)
        out = self.tokens.attend(layer, query[:, first], key[:, first], value[:, first], scaling)
        return torch.cat([out, self.prompts.attend(layer, query[:, rest], key[:, rest], value[:, rest], scaling)])


def mixed(query: Tensor, keys: Tensor, values: Tensor, hidden: Tensor | None, scaling: float) -> tuple[Tensor, Tensor]:
    """Attention of ``query`` [batch, heads, queries, width] to ``keys`` and ``values`` [batch, heads, tokens, width],
    plus ``hidden`` [batch, 1, 1, tokens].

    With it the logarithm of what each softmax summed to, [batch, heads, queries, 1], in fp32.
    """
    if query.device.type != "cpu":
        return by_products(query, keys, values, hidden, scaling)
    mask = None if hidden is None else hidden.expand(-1, 1, query.shape[2], -1)
    out, sums = _flash(query, keys, values, attn_mask=mask, scale=scaling)
    return out, sums.unsqueeze(-1)


def by_products(
    query: Tensor, keys: Tensor, values: Tensor, hidden: Tensor | None, scaling: float
) -> tuple[Tensor, Tensor]:
    """What ``mixed`` returns, by batched products."""
    batch, heads, queries, width = query.shape
    flat = [tensor.flatten(0, 1) for tensor in (query * scaling, keys, values)]
    scores = torch.bmm(flat[0], flat[1].mT).view(batch, heads, queries, -1).float()
    if hidden is not None:
        scores += hidden
    shares = torch.softmax(scores, dim=-1)
    out = torch.bmm(shares.to(values.dtype).flatten(0, 1), flat[2]).view(batch, heads, queries, width)
    return out, torch.logsumexp(scores, dim=-1, keepdim=True)


def _order(places: Sequence[int], count: int, shelf: Shelf[Any]) -> Tensor | None:
    """An index, or None for 0, 1, … of ``count``: nothing is picked then."""
    return None if list(places) == list(range(count)) else _index(places, shelf)


def _picked(tensor: Tensor, order: Tensor | None) -> Tensor:
    return tensor if order is None else tensor.index_select(0, order)


def _index(places: Sequence[int], shelf: Shelf[Any]) -> Tensor:
    return torch.tensor(places, device=shelf.keys.device)


def _hidden(lengths: Sequence[int], longest: int, shelf: Shelf[Any]) -> Tensor | None:
    """What hides the places after a sequence's end, [batch, 1, 1, longest]; None where all are equally long."""
    if min(lengths) == longest:
        return None
    beyond = torch.arange(longest, device=shelf.keys.device) >= _index(lengths, shelf).unsqueeze(1)
    zeros = torch.zeros(beyond.shape, dtype=shelf.keys.dtype, device=shelf.keys.device)
    return zeros.masked_fill_(beyond, float("-inf"))[:, None, None, :]
