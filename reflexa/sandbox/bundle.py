"""Hands the worker's sources to a sandboxed interpreter, which may not be able to read them from files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGES = ("reflexa", "reflexa.sandbox", "reflexa.sandbox.worker")

BOOTSTRAP = """
import json, os, struct, sys
from importlib.machinery import ModuleSpec

def exactly(size):
    data = b""
    while len(data) < size:
        piece = os.read(0, min(size - len(data), 65536))
        if not piece:
            os._exit(1)
        data += piece
    return data

start = json.loads(exactly(struct.unpack("!I", exactly(4))[0]))

class Bundle:
    def find_spec(self, name, path=None, target=None):
        if name in start["modules"]:
            return ModuleSpec(name, self, is_package=not start["modules"][name])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(start["modules"][module.__name__], "<" + module.__name__ + ">", "exec"), module.__dict__)

sys.meta_path.insert(0, Bundle())
from importlib import import_module
main = import_module(start["main"]).main
del sys.meta_path[0], sys.argv[1:]
os.environ.clear()
main(start["config"])
"""
"""What ``python -c`` runs: reads one frame from standard input and starts the module that it names."""


@cache
def worker_sources() -> dict[str, str]:
    """The worker's modules by name; packages have no source."""
    folder = Path(__file__).parent / "worker"
    modules = {
        f"{_PACKAGES[-1]}.{path.stem}": path.read_text(encoding="utf-8")
        for path in sorted(folder.glob("*.py"))
        if path.stem != "__init__"
    }
    return dict.fromkeys(_PACKAGES, "") | modules
