"""Attention by cells: what plain softmax attention over each sequence's own tokens gives."""

from __future__ import annotations

from typing import Any

import pytest

from reflexa.errors import UsageError
from tests.training.models import llama

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.models.local.attention import OwnCells, StemCells, TokenCells, by_products, mixed, use_cell_attention  # noqa: E402
from reflexa.models.local.cache import CacheShape, Shelf  # noqa: E402
from reflexa.models.local.decoder import Decoder, Group, Row  # noqa: E402
from reflexa.models.local.draws import Settings  # noqa: E402

SHAPE = CacheShape(1, 2, 8, torch.float64, torch.device("cpu"))
HEADS = 4
SCALING = 0.5


def plain(query: Any, keys: Any, values: Any) -> Any:
    """[heads, width] for ``query`` [heads, width] and ``keys`` and ``values`` [kv heads, tokens, width]."""
    keys, values = (tensor.repeat_interleave(HEADS // 2, dim=0) for tensor in (keys, values))
    shares = torch.softmax(torch.einsum("hw,htw->ht", query, keys) * SCALING, dim=-1)
    return torch.einsum("ht,htw->hw", shares, values)


def test_rows_attend_to_their_prompt_and_to_themselves() -> None:
    torch.manual_seed(0)
    stems, own = Shelf[Group](64, SHAPE), Shelf[Row](64, SHAPE)
    groups = [
        Group([0] * length, [Settings((index,), 1.0, 1.0) for index in range(rows)], 9, lambda row: False)
        for length, rows in ((5, 2), (9, 3))
    ]
    for group in groups:
        place = stems.add(group)
        stems.write(0, place, *torch.randn(2, 2, group.cached, 8, dtype=torch.float64) * 3)
    rows = [groups[0].rows[1], *groups[1].rows, groups[0].rows[0]]
    for row, cached in zip(rows, (3, 0, 7, 1, 2), strict=True):
        row.cached = cached
        own.write(0, own.add(row), *torch.randn(2, 2, cached, 8, dtype=torch.float64) * 3)
    query = torch.randn(HEADS, 5, 8, dtype=torch.float64) * 3
    key, value = torch.randn(2, 2, 5, 8, dtype=torch.float64)
    stem_cells = StemCells(stems, [[4, 0], [1, 2, 3]], 5)
    cells = TokenCells((OwnCells(own, 0),), (stem_cells,), 20)
    got = cells.attend(0, query, key, value, SCALING)
    for index, row in enumerate(rows):
        place = groups.index(row.group)
        keys, values = (
            torch.cat(
                [stem[0, place, :, : row.group.cached], mine[0, index, :, : row.cached], new[:, index : index + 1]], 1
            )
            for stem, mine, new in ((stems.keys, own.keys, key), (stems.values, own.values, value))
        )
        torch.testing.assert_close(got[index], plain(query[:, index], keys, values))


@pytest.mark.parametrize("masked", [False, True])
def test_the_cpus_kernel_and_plain_products_agree(masked: bool) -> None:
    torch.manual_seed(1)
    query, keys, values = (torch.randn(3, 2, tokens, 8) * 2 for tokens in (4, 11, 11))
    hidden = torch.zeros(3, 1, 1, 11)
    hidden[1, ..., 5:] = float("-inf")
    got, expected = (
        compute(query, keys, values, hidden if masked else None, SCALING) for compute in (mixed, by_products)
    )
    torch.testing.assert_close(got, expected)


def test_a_window_shorter_than_the_sequence_is_refused() -> None:
    model = llama()
    use_cell_attention(model)
    for layer in model.model.layers:
        layer.self_attn.register_forward_pre_hook(
            lambda _, args, kwargs: (args, {**kwargs, "sliding_window": 4}), with_kwargs=True
        )
    decoder = Decoder(model, 1)
    decoder.add(Group([1, 2, 3, 4, 5], [Settings((0,), 1.0, 1.0)], 2, lambda row: False))
    with pytest.raises(
        UsageError, match="5 tokens is longer than the model's attention window of 4: lower the context"
    ):
        decoder.step()
