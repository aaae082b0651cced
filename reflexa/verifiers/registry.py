"""Verifiers by name: what ``--verifier``, a suite's ``judge`` and ``--feedback`` take.

A name is ``NAME`` or ``NAME:ARGUMENT``. The workspace's ``verifiers/NAME.py`` and ``NAME.toml`` come first, then the
built-in ones, then the entry points of other packages (group ``reflexa.verifiers``).
"""

from __future__ import annotations

import runpy
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from reflexa.errors import UsageError, unknown_name
from reflexa.protocols import Verifier
from reflexa.types import Frozen
from reflexa.verifiers.builtins import BUILTINS, Builtin
from reflexa.verifiers.function import as_verifier
from reflexa.verifiers.means import Means, workspace_files

GROUP = "reflexa.verifiers"
"""The entry point group in which other packages offer verifiers: a verifier, its class, or a function."""


class VerifierInfo(Frozen):
    """A verifier that can be opened by ``name``, or by ``name:argument``."""

    name: str
    argument: str = ""
    summary: str
    source: str
    private: bool = False


def open_verifier(spec: str, means: Means) -> Verifier:
    """Opens the verifier that ``spec`` names. Raises ``UsageError`` for unknown names and unusable files."""
    name, _, argument = spec.partition(":")
    own = workspace_files(means.workspace)
    if spec in own:
        return _open_own(own[spec], means)
    if name in KNOWN:
        if argument and not KNOWN[name].argument:
            raise UsageError(f"the verifier {name} takes no argument: write {name}, not {spec}")
        if means.blind and KNOWN[name].private:
            raise UsageError(
                f"the verifier {name} reads a task's reference answer or hidden tests: as feedback it would tell the "
                "agent what it is judged by. Use --feedback oracle, which marks the run as such, or another verifier"
            )
        return KNOWN[name].open(argument, means)
    offered = _offered()
    if spec in offered:
        return _open_offered(offered[spec])
    raise unknown_name("verifier", spec, [*own, *KNOWN, *offered])


def list_verifiers(workspace: Path | None = None) -> tuple[VerifierInfo, ...]:
    """All verifiers that ``open_verifier`` knows: built-in, the workspace's, other packages'. Opens none."""
    found = [
        VerifierInfo(name=name, argument=each.argument, summary=each.summary, source="built in", private=each.private)
        for name, each in KNOWN.items()
    ]
    found += [
        VerifierInfo(name=name, summary=f"your own ({path.name})", source=str(path))
        for name, path in workspace_files(workspace).items()
    ]
    found += [
        VerifierInfo(name=name, summary="an entry point", source=point.dist.name if point.dist else point.value)
        for name, point in _offered().items()
    ]
    return tuple(found)


def _open_own(path: Path, means: Means) -> Verifier:
    return _from_python(path) if path.suffix == ".py" else _from_toml(path, means)


def _from_python(path: Path) -> Verifier:
    """A workspace's own code, trusted as the user's: its ``verify``, or what is called as the file is."""
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        raise UsageError(f"{path}: cannot be loaded as a verifier: {type(error).__name__}: {error}") from error
    found = names.get("verify", names.get(path.stem))
    if found is None:
        raise UsageError(f"{path}: expected a function or verifier called `verify` or `{path.stem}`; found neither")
    verifier = _made(found)
    if verifier.name in ("verify", "<lambda>"):
        verifier.name = path.stem
    return verifier


def _from_toml(path: Path, means: Means) -> Verifier:
    try:
        kind = tomllib.loads(path.read_text(encoding="utf-8")).get("kind")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from error
    kinds = [name for name, builtin in KNOWN.items() if "FILE" in builtin.argument]
    if kind not in kinds:
        raise UsageError(f'{path}: "kind" is {kind!r}; expected one of {", ".join(kinds)}')
    return KNOWN[kind].open(str(path), means)


def _offered() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _open_offered(point: EntryPoint) -> Verifier:
    try:
        found = point.load()
    except Exception as error:
        raise UsageError(f"the verifier {point.name} ({point.value}) cannot be loaded: {error}") from error
    return _made(found)


def _made(found: Any) -> Verifier:
    return as_verifier(found() if isinstance(found, type) else found)


def _composite(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.composite import from_argument

    return from_argument(argument, means, open_verifier)


KNOWN: dict[str, Builtin] = {
    **BUILTINS,
    "composite": Builtin(
        "all, any, a weighted mean or a cascade of other verifiers", _composite, argument="COMPOSITE_FILE"
    ),
}
"""The built-in ones by name, with the one that opens others by theirs."""
