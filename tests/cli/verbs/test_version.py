from __future__ import annotations

import reflexa
from tests.cli.support import Cli


def test_version_is_one_line(cli: Cli) -> None:
    assert cli("version").out == f"reflexa {reflexa.__version__}\n"
    assert cli("version", "--json").json == {"version": reflexa.__version__}
