"""What may be concluded of a study follows from its numbers alone."""

from __future__ import annotations

from reflexa.cli.training.studying import conclusions, table
from reflexa.improve.study import QUICK, StudyResult
from tests.cli.verbs.test_study import done


def result(*falls: bool) -> StudyResult:
    proxies = tuple(done(labels, fall) for labels, fall in zip(QUICK.labels, falls, strict=True))
    return StudyResult(config=QUICK, proxies=proxies, seconds=1.0)


def test_a_study_without_a_fall_claims_none() -> None:
    curves, checkpoints = conclusions(result(False, False))
    assert "of best of n against 0 of 2 proxies, by that of RL against 0." in curves
    assert "RL over-optimised 0 of 2 proxies" in checkpoints


def test_the_worst_fall_is_named() -> None:
    told = conclusions(result(True, True))
    assert "RL over-optimised 2 of 2 proxies" in told[1]
    assert "8x1 on 30 labels" in told[2]


def test_a_line_for_each_proxy() -> None:
    assert len(table(result(True, False)).splitlines()) == 3
