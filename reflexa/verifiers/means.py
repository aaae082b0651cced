"""What verifiers are opened with: a sandbox, models, and the files of a workspace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.errors import UsageError, unknown_name
from reflexa.protocols import Chooser, Policy, Scorer

if TYPE_CHECKING:
    from reflexa.sandbox import Limits, Sandbox


@dataclass(frozen=True)
class Means:
    """What verifiers may need; sandbox and models are opened only when one of them asks.

    ``model`` is the model string of judges that are models; ``scorer`` opens trained reward models, ``chooser`` models
    whose likelihoods are asked for. With ``blind``
    a verifier that reads ``Task.check`` is refused: what the agent learns from while it works may not know the answer.
    What a verifier opens for itself it hands to ``resources``, which the caller closes.
    """

    sandbox: Callable[[], Sandbox]
    policy: Callable[[str], Policy]
    model: str = "embedded"
    workspace: Path | None = None
    limits: Limits | None = None
    blind: bool = False
    scorer: Callable[[str], Scorer] | None = None
    chooser: Callable[[str], Chooser] | None = None
    resources: ExitStack = field(default_factory=ExitStack)

    def open_scorer(self, checkpoint: str) -> Scorer:
        """The trained reward model of a checkpoint. Raises ``UsageError`` where the caller has no way to open one."""
        if self.scorer is None:
            raise UsageError(f"{checkpoint}: no reward model can be opened here; pass Means(scorer=…)")
        return self.scorer(checkpoint)

    def open_chooser(self, checkpoint: str) -> Chooser:
        """The likelihoods of a checkpoint. Raises ``UsageError`` where the caller has no way to open one."""
        if self.chooser is None:
            raise UsageError(f"{checkpoint}: likelihoods cannot be asked for here; pass Means(chooser=…)")
        return self.chooser(checkpoint)


def own_file(kind: str, name: str, workspace: Path | None) -> Path:
    """The TOML file of this kind that ``name`` means: a path, or a name in the workspace's ``verifiers/``."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    files = {stem: file for stem, file in workspace_files(workspace).items() if file.suffix == ".toml"}
    if name in files:
        return files[name]
    raise unknown_name(f"{kind} (a TOML file, or the name of one in the workspace's verifiers/)", name, files)


def checkpoint_or_file(kind: str, name: str, means: Means) -> Path | str:
    """The TOML file that ``name`` means, or a checkpoint: a folder, or a repository of a hub (``owner/name``)."""
    path = Path(name).expanduser()
    if name and (path.is_dir() or ("/" in name and not path.is_file() and path.suffix != ".toml")):
        return name
    return own_file(kind, name, means.workspace)


def schema_file(name: str, workspace: Path | None) -> Path:
    """A JSON schema: a path, or the name of a file in the workspace's ``verifiers/``."""
    path = Path(name).expanduser()
    own = workspace / "verifiers" / path if workspace else path
    if not name or not (path.is_file() or own.is_file()):
        raise UsageError(f"json-schema:SCHEMA names a JSON file, here or in the workspace's verifiers/; got {name!r}")
    return path if path.is_file() else own


def workspace_files(workspace: Path | None) -> dict[str, Path]:
    """The verifiers of a workspace, Python and TOML, by name."""
    folder = workspace / "verifiers" if workspace else None
    if folder is None or not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in (".py", ".toml")}
