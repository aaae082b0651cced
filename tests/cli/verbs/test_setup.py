from __future__ import annotations

from tests.cli.support import Cli


def test_an_unknown_part_gets_near_matches(cli: Cli) -> None:
    refused = cli("setup", "trian")
    assert refused.code == 2
    assert "did you mean train" in refused.complaint


def test_a_part_must_be_named(cli: Cli) -> None:
    assert cli("setup").code == 2
