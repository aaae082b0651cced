from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import reflexa
from reflexa.cli.main import VERBS
from tests.cli.support import ROOT, Cli, called

HEAVY = ("litellm", "sqlalchemy", "alembic", "torch", "transformers", "xllamacpp", "rich", "pydantic", "numpy")
LOOP = ("reflexa.agent", "reflexa.tasks", "reflexa.verifiers", "reflexa.sandbox", "reflexa.training", "litellm")


def test_help_names_every_verb_and_what_it_is_for(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.code == 0
    for name in VERBS:
        assert f"\n  {name}  " in shown.out.replace(f"  {name} ", f"  {name}  ")


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_help(cli: Cli, name: str) -> None:
    shown = cli(name, "--help")
    assert shown.code == 0
    assert f"reflexa {name}" in shown.out


def _loaded(arguments: list[str], names: tuple[str, ...]) -> set[str]:
    """Which of these modules a command line loads, in a process of its own."""
    code = (
        "import sys\nfrom reflexa.cli.main import run\n"
        f"code = run({arguments!r})\n"
        f"sys.stderr.write(' '.join(name for name in {names!r} if name in sys.modules))\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["runs", "show", "--help"], ["version"]])
def test_help_loads_nothing_heavy(home: Path, arguments: list[str]) -> None:
    typers_own = set() if arguments == ["--help"] else {"pydantic"}
    assert _loaded(arguments, HEAVY) <= typers_own


def test_what_only_looks_loads_neither_the_loop_nor_what_it_works_with(home: Path) -> None:
    assert not _loaded(["runs", "list"], LOOP)


def test_no_arguments_show_the_help_and_are_an_error(cli: Cli) -> None:
    shown = cli()
    assert shown.code == 2
    assert "Verbs:" in shown.err


def test_a_group_without_a_verb_shows_its_help(cli: Cli) -> None:
    shown = cli("runs")
    assert shown.code == 2
    assert "list" in shown.err
    assert "show" in shown.err


def test_version_in_both_forms(cli: Cli) -> None:
    assert cli("--version").out == cli("version").out == f"reflexa {reflexa.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "unknown verb 'rnu': did you mean run"),
        (["--nonsense"], "No such option"),
        (["run", "--nonsense"], "`reflexa run --help`"),
        (["run", "--attempts", "0"], "greater than or equal to 1"),
        (["run", "--attempts", "many"], "'--attempts'"),
        (["runs", "lst"], "Did you mean 'list'"),
        (["runs", "show"], "'RUN'"),
        (["compare", "one"], "'RUN'"),
        (["verify", "--task", "humaneval"], "'FILE'"),
    ],
)
def test_a_wrong_command_line_gets_one_line_and_code_2(cli: Cli, arguments: list[str], words: str) -> None:
    shown = cli(*arguments)
    assert shown.code == 2
    assert words in shown.complaint
    assert shown.out == ""


@pytest.mark.parametrize("module", ["reflexa", "reflexa.cli"])
def test_both_packages_can_be_run(home: Path, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "version"], capture_output=True, text=True, check=True, env=_environment()
    )
    assert done.stdout == f"reflexa {reflexa.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_verbs(home: Path, shell: str) -> None:
    words = {"COMP_WORDS": "reflexa ru", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "reflexa ru"}
    words |= {"_REFLEXA_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = called([], home, **words)
    assert "run" in done.out
    assert "runs" in done.out
    assert "verify" not in done.out


def test_a_reader_that_leaves_is_no_error_message(home: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m reflexa tasks show humaneval --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, env=_environment())
    assert len(done.stdout) == 10
    assert done.stderr == ""


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "0<&-"])
def test_closed_streams_are_no_failure(home: Path, closed: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m reflexa tasks list --json {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, env=_environment())
    assert "Traceback" not in done.stderr


def test_a_terminal_that_cannot_show_a_character_gets_an_escape(home: Path) -> None:
    done = called(["tasks", "list"], home, PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert done.err == ""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
