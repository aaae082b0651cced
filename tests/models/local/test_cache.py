"""Shelves: every sequence finds its own keys and values again, wherever it has been moved."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.models.local.cache import CacheShape, Shelf, Shelves, cache_shape  # noqa: E402  (needs torch)
from tests.training.models import llama, qwen3  # noqa: E402

SHAPE = CacheShape(2, 3, 4, torch.float32, torch.device("cpu"), tokens=128)


@dataclass(eq=False)
class Holder:
    mark: float
    cached: int = 0


def fill(shelf: Shelf[Holder], place: int, holder: Holder) -> None:
    for layer in range(2):
        numbers = torch.full((3, holder.cached, 4), holder.mark + layer)
        shelf.write(layer, place, numbers, -numbers)


def holds(shelf: Shelf[Holder], holder: Holder) -> bool:
    place = shelf.owners.index(holder)
    return all(
        torch.equal(tensor[layer, place, :, : holder.cached], torch.full((3, holder.cached, 4), sign * number))
        for tensor, sign in ((shelf.keys, 1), (shelf.values, -1))
        for layer, number in enumerate((holder.mark, holder.mark + 1))
    )


def test_sequences_come_grow_and_go_and_keep_what_is_theirs() -> None:
    draw, shelves, held = random.Random(0), Shelves[Holder](SHAPE), list[Holder]()
    for turn in range(60):
        if held and draw.random() < 0.4:
            shelves.remove(held.pop(draw.randrange(len(held))))
        holder = Holder(mark=100.0 * turn, cached=draw.choice([1, 63, 64, 65, 128, 200]))
        fill(*shelves.add(holder, holder.cached), holder)
        held.append(holder)
        shelves.make_room()
        shelf_of = {owner: shelf for shelf in shelves for owner in shelf.owners}
        assert set(shelf_of) == set(held)
        assert all(one in shelves and holds(shelf_of[one], one) for one in held)
        assert all(one.cached < shelf_of[one].size <= max(64, 4 * one.cached) for one in held)


def test_shelves_come_smallest_first_and_empty_ones_not_at_all() -> None:
    shelves = Shelves[Holder](SHAPE)
    holders = [Holder(0.0, cached) for cached in (100, 10, 30)]
    for holder in holders:
        shelves.add(holder, holder.cached)
    assert [shelf.size for shelf in shelves] == [64, 128]
    shelves.remove(holders[0])
    assert [shelf.size for shelf in shelves] == [64]


def test_memory_follows_the_sequences() -> None:
    shelves = Shelves[Holder](SHAPE)
    holders = [Holder(0.0, 5000) for _ in range(3)]
    for holder in holders:
        shelves.add(holder, holder.cached)
    (long,) = shelves
    assert long.keys.shape == (2, 4, 3, 8192, 4)
    for holder in holders:
        shelves.remove(holder)
    assert list(shelves) == []


def test_targets_are_the_places_of_single_tokens() -> None:
    shelf = Shelf[Holder](64, SHAPE)
    for _ in range(2):
        shelf.add(Holder(0.0))
    shelf.keys[1].view(-1, 4)[shelf.targets([5, 9])] = 1.0
    expected = torch.zeros_like(shelf.keys)
    expected[1, 0, :, 5] = expected[1, 1, :, 9] = 1.0
    assert torch.equal(shelf.keys, expected)


def test_the_shape_is_the_models() -> None:
    assert cache_shape(llama()) == CacheShape(2, 2, 8, torch.float32, torch.device("cpu"))
    assert cache_shape(qwen3().to(torch.bfloat16)) == CacheShape(2, 2, 16, torch.bfloat16, torch.device("cpu"))
