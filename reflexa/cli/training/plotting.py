"""Charts in plain text."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
WIDTH, HEIGHT = 60, 12


def chart(
    title: str, layers: Sequence[tuple[str, Sequence[Point]]], *, width: int = WIDTH, height: int = HEIGHT
) -> str:
    """Points as marks on a grid with both axes' limits; of marks in one place the last layer's is seen.

    There must be at least one point, and all must be finite.
    """
    xs, ys = zip(*(point for _, points in layers for point in points), strict=True)
    across, up = _Scale(min(xs), max(xs), width), _Scale(min(ys), max(ys), height)
    grid = [[" "] * width for _ in range(height)]
    for mark, points in layers:
        for x, y in points:
            grid[height - 1 - up(y)][across(x)] = mark
    labels = [""] * height
    labels[0], labels[-1] = f"{up.high:.3g}", f"{up.low:.3g}"
    margin = max(map(len, labels))
    rows = [f"{label:>{margin}} │{''.join(row).rstrip()}" for label, row in zip(labels, grid, strict=True)]
    low, high = f"{across.low:.3g}", f"{across.high:.3g}"
    foot = [f"{'':{margin}} └{'─' * width}", f"{'':{margin}}  {low}{high:>{width - len(low)}}"]
    return "\n".join([title, *rows, *foot])


class _Scale:
    """Where a number stands among so many cells; numbers that are all equal stand in the middle."""

    def __init__(self, low: float, high: float, cells: int) -> None:
        self.low, self.high, self._cells = low, high, cells

    def __call__(self, value: float) -> int:
        if self.high <= self.low:
            return self._cells // 2
        return round((value - self.low) / (self.high - self.low) * (self._cells - 1))
