"""The examples run as they stand."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_embed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "answers.jsonl"
    script.write_text('{"task": "any", "attempts": ["{}"]}\n')
    monkeypatch.setattr("sys.argv", ["embed.py", f"scripted:{script}"])
    runpy.run_path(str(EXAMPLES / "embed.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("The answer holds no valid JSON object") == 5
