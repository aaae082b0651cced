"""Attention for generating: prompts laid end to end in one row, then one token of many sequences at a time.

Samples of one prompt share its keys and values: their queries are multiplied with these together, then each with its
own sequence's, and the two results are weighed by what their softmaxes summed to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import transformers
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from reflexa.errors import UsageError
from reflexa.models.local_cache import Shelf

NAME = "reflexa_cells"
_UNKNOWN = ("softcap", "s_aux", "position_bias")
# transformers is typed in parts only.
_hf: Any = transformers


class Cells(Protocol):
    """Where the tokens of a forward call keep their keys and values, and what they attend to."""

    @property
    def longest(self) -> int:
        """The most tokens that one of them attends to."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """``query`` [heads, row, width], ``key`` and ``value`` [kv heads, row, width]; returns [row, heads, width]."""


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
    cells: Cells = settings["cells"]
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
        """See ``Cells``."""
        return max(part.stop - part.start for part in self.prompts)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """See ``Cells``."""
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

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """``query`` [rows, kv heads, queries per head, width], scaled, ``key`` and ``value`` [rows, kv heads, width]
        of the whole batch; returns this shelf's part of it as ``_mixed`` does.
        """
        keys, values = self._shelf.keys[layer], self._shelf.values[layer]
        for cached, new in ((keys, key[self._here]), (values, value[self._here])):
            if self._targets is None:
                cached[: len(new), :, self._longest - 1] = new
            else:
                cached.view(-1, new.shape[-1]).index_copy_(0, self._targets, new.reshape(-1, new.shape[-1]))
        return _mixed(query[self._here], keys[self._seen], values[self._seen], self._hidden)


class StemCells:
    """The prompts of a shelf with the rows that share each of them."""

    def __init__(self, shelf: Shelf[Any], rows: Sequence[Sequence[int]]) -> None:
        """``rows`` are, for each owner of the shelf, its rows in the batch."""
        self._shelf = shelf
        device = shelf.keys.device
        most = max(map(len, rows))
        # Prompts with fewer rows than others repeat one, and what comes of it is dropped.
        grid = [[*own, *([*own, 0][:1] * (most - len(own)))] for own in rows]
        self._grid = torch.tensor(grid, device=device)
        self.rows = torch.tensor([row for own in rows for row in own], device=device)
        self._kept = torch.tensor(
            [group * most + index for group, own in enumerate(rows) for index in range(len(own))], device=device
        )
        lengths = [owner.cached for owner in shelf.owners]
        self._longest = max(lengths)
        self._hidden = _hidden(lengths, self._longest, shelf)

    def attend(self, layer: int, query: Tensor) -> tuple[Tensor, Tensor]:
        """As ``OwnCells.attend``, for ``rows`` of the batch."""
        groups, most = self._grid.shape
        _, heads, share, width = query.shape
        asked = query.index_select(0, self._grid.view(-1)).view(groups, most, heads, share, width).transpose(1, 2)
        seen = (slice(0, groups), slice(None), slice(0, self._longest))
        mixed, sums = _mixed(
            asked.reshape(groups, heads, most * share, width),
            self._shelf.keys[layer][seen],
            self._shelf.values[layer][seen],
            self._hidden,
        )
        parts = (
            part.view(groups, heads, most, share, -1).transpose(1, 2).reshape(groups * most, heads, share, -1)
            for part in (mixed, sums)
        )
        mixed, sums = (part.index_select(0, self._kept) for part in parts)
        return mixed, sums


@dataclass(frozen=True)
class TokenCells:
    """One token of each row: ``own`` cover the batch in order; ``stems`` are the shared prompts of some of its rows.
    The longest of their sequences has ``longest`` tokens; the cache is in ``dtype``.
    """

    own: tuple[OwnCells, ...]
    stems: tuple[StemCells, ...]
    longest: int
    dtype: torch.dtype

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """See ``Cells``."""
        heads, rows, width = query.shape
        new, keys, values = (tensor.transpose(0, 1).to(self.dtype) for tensor in (query, key, value))
        asked = (new * scaling).reshape(rows, key.shape[0], -1, width)
        parts = [cells.attend(layer, asked, keys, values) for cells in self.own]
        mixed, sums = parts[0] if len(parts) == 1 else (torch.cat(part) for part in zip(*parts, strict=True))
        for stem in self.stems:
            stemmed, stem_sums = stem.attend(layer, asked)
            share = torch.sigmoid(stem_sums - sums.index_select(0, stem.rows)).to(mixed.dtype)
            mixed.index_copy_(0, stem.rows, torch.lerp(mixed.index_select(0, stem.rows), stemmed, share))
        return mixed.view(rows, heads, width).to(query.dtype)


def _mixed(query: Tensor, keys: Tensor, values: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
    """Attention of ``query`` [batch, heads, queries, width] to ``keys`` and ``values`` [batch, heads, tokens, width];
    with it the logarithm of what each softmax summed to, [batch, heads, queries, 1].
    """
    batch, heads, queries, width = query.shape
    flat = [tensor.flatten(0, 1) for tensor in (query, keys, values)]
    scores = torch.bmm(flat[0], flat[1].mT).view(batch, heads, queries, -1)
    if hidden is not None:
        scores += hidden
    shares = torch.softmax(scores, dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32))
    mixed = torch.bmm(shares.to(values.dtype).flatten(0, 1), flat[2]).view(batch, heads, queries, width)
    # log Σ exp s = s - log softmax(s) at any place; at the largest it is exact.
    return mixed, scores.amax(dim=-1, keepdim=True) - shares.amax(dim=-1, keepdim=True).log()


def _hidden(lengths: Sequence[int], longest: int, shelf: Shelf[Any]) -> Tensor | None:
    """What hides the places after a sequence's end, [batch, 1, 1, longest]; None where all are equally long."""
    if min(lengths) == longest:
        return None
    ends = torch.tensor(lengths, device=shelf.keys.device)
    beyond = torch.arange(longest, device=shelf.keys.device) >= ends.unsqueeze(1)
    zeros = torch.zeros(beyond.shape, dtype=shelf.keys.dtype, device=shelf.keys.device)
    return zeros.masked_fill_(beyond, float("-inf"))[:, None, None, :]
