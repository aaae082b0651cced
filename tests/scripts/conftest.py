"""A small checkout whose packages come from a folder beside it, so that the launcher sets up in seconds and offline."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("scripts/reflexa", "reflexa/errors.py", "reflexa/cli/setup.py", "reflexa/cli/installer.py")
STEERING = ("PIP_", "REFLEXA_", "PYTHON")
EMPTY = ("reflexa/__init__.py", "reflexa/cli/__init__.py")
MAIN = "import program, sys\nsys.exit(program.main())\n"

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["build"]

[project]
name = "reflexa"
version = "0.1"
"""

# In the place of Reflexa: prints its arguments. It has no weights to pull.
PROGRAM = """\
import sys
from importlib.metadata import version

def main():
    if sys.argv[1:] == ["models", "pull", "embedded"]:
        return "the weights cannot be had"
    print(version("tinycore"), *map(ascii, sys.argv[1:]))
    return int(sys.argv[2]) if sys.argv[1:2] == ["exit"] else 0
"""

# An editable build without any tool, which waits as long as the file `hold` is there.
BACKEND = """\
import pathlib, time, zipfile

ROOT = pathlib.Path(__file__).parents[1]
INFO = "reflexa-0.1.dist-info/"

def build_editable(folder, config_settings=None, metadata_directory=None):
    while (ROOT / "hold").exists():
        (ROOT / "held").touch()
        time.sleep(0.02)
    name = "reflexa-0.1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("reflexa.pth", str(ROOT))
        wheel.writestr(INFO + "METADATA", "Metadata-Version: 2.1\\nName: reflexa\\nVersion: 0.1\\n")
        wheel.writestr(INFO + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(INFO + "entry_points.txt", "[console_scripts]\\nreflexa = program:main\\n")
        wheel.writestr(INFO + "RECORD", "")
    return name
"""


def _wheel(folder: Path, name: str, version: str) -> str:
    """Makes an empty package's wheel in ``folder``, and returns the line of a lock file that asks for it."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            wheel.writestr(path, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(target.read_bytes()).hexdigest()}\n"


@dataclass(frozen=True)
class SmallCheckout:
    """The launcher, the set-up code, and a program that prints its arguments in the place of Reflexa."""

    root: Path
    index: Path

    @property
    def launcher(self) -> Path:
        return self.root / "scripts" / "reflexa"

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "reflexa-setup"

    @property
    def log(self) -> str:
        return (self.root / ".venv" / "reflexa-setup.log").read_text(encoding="utf-8")

    def pin(self, part: str, name: str, version: str) -> None:
        """Publishes a package and makes it all that ``part`` consists of."""
        (self.root / "requirements" / f"{part}.lock").write_text(_wheel(self.index, name, version), encoding="utf-8")

    def start(self, *arguments: str, launcher: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "REFLEXA_", "PYTHON"))
        }
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "PIP_CONFIG_FILE": os.devnull}
        return subprocess.Popen(
            [launcher or self.launcher, *arguments],
            env={**kept, **offline, "REFLEXA_PYTHON": sys.executable, **environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *arguments: str, launcher: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, launcher=launcher, **environment)
        stdout, stderr = process.communicate(timeout=240)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def hold(self) -> None:
        """Makes the next set-up wait within pip."""
        (self.root / "hold").touch()

    def wait_until_held(self) -> None:
        deadline = time.monotonic() + 240
        while not (self.root / "held").exists():
            assert time.monotonic() < deadline, "the set-up never came to the point where it waits"
            time.sleep(0.02)
        (self.root / "held").unlink()

    def release(self) -> None:
        (self.root / "hold").unlink()


@pytest.fixture
def make_checkout(tmp_path: Path) -> Callable[[], SmallCheckout]:
    return lambda: _small_checkout(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> SmallCheckout:
    """A checkout that is set up. Tests leave it able to start."""
    checkout = _small_checkout(tmp_path_factory.mktemp("ready"))
    done = checkout.run("first")
    assert done.returncode == 0, done.stderr
    return checkout


def _small_checkout(folder: Path) -> SmallCheckout:
    checkout = SmallCheckout(folder / "a folder with spaces & more", folder / "index")
    checkout.index.mkdir()
    for name in COPIED:
        (checkout.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, checkout.root / name)
    for name in EMPTY:
        (checkout.root / name).touch()
    written = {
        "pyproject.toml": PYPROJECT,
        "program.py": PROGRAM,
        "reflexa/__main__.py": MAIN,
        "build/backend.py": BACKEND,
    }
    for name, text in written.items():
        (checkout.root / name).parent.mkdir(exist_ok=True)
        (checkout.root / name).write_text(text, encoding="utf-8")
    (checkout.root / "requirements").mkdir()
    checkout.pin("core", "tinycore", "1.0")
    checkout.pin("dev", "tinydev", "1.0")
    return checkout
