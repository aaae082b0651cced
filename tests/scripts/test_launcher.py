"""``scripts/reflexa``: the set-up on first use, and the start when all is there."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.scripts.conftest import SmallCheckout

Make = Callable[[], "SmallCheckout"]


def test_two_first_uses_at_once_set_up_once_and_both_run(make_checkout: Make) -> None:
    checkout = make_checkout()
    checkout.hold()
    first = checkout.start("one", "two words", "")
    checkout.wait_until_held()
    second = checkout.start("other")
    assert second.stderr is not None
    assert "another set-up of this folder is under way" in second.stderr.readline()
    checkout.release()

    said, progress = first.communicate(timeout=240)
    assert (first.returncode, said) == (0, "1.0 'one' 'two words' ''\n")
    assert "first use: making" in progress
    assert "ready in" in progress
    assert (second.communicate(timeout=240)[0], second.returncode) == ("1.0 'other'\n", 0)
    assert checkout.log.count("Successfully installed tinycore") == 1


def test_goes_on_without_the_weights_and_names_the_command_that_gets_them(ready: SmallCheckout) -> None:
    assert "weights" not in ready.stamp.read_text(encoding="utf-8")
    done = ready.run("setup")
    assert done.returncode == 0
    assert "warning: going on without the embedded model" in done.stderr
    assert "the weights cannot be had" in done.stderr
    assert "scripts/reflexa models pull embedded" in done.stderr


def test_when_set_up_it_only_starts_the_program_with_no_index_from_any_folder_through_links(
    ready: SmallCheckout, tmp_path: Path
) -> None:
    before = ready.log
    (tmp_path / "absolute").symlink_to(ready.launcher)
    (tmp_path / "relative").symlink_to("absolute")
    done = ready.run("exit", "7", launcher=tmp_path / "relative", PIP_FIND_LINKS=os.devnull)
    assert (done.returncode, done.stdout, done.stderr) == (7, "1.0 'exit' '7'\n", "")
    assert ready.log == before


def test_a_touched_pin_costs_one_look_a_changed_one_an_installation_and_a_moved_folder_a_set_up(
    make_checkout: Make, tmp_path: Path
) -> None:
    checkout = make_checkout()
    assert checkout.run().returncode == 0
    before, stamped = checkout.log, checkout.stamp.stat().st_mtime_ns
    os.utime(checkout.root / "pyproject.toml")
    assert checkout.run().stdout == "1.0\n"
    assert checkout.stamp.stat().st_mtime_ns > stamped
    assert "tinycore" not in checkout.log.removeprefix(before)

    checkout.pin("core", "tinycore", "2.0")
    done = checkout.run()
    assert (done.returncode, done.stdout) == (0, "2.0\n")
    assert checkout.run().stderr == ""

    checkout.root.rename(tmp_path / "moved")
    done = checkout.run("here", launcher=tmp_path / "moved" / "scripts" / "reflexa")
    assert (done.returncode, done.stdout) == (0, "2.0 'here'\n"), done.stderr


def test_a_killed_set_up_is_made_afresh_once_the_last_of_its_processes_has_ended(make_checkout: Make) -> None:
    checkout = make_checkout()
    checkout.hold()
    first = checkout.start("setup", "dev")
    checkout.wait_until_held()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate(timeout=240)

    second = checkout.start("second")
    checkout.wait_until_held()
    (setup,) = _children(second.pid)
    os.kill(setup, signal.SIGKILL)
    said, progress = second.communicate(timeout=240)
    assert (second.returncode, said) == (137, "")
    assert "waiting" not in progress, "a lock outlived all that held it"
    assert "making it afresh" in progress

    third = checkout.start("third")
    assert third.stderr is not None
    assert "under way: waiting" in third.stderr.readline(), "pip outlives its parent and still writes"
    checkout.release()
    said, progress = third.communicate(timeout=240)
    assert (third.returncode, said) == (0, "1.0 'third'\n"), progress
    assert "tinydev" in checkout.log, "what was asked for at first is still wanted"


def test_an_extra_is_added_once_and_one_that_cannot_be_had_harms_nothing(ready: SmallCheckout) -> None:
    assert ready.run("setup", "dev").returncode == 0
    assert "Successfully installed tinydev-1.0" in ready.log

    (ready.root / "requirements" / "postgres.lock").write_text(f"absent==1.0 --hash=sha256:{'0' * 64}\n")
    failed = ready.run("setup", "postgres")
    assert failed.returncode == 1
    assert "the package index cannot be reached, or lacks a file" in failed.stderr
    assert str(ready.root / ".venv" / "reflexa-setup.log") in failed.stderr
    assert ready.run("still").stdout == "1.0 'still'\n"


def test_a_file_that_is_not_the_pinned_one_is_refused(ready: SmallCheckout) -> None:
    ready.pin("dev", "tinydev", "3.0")
    lock = ready.root / "requirements" / "dev.lock"
    lock.write_text(f"tinydev==3.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    done = ready.run("setup", "dev")
    assert done.returncode == 1
    assert "not the one that was pinned" in done.stderr
    ready.pin("dev", "tinydev", "1.0")


@pytest.mark.parametrize(
    ("extra", "hint"),
    [("trian", "did you mean train"), ("x", "known: bridges, data, dev, embed, gym, postgres, ray, train")],
)
def test_an_unknown_extra_is_a_usage_error(ready: SmallCheckout, extra: str, hint: str) -> None:
    done = ready.run("setup", extra)
    assert done.returncode == 2
    assert f"unknown extra {extra!r}: {hint}" in done.stderr


def test_without_a_usable_python_it_says_what_to_install(make_checkout: Make) -> None:
    checkout = make_checkout()
    done = checkout.run("run", REFLEXA_PYTHON="", PATH="/nonexistent")
    assert done.returncode == 1
    assert "no Python 3.11 to 3.14" in done.stderr
    named = checkout.run("run", REFLEXA_PYTHON="/bin/false")
    assert named.returncode == 1
    assert "REFLEXA_PYTHON=/bin/false" in named.stderr
    assert not (checkout.root / ".venv").exists()


def test_a_user_without_write_permission_is_told_to_take_a_copy(make_checkout: Make) -> None:
    checkout = make_checkout()
    (checkout.root / ".venv.lock").mkdir()  # cannot be opened, by root either
    done = checkout.run("run")
    assert done.returncode == 1
    assert "set up a copy of the repository in a folder of yours" in done.stderr


def test_the_scripts_are_executable_and_the_shell_can_read_them() -> None:
    root = Path(__file__).resolve().parents[2]
    for name in ("scripts/reflexa", "scripts/test", ".ci/run"):
        assert os.access(root / name, os.X_OK), name
        assert subprocess.run(["/bin/sh", "-n", root / name], check=False).returncode == 0, name


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = (line.split() for line in listed.splitlines())
    return [int(child) for child, parent in pairs if int(parent) == pid]
