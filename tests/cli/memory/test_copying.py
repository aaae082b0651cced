from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.memory.copying import carry_out_backup, carry_out_restore
from reflexa.cli.options.backups import BackupOptions, RestoreOptions
from reflexa.memory import Store
from reflexa.types import RunConfig


def test_what_was_copied_is_counted_aloud(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(home / "a.db") as store:
        store.create_run(RunConfig(suite="s", model="m"))
    assert carry_out_backup(BackupOptions(file=Path("copy.db"), database="a.db")) == 0
    assert carry_out_restore(RestoreOptions(file=Path("copy.db"), database="b.db")) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"copied 1 run, 0 attempts, 0 lessons, 0 trainings to {home / 'copy.db'} (")
    assert second.startswith(f"restored 1 run, 0 attempts, 0 lessons, 0 trainings from {home / 'copy.db'} (")
