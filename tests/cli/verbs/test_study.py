"""The study from the command line. What it computes is tested in tests/improve/study; here all proxies are done."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from reflexa.evaluation.overoptimisation import Curve, fit_curve
from reflexa.improve.study import QUICK, ProxyStudy
from reflexa.improve.study.results import BestOfNStudy, RLStudy
from reflexa.rows import CheckpointPoint
from tests.cli.support import Cli

DISTANCES = [0.5 * step for step in range(9)]


def curve(falls: bool) -> Curve:
    return fit_curve("rl", DISTANCES, [gold(d, falls) for d in DISTANCES])


def gold(d: float, falls: bool) -> float:
    return d * (0.8 - (0.5 * math.log(d) if falls else 0.0)) if d else 0.0


def done(labels: int, falls: bool) -> ProxyStudy:
    """A proxy's study whose RL rises for ever, or falls past √KL 1.8."""
    points = [
        CheckpointPoint(step=step, path="x", kl=d * d, proxy=d, true=gold(d, falls), n=48)
        for step, d in enumerate(DISTANCES)
    ]
    chosen = BestOfNStudy(
        sizes=(1, 2, 4),
        kl=(0.0, 0.2, 0.6),
        proxy=(0.0, 0.5, 0.9),
        gold=(0.0, 0.3, 0.4),
        errors=(0.0, 0.1, 0.1),
        curve=curve(False),
    )
    return ProxyStudy(
        size=QUICK.proxies[0],
        labels=labels,
        parameters=816,
        agreement=0.6,
        best_of_n=chosen,
        rl=RLStudy(
            points=tuple(points),
            chosen=4 if falls else 8,
            declined=(6, 7, 8) if falls else (),
            curve=curve(falls),
            folder=f"8x1-{labels}/rl",
        ),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    few, many = QUICK.labels
    for labels, falls in ((few, True), (many, False)):
        place = tmp_path / "study" / f"8x1-{labels}"
        place.mkdir(parents=True)
        (place / "STUDY.json").write_text(done(labels, falls).model_dump_json())
    return tmp_path / "study"


def test_a_study_that_is_done_is_shown_and_drawn_again(cli: Cli, folder: Path) -> None:
    shown = cli("study", "overoptimization", "--quick", "--out", str(folder))
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[0].split("  ")[0] == "proxy"
    assert lines[1].split()[-8:] == ["+0.91", "2.0", "+0.43", "4.0", "1.82", "[1.82,", "1.82]", "3.0"]
    assert lines[2].split()[-8:] == ["+3.20", "4.0", "+3.20", "4.0", "none", "to", "4.0", "–"]
    assert any("by that of RL against 1." in line for line in lines)
    assert any("RL over-optimised 1 of 2 proxies" in line for line in lines)
    assert any("the most against 8x1 on 30 labels: 0.48 below" in line for line in lines)
    assert (folder / "overoptimization.png").read_bytes().startswith(b"\x89PNG")
    assert f"reflexa checkpoints {folder}/8x1-30/rl" in lines[-1]


def test_results_as_json(cli: Cli, folder: Path) -> None:
    found = cli("study", "overoptimization", "--quick", "--out", str(folder), "--json")
    assert found.code == 0, found.err
    assert [proxy["labels"] for proxy in found.json["proxies"]] == list(QUICK.labels)
    assert (folder / "results.json").is_file()


def test_a_folder_of_another_study_is_refused(cli: Cli, folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    refused = cli("study", "overoptimization", "--quick", "--out", str(folder))
    assert refused.code == 2
    assert "of another configuration" in refused.complaint
