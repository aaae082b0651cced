"""Arms that are measured against each other: every arm a process of its own, arms taking turns."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

ROOT = Path(__file__).parents[1]
Measured = TypeVar("Measured", bound=Any)
"""What one run of an arm measured: a dataclass of numbers."""


@dataclass(frozen=True)
class Contest(Generic[Measured]):
    """``arms`` of each case, and what they do.

    ``make(case, steps, folder)`` makes what arms share; ``run(case, arm, steps, folder, own)`` runs one of them, in the
    process that ``script`` is started in for it alone; ``table(case, results)`` gives lines under ``columns``.
    """

    script: Path
    about: str | None
    arms: Mapping[str, Sequence[str]]
    steps: int
    measured: type[Measured]
    make: Callable[[str, int, Path], None]
    run: Callable[[str, str, int, Path, Path], Measured]
    columns: Sequence[str]
    table: Callable[[str, dict[str, list[Measured]]], Iterator[str]]

    def main(self) -> None:
        """The script's command line."""
        args = self._parser().parse_args()
        names = args.case or list(self.arms)
        if args.arm:
            with tempfile.TemporaryDirectory(dir=args.folder) as own:
                print(json.dumps(asdict(self.run(names[0], args.arm, args.steps, args.folder, Path(own)))))
            return
        results = {name: self._measured(name, args) for name in names}
        if args.json:
            plain = {
                name: {arm: [asdict(one) for one in runs] for arm, runs in of.items()} for name, of in results.items()
            }
            print(json.dumps(plain))
            return
        print(f"| {' | '.join(self.columns)} |")
        print("| --- " * len(self.columns) + "|")
        for name, found in results.items():
            print("\n".join(self.table(name, found)))

    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(description=self.about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--case", action="append", choices=self.arms)
        parser.add_argument("--arms", action="append", help="only these")
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--steps", type=int, default=self.steps)
        parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--arm", help=argparse.SUPPRESS)
        parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
        return parser

    def _measured(self, name: str, args: argparse.Namespace) -> dict[str, list[Measured]]:
        """All arms of a case in turn, as many rounds as are wanted."""
        results: dict[str, list[Measured]] = {
            arm: [] for arm in self.arms[name] if arm in (args.arms or self.arms[name])
        }
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            self.make(name, args.steps, folder)
            for _ in range(args.rounds):
                for arm, runs in results.items():
                    runs.append(self._in_a_process(name, arm, args, folder))
                    print(f"{name} {arm}: {runs[-1]}", file=sys.stderr)
        return results

    def _in_a_process(self, name: str, arm: str, args: argparse.Namespace, folder: Path) -> Measured:
        command = [sys.executable, str(self.script), "--arm", arm, "--case", name]
        command += ["--steps", str(args.steps), "--folder", str(folder)]
        threads = {"OMP_NUM_THREADS": str(args.threads), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} {arm} failed:\n{done.stderr[-3000:]}")
        found: Measured = self.measured(**json.loads(done.stdout.splitlines()[-1]))
        return found
