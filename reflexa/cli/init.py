"""Makes a workspace: a ``reflexa.toml`` and the four folders that a user edits."""

from __future__ import annotations

from pathlib import Path

from reflexa.cli.workspace import CONFIG_NAME, FOLDERS
from reflexa.errors import UsageError

_CONFIG = """\
# A Reflexa workspace. Each line below is a setting with its default: take the '#' away to change it.
# Flags come before REFLEXA_* variables, these before this file, and this file before your personal one.
# Providers' keys do not belong here: they are read from the environment.

# model = "embedded"
# strategy = "reflexion"
# feedback = "auto"
# attempts = 5
# reflections = 3
# concurrency = 4
# database_url = "memory/reflexa.db"
"""

_IGNORED = {"memory": "*.db\n*.db-*\n", "training": "runs/\n"}

_PURPOSE = {
    "tasks": "Task suites of your own: `reflexa run --task NAME` looks here before the built-in suites.",
    "verifiers": "Verifiers of your own, one file each, and constitutions and rubrics as TOML.",
    "memory": "The database, which git ignores, and lesson packs (JSONL) to import.",
    "training": "One recipe (TOML) per training run; checkpoints come under `runs/`, which git ignores.",
}


def init_workspace(folder: Path) -> list[Path]:
    """Makes a workspace of ``folder``, which may be new or hold other files, and returns the files made.

    Files that are there are left as they are. Raises ``UsageError`` where ``folder`` is a workspace already, or
    cannot be written.
    """
    files = {
        **{folder / name / "README.md": f"# {name}\n\n{_PURPOSE[name]}\n" for name in FOLDERS},
        **{folder / name / ".gitignore": patterns for name, patterns in _IGNORED.items()},
        folder / CONFIG_NAME: _CONFIG,
    }
    if (folder / CONFIG_NAME).exists():
        raise UsageError(f"{folder} is a workspace already: {CONFIG_NAME} is there. Nothing was changed")
    made = [path for path in files if not path.exists()]
    try:
        for path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
    except OSError as error:
        raise UsageError(f"no workspace can be made in {folder} ({error}): name a folder you may write to") from error
    return made
