"""Runs as logs of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import open_store
from reflexa.cli.text import one_line, plural

if TYPE_CHECKING:
    from reflexa.cli.options.runs import LogOptions


def write_run_log(options: LogOptions) -> int:
    """``reflexa runs log``."""
    from reflexa.bridges.inspect_log import write_log

    with open_store(options.database) as store:
        run = store.find_run(options.run)
        path = Path(options.out or f"{run.id}.eval").expanduser()
        samples = write_log(run, store.episodes(run.id), path)
    if options.json:
        emit_json({"run": run.id, "file": str(path), "samples": samples})
        return DONE
    emit(f"{plural(samples, 'sample')} of run {run.id} in {one_line(str(path))}")
    emit(f"next: INSPECT_LOG_DIR={one_line(str(path.absolute().parent))} inspect view")
    return DONE
