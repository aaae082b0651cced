"""docs/embedding.md: what it says runs as it stands does, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text(encoding="utf-8")


def test_lessons_from_other_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = TEXT.partition("## Lessons from other tasks")[2]
    (code,) = re.findall(r"^```python\n(.*?)^```", section.partition("\n## ")[0], re.M | re.S)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert f"It prints `{capsys.readouterr().out.strip()}`." in section
