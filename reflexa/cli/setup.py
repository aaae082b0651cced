"""Makes, repairs and extends the checkout's ``.venv``; elsewhere adds an extra to the running environment.

``scripts/reflexa`` runs this file with the system's Python before anything is installed, so it needs the standard
library alone. Everything but torch is installed by version *and* hash, from ``requirements/*.lock``.

What stands in ``.venv``: ``reflexa-setup``, the stamp, says in which folder and from which pins it was made;
``reflexa-unfinished`` is there while something is being installed, so that a killed set-up is seen and made afresh.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reflexa.cli.installer import Installer, SetupError
from reflexa.errors import UsageError, unknown_name

EXTRAS = ("train", "gym", "data", "embed", "bridges", "ray", "postgres", "dev")
_BASE = {"core", "reflexa"}
_BUILT = {"gym": ("cellpylib", "jericho", "pycosat", "zss")}
"""What is published as source alone, and so needs a C compiler, by the part that asks for it."""


@dataclass(frozen=True)
class Checkout:
    """Where things are in a clone of the repository."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.venv / "reflexa-setup"

    @property
    def unfinished(self) -> Path:
        return self.venv / "reflexa-unfinished"

    @property
    def log(self) -> Path:
        return self.venv / "reflexa-setup.log"

    @property
    def constraints(self) -> Path:
        return self.root / "constraints.txt"

    def lock(self, part: str) -> Path:
        return self.root / "requirements" / f"{part}.lock"


def this_checkout() -> Checkout | None:
    """The clone that this file stands in; None where the package was installed from a wheel."""
    checkout = Checkout(Path(__file__).resolve().parents[2])
    return checkout if checkout.lock("core").is_file() else None


def install_extra(name: str) -> None:
    """Adds one of ``EXTRAS`` to the checkout's ``.venv``; to the running environment where that is another.

    Raises ``UsageError`` for an unknown name and ``SetupError`` where pip failed.
    """
    _check_names([name])
    checkout = this_checkout()
    if checkout is not None and Path(sys.prefix).resolve() == checkout.venv.resolve():
        bring_up(checkout, [name])
        return
    _say(f"installing the extra {name} into {sys.prefix}")
    pins = ["--constraint", str(checkout.constraints)] if checkout else []
    Installer(Path(sys.executable)).install(*pins, f"reflexa[{name}]")


def bring_up(checkout: Checkout, extras: Sequence[str] = ()) -> None:
    """Leaves the checkout's ``.venv`` complete: the core, the embedded model, and ``extras`` beside those there.

    Waits while another process does the same. What a killed set-up left is thrown away and made afresh.
    Raises ``SetupError``.
    """
    begun = time.time()
    with _exclusive(checkout) as held:
        installer = Installer(checkout.python, checkout.log, (held,))
        wanted = _wanted(checkout, extras)
        if not _is_sound(checkout):
            _make(checkout, wanted, installer)
        done = {part: digest for part, digest in _recorded(checkout).items() if wanted.get(part) == digest}
        if done == wanted:
            _record(checkout, done, begun)
            return
        _add(checkout, wanted, done, installer, begun)
    _say(f"ready in {time.time() - begun:.0f} s")


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m reflexa.cli.setup [EXTRA ...]``: the launcher's way in. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/reflexa setup", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help=f"what to add: {', '.join(EXTRAS)}")
    names = parser.parse_args(arguments).extras
    try:
        _check_names(names)
        checkout = this_checkout()
        if checkout is None:
            raise SetupError("requirements/core.lock is missing: run this from a clone of the repository")
        bring_up(checkout, names)
    except UsageError as error:
        _say(f"error: {error}")
        return 2
    except (SetupError, OSError) as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted: the same command starts the set-up again")
        return 130
    return 0


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if name not in EXTRAS:
            raise unknown_name("extra", name, EXTRAS)


def _wanted(checkout: Checkout, extras: Iterable[str]) -> dict[str, str]:
    """What is to be there, in the order of installation, each with a digest of what it is made from."""
    names = {*extras, *_recorded(checkout)}
    if checkout.unfinished.is_file():
        names |= set(checkout.unfinished.read_text(encoding="utf-8").split())
    parts = ["core", "reflexa", "weights", *(extra for extra in EXTRAS if extra in names)]
    return {part: _digest(checkout, part) for part in parts}


def _digest(checkout: Checkout, part: str) -> str:
    if part == "weights":
        return "pulled"
    source = checkout.root / "pyproject.toml" if part == "reflexa" else checkout.lock(part)
    try:
        return hashlib.sha256(source.read_bytes()).hexdigest()
    except OSError as error:
        raise SetupError(f"cannot read {source} ({error.strerror}): the clone is not whole, clone it again") from error


def _recorded(checkout: Checkout) -> dict[str, str]:
    """What the stamp says is installed; nothing where there is no stamp or the folder was moved since."""
    try:
        made_in, *lines = checkout.stamp.read_text(encoding="utf-8").splitlines()
        parts = dict(line.split() for line in lines)
    except (OSError, ValueError):
        return {}
    return parts if made_in == str(checkout.root) else {}


def _record(checkout: Checkout, parts: Mapping[str, str], begun: float) -> None:
    """Writes the stamp in one step, dated ``begun`` (seconds since the epoch): the launcher looks for newer pins."""
    lines = [str(checkout.root), *(f"{part} {digest}" for part, digest in parts.items())]
    aside = checkout.stamp.with_suffix(".new")
    aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.utime(aside, (begun, begun))
    aside.replace(checkout.stamp)


def _is_sound(checkout: Checkout) -> bool:
    """Whether ``.venv`` can be built upon: nothing half-made, not moved, and with a Python that runs."""
    if checkout.unfinished.exists() or (checkout.stamp.exists() and not _recorded(checkout)):
        return False
    probe = "import pip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))"
    try:
        return subprocess.run([checkout.python, "-I", "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make(checkout: Checkout, wanted: Iterable[str], installer: Installer) -> None:
    """Makes an empty ``.venv``, in place of a broken one. Its mark of being unfinished is there from the start."""
    version = ".".join(str(number) for number in sys.version_info[:3])
    if checkout.venv.exists():
        _say(f"{checkout.venv} is unfinished or broken: making it afresh with Python {version}")
        _throw_away(checkout)
    else:
        _say(f"first use: making {checkout.venv} with Python {version}, about a minute")
    checkout.venv.mkdir()
    checkout.unfinished.write_text("\n".join(wanted), encoding="utf-8")
    venv.create(checkout.venv, symlinks=True)
    installer.run("-m", "ensurepip", "--default-pip")


def _throw_away(checkout: Checkout) -> None:
    """Removes ``.venv``, out of the way first: one that is removed by half must never be built upon."""
    aside = checkout.root / ".venv.broken"
    shutil.rmtree(aside, ignore_errors=True)
    checkout.venv.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _add(
    checkout: Checkout, wanted: Mapping[str, str], done: dict[str, str], installer: Installer, begun: float
) -> None:
    """Installs what is wanted and not yet done. The launcher's stamp is away while the core changes."""
    checkout.unfinished.write_text("\n".join(wanted), encoding="utf-8")
    if not done.keys() >= _BASE:
        checkout.stamp.unlink(missing_ok=True)
    try:
        for part in wanted:
            if part not in done and _install(checkout, part, installer):
                done[part] = wanted[part]
            if done.keys() >= _BASE:
                _record(checkout, done, begun)
    except SetupError:
        if done.keys() >= _BASE:  # pip ended by itself, so what stood before still stands
            checkout.unfinished.unlink()
        raise
    checkout.unfinished.unlink()


def _install(checkout: Checkout, part: str, installer: Installer) -> bool:
    """Installs one part; False where it could not be had and is not needed."""
    if part == "reflexa":
        installer.install("--no-deps", "--no-build-isolation", "--editable", str(checkout.root))
        return True
    if part == "weights":
        return _pull_weights(installer)
    _say(f"installing {part}: pinned by version and hash")
    installer.install_locked(checkout.lock(part), _BUILT.get(part, ()))
    if part == "train":
        _say("installing torch: large, it may take several minutes")
        installer.install("--constraint", str(checkout.constraints), "torch")
    return True


def _pull_weights(installer: Installer) -> bool:
    _say("fetching the embedded model's weights: 98 MB")
    try:
        installer.run("-P", "-m", "reflexa", "models", "pull", "embedded")
    except SetupError as error:
        _say(f"warning: going on without the embedded model: {error}")
        _say("to get it later: scripts/reflexa models pull embedded")
        return False
    return True


@contextmanager
def _exclusive(checkout: Checkout) -> Iterator[int]:
    """Holds the set-up's lock, and gives its descriptor. It is freed when its last holder ends."""
    try:
        descriptor = os.open(checkout.root / ".venv.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise SetupError(
            f"cannot write to {checkout.root} ({error.strerror}): set up a copy of the repository in a folder of yours"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another set-up of this folder is under way: waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _say(text: str) -> None:
    sys.stderr.write(f"reflexa: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
