"""What a run's configuration says of memory."""

from __future__ import annotations

from reflexa.types import RunConfig


def test_a_run_without_memory_shows_no_reflections() -> None:
    shown = {
        memory: RunConfig.model_validate({"suite": "s", "model": "m", "reflections": 2, "memory": memory})
        for memory in ("none", "episode", "suite", "all")
    }
    assert [config.reflections_shown for config in shown.values()] == [0, 2, 2, 2]
    assert [config.recalls_lessons for config in shown.values()] == [False, False, True, True]


def test_a_run_from_before_lessons_recalled_none() -> None:
    old = RunConfig.model_validate_json('{"suite": "s", "model": "m"}')
    assert (old.memory, old.explore, old.recalls_lessons) == ("episode", 0.0, False)
    assert old.embedder == "none"
