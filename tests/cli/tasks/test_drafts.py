"""New suites of the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.tasks.drafts import make_suite
from reflexa.errors import UsageError


def test_a_suite_with_splits_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,question,answer,split\na,Why?,because,train\nb,How?,so,dev\n")
    made = make_suite("mine", tmp_path / "rows.csv", tmp_path / "tasks")
    assert (made.judge, made.splits) == ("exact", {"train": 1, "dev": 1})
    assert made.prompt.startswith("Why?")
    assert Path(made.path).read_text().endswith('[splits]\ncolumn = "split"\n')


def test_what_does_not_load_is_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("question,answer\nWhy?,\n")
    with pytest.raises(UsageError, match="the answer is empty"):
        make_suite("mine", tmp_path / "rows.csv", tmp_path)
    assert not (tmp_path / "mine.toml").exists()


@pytest.mark.parametrize("name", ["", "..", "a b", "-x", "x" * 80, "gsm8k"])
def test_names_that_cannot_be_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="choose another name"):
        make_suite(name, tmp_path / "rows.csv", tmp_path)
