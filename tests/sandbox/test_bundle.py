"""The bundle carries every worker module, and they need the standard library alone."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from reflexa.sandbox.bundle import worker_sources


def test_every_module_is_carried() -> None:
    folder = Path(__file__).parents[2] / "reflexa" / "sandbox" / "worker"
    names = {f"reflexa.sandbox.worker.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"}
    assert {name for name, source in worker_sources().items() if source} == names


def test_workers_import_the_standard_library_and_each_other() -> None:
    for name, source in worker_sources().items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                continue
            for module in modules:
                known = module.split(".")[0] in sys.stdlib_module_names or module.startswith("reflexa.sandbox.worker")
                assert known, f"{name} imports {module}"
                assert module.split(".")[0] not in ("pickle", "marshal", "shelve")
