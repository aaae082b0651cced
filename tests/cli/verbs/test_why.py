from __future__ import annotations

import pytest

from tests.cli.support import Cli


def test_help_names_what_can_be_asked_for(cli: Cli) -> None:
    told = cli("why", "--help").out
    assert "DATASET/NUMBER" in told


@pytest.mark.parametrize("options", [("--depth", "-1"), ("--limit", "0")])
def test_bounds_are_checked(cli: Cli, options: tuple[str, str]) -> None:
    assert cli("why", "x", *options).code == 2
