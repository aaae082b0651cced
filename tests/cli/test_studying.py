"""What may be concluded of a study follows from its numbers alone."""

from __future__ import annotations

from reflexa.cli.studying import conclusions, table
from reflexa.improve.study import QUICK, StudyResult
from tests.cli.verbs.test_study import done


def result(*falls: bool) -> StudyResult:
    proxies = tuple(done(labels, fall) for labels, fall in zip(QUICK.labels, falls, strict=True))
    return StudyResult(config=QUICK, proxies=proxies, seconds=1.0)


def test_a_study_without_a_fall_claims_none() -> None:
    (told,) = conclusions(result(False, False))
    assert "for best of n against 0 of 2 proxies, for RL against 0." in told


def test_the_worst_fall_is_named() -> None:
    told = conclusions(result(True, True))
    assert "against 2 proxies" in told[1]


def test_a_gold_reward_that_falls_with_the_proxy_is_no_over_optimisation() -> None:
    found = done(30, True)
    points = tuple(point.model_copy(update={"proxy": -point.proxy}) for point in found.rl.points)
    failing = found.model_copy(update={"rl": found.rl.model_copy(update={"points": points})})
    assert len(conclusions(StudyResult(config=QUICK, proxies=(failing,), seconds=1.0))) == 1


def test_a_line_for_each_proxy() -> None:
    assert len(table(result(True, False)).splitlines()) == 3
