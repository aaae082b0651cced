"""What a finished training on rows says of itself, and what to do next with what it made."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.cli.training.offline import Trained, report
from reflexa.rows import CheckpointPoint, TrainingRecord


def trained(algorithm: str = "sft", points: tuple[CheckpointPoint, ...] = (), selected: int | None = None) -> Trained:
    record = TrainingRecord(
        id="t1", algorithm=algorithm, model="base", config={}, status="finished", checkpoint="out/model", loss=0.25
    )
    return Trained(training=record, points=points, selected=selected, steps=4, tokens=3000, seconds=2.0)


@pytest.mark.parametrize(
    ("algorithm", "next_step"),
    [
        ("sft", "reflexa run --task SUITE --model out/model"),
        ("reward", "reflexa verify --verifier reward:out/model ANSWERS.jsonl"),
        ("orm", "reflexa verify --verifier reward:out/model ANSWERS.jsonl"),
        ("prm", "reflexa verify --verifier process:out/model ANSWERS.jsonl"),
    ],
)
def test_what_comes_next_depends_on_what_was_made(algorithm: str, next_step: str) -> None:
    lines = report(trained(algorithm)).splitlines()
    assert lines == [
        f"training t1: {algorithm} from base, 4 steps, loss 0.2500 at the best checkpoint",
        "3.0k tokens in 2.0s, 1.5k a second",
        "model: out/model",
        f"next: {next_step}",
    ]


def test_what_was_measured_is_told() -> None:
    points = tuple(
        CheckpointPoint(step=step, path="p", kl=step, proxy=0.0, true=true, n=4)
        for step, true in ((0, 0.25), (2, 1.0), (4, 0.5))
    )
    lines = report(trained("dpo", points, selected=2)).splitlines()
    assert lines[1] == "held out: 25.0 % of 4 tasks before, 50.0 % after"
    assert lines[-2:] == ["model: out/model (step 2, chosen)", "next: reflexa checkpoints t1"]
    assert Trained.model_validate_json(trained("dpo", points, 2).model_dump_json()) == trained("dpo", points, 2)
