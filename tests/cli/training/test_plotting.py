from __future__ import annotations

from reflexa.cli.training.plotting import chart


def test_points_stand_where_they_belong() -> None:
    drawn = chart("t", [("●", [(0.0, 0.0), (1.0, 5.0), (2.0, 10.0)])], width=5, height=3)
    assert drawn.splitlines() == [
        "t",
        "10 │    ●",
        "   │  ●",
        " 0 │●",
        "   └─────",
        "    0   2",
    ]


def test_the_last_layer_is_seen() -> None:
    drawn = chart("t", [("·", [(0.0, 0.0), (1.0, 1.0)]), ("◆", [(0.0, 0.0)])], width=3, height=2)
    assert drawn.splitlines()[1:3] == ["1 │  ·", "0 │◆"]


def test_equal_values_stand_in_the_middle() -> None:
    assert chart("t", [("●", [(1.0, 3.0)])], width=3, height=3).splitlines()[2] == "  │ ●"
