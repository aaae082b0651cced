"""What the launcher's tests (tests/scripts) do not see of the set-up."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from reflexa.cli.setup import EXTRAS, install_extra, this_checkout
from reflexa.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def test_this_repository_is_the_checkout() -> None:
    checkout = this_checkout()
    assert checkout is not None
    assert checkout.root == ROOT


def test_an_unknown_extra_is_refused_before_anything_is_installed() -> None:
    with pytest.raises(UsageError, match="did you mean postgres"):
        install_extra("postgress")


def test_the_set_up_needs_the_standard_library_alone() -> None:
    """It runs before anything is installed: ``-S`` leaves out all that is."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import reflexa.cli.setup"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_part_has_a_lock_whose_pins_the_constraints_share_and_whose_files_have_hashes() -> None:
    constraints = set(PIN.findall((ROOT / "constraints.txt").read_text(encoding="utf-8")))
    for part in ("core", *EXTRAS):
        text = (ROOT / "requirements" / f"{part}.lock").read_text(encoding="utf-8")
        pins = PIN.findall(text)
        assert pins, part
        assert set(pins) <= constraints, part
        entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
        assert all("--hash=sha256:" in entry for entry in entries), part


def test_the_pins_cover_all_that_is_declared() -> None:
    pins = dict(PIN.findall((ROOT / "constraints.txt").read_text(encoding="utf-8")))
    assert (pins["torch"], pins["litellm"]) == ("2.13.0", "1.106.2")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == {"embedded", *EXTRAS}
    declared = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    names = {re.split(r"[^A-Za-z0-9_-]", line)[0].lower().replace("_", "-") for line in declared}
    assert names - pins.keys() == set(), "run scripts/lock"


def test_no_lock_names_an_index() -> None:
    for path in (ROOT / "constraints.txt", *(ROOT / "requirements").glob("*.lock")):
        assert "://" not in path.read_text(encoding="utf-8"), path
