"""A verb or an option that docs/cli.md does not describe fails here, and so does one that it describes in vain."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from reflexa.cli.main import VERBS
from tests.cli.support import ROOT

TEXT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = {match[1]: match[2] for match in re.finditer(r"^## reflexa ([\w ]+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)}


def _commands() -> Iterator[tuple[str, Any]]:
    for name in VERBS:
        command: Any = get_command(importlib.import_module(f"reflexa.cli.verbs.{name}").app)
        if hasattr(command, "commands"):
            yield from ((f"{name} {verb}", child) for verb, child in command.commands.items())
        else:
            yield name, command


COMMANDS = dict(_commands())


def test_every_verb_has_a_section_and_every_section_a_verb() -> None:
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described_and_every_described_option_is_there(name: str) -> None:
    options = {option for param in COMMANDS[name].params for option in param.opts if option.startswith("--")}
    described = set(re.findall(r"`(--[a-z-]+)", SECTIONS[name]))
    assert options <= described
    everywhere = {option for command in COMMANDS.values() for param in command.params for option in param.opts}
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", SECTIONS[name])) <= everywhere
