"""The package as those who import it see it."""

from __future__ import annotations

import ast
import importlib.resources
import re
import subprocess
import sys
import zipfile
from collections.abc import Container, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import reflexa

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"litellm", "numpy", "openai", "pydantic", "rich", "sqlalchemy", "torch", "transformers", "typer", "xllamacpp"}
EXPORTED = [
    "Agent",
    "AgentConfig",
    "Attempt",
    "Bench",
    "Cast",
    "Completion",
    "Environment",
    "Episode",
    "Limits",
    "LoopConfig",
    "Memory",
    "Message",
    "Policy",
    "Reflection",
    "Reflector",
    "ReflexaError",
    "Sampling",
    "Store",
    "Task",
    "Verdict",
    "Verifier",
    "__version__",
    "load_suite",
]
"""What users may rely on: a change here is a change of the public interface, and belongs into the CHANGELOG."""


def test_the_exported_names_are_these() -> None:
    assert sorted(reflexa.__all__) == EXPORTED
    assert set(dir(reflexa)) == set(EXPORTED)


@pytest.mark.parametrize("name", EXPORTED)
def test_every_exported_name_can_be_had(name: str) -> None:
    assert getattr(reflexa, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        _ = reflexa.Agnet


PROBE = f"""
import os, signal, sys, threading

def state():
    return dict(os.environ), signal.getsignal(signal.SIGINT), sys.excepthook, sys.path[:], threading.active_count()

before = state()
import reflexa
assert state() == before, "the import changed something"
print(sorted({HEAVY} & set(sys.modules)))
"""


def test_importing_the_package_loads_nothing_heavy_and_has_no_effects(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROBE],
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    assert list(tmp_path.iterdir()) == []


def test_the_workspace_folders_are_not_packages() -> None:
    """A package called ``verifiers`` or ``memory`` at the top level would shadow the users' own."""
    for name in ("tasks", "verifiers", "memory", "training"):
        assert (ROOT / name).is_dir()
        assert not list((ROOT / name).rglob("__init__.py"))


def _modules() -> dict[str, Path]:
    """The package's modules by name."""
    files = (ROOT / "reflexa").rglob("*.py")
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def _imported(file: Path, modules: Container[str]) -> Iterator[str]:
    """What a module imports anywhere: at its top, within functions, for type checks."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            whole = (f"{node.module}.{each.name}" for each in node.names)
            yield from (name if name in modules else str(node.module) for name in whole)


def test_no_circle_of_modules_import_each_other() -> None:
    """A module can be read, tested and moved without those that stand on it. The sorter names a circle that it finds.

    ``reflexa`` itself, which has a version and passes on names of all parts, stands below and above.
    """
    modules = _modules()
    graph = {name: set(_imported(file, modules)) & modules.keys() - {"reflexa"} for name, file in modules.items()}
    assert len(graph) > 200
    TopologicalSorter(graph).prepare()


def test_it_says_that_it_is_typed() -> None:
    assert importlib.resources.files("reflexa").joinpath("py.typed").is_file()


def test_the_version_is_that_of_the_project_and_in_the_changelog() -> None:
    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert declared is not None
    assert reflexa.__version__ == declared[1]
    assert f"\n## {reflexa.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: scripts/reflexa setup installs it")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = {Path(name).name for name in archive.namelist() if ".dist-info/" in name}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "reflexa").rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".pyo")
    }
    assert held == package
    assert "reflexa/py.typed" in held
    assert {"METADATA", "entry_points.txt", "LICENSE"} <= metadata
