"""What the store keeps when things go wrong: processes killed, files cut, disks full, servers gone.

    python benchmarks/durability.py [CHECK ...] [--scale 0.1] [--minute] [--json]

Each check is named after the promise that it tests, and uses real processes, which are forked from this one while it
holds no database. Those whose names end in ``_postgres`` need a server, which is started for them. ``--scale`` shortens
all of them; at 1 they are as long as promised. ``--minute`` is 32 writers for a minute, on both databases, and nothing
else. Exit code 1 where one fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import durability_files as files
from benchmarks import durability_servers as servers
from benchmarks import durability_writers as writers
from benchmarks.durability_support import Outcome, Site
from tests.memory.postgres import start_server

ON_BOTH = (
    writers.many_writers,
    writers.one_minute,
    writers.killed_writers,
    writers.started_twice,
    writers.backed_up,
)
ON_FILES = (
    files.cut_log,
    files.full_disk,
    files.full_disk_run,
    files.read_only,
    files.locked,
    files.killed_migration,
    files.many_episodes,
)
ON_SERVERS = (servers.restarted, servers.dropped, servers.read_only_server, servers.full_server)
SUFFIX = "_postgres"
CHECKS: dict[str, Callable[[Site, float], Outcome]] = {
    **{check.__name__: check for check in (*ON_BOTH, *ON_FILES)},
    **{f"{check.__name__}{SUFFIX}": check for check in (*ON_BOTH, *ON_SERVERS)},
}
MINUTE = ("one_minute", f"one_minute{SUFFIX}")


def measure(names: Sequence[str], scale: float, folder: Path | None) -> Iterator[Outcome]:
    """What the checks of these names find, one after the other."""
    with ExitStack() as stack:
        server: str | None = None
        for name in names:
            if name.endswith(SUFFIX) and server is None:
                place = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
                started = start_server(Path(place), durable=scale >= 1)
                stack.callback(started.cleanup)
                server = started.get_uri()
            with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
                yield CHECKS[name](Site(Path(own), server if name.endswith(SUFFIX) else None), scale)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", nargs="*", help=f"any of {', '.join(CHECKS)}; all where none is named")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is as long as promised")
    parser.add_argument("--minute", action="store_true", help="32 writers for a minute, on both databases")
    parser.add_argument("--folder", type=Path, help="where the databases are made; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.check) - set(CHECKS)
    if unknown:
        parser.error(f"unknown check {', '.join(sorted(unknown))}: choose from {', '.join(CHECKS)}")
    names = MINUTE if arguments.minute else arguments.check or tuple(CHECKS)
    outcomes = []
    for outcome in measure(names, arguments.scale, arguments.folder):
        outcomes.append(outcome)
        if not arguments.json:
            print(f"{'held  ' if outcome.held else 'BROKEN'}  {outcome.check:32} {outcome.figure}", flush=True)
    if arguments.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes]))
    return 0 if all(outcome.held for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
