"""``reflexa version``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from reflexa import __version__
from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import JsonOption


@dataclass(frozen=True)
class VersionOptions:
    """How to print."""

    json: JsonOption = False


def version(options: VersionOptions) -> int:
    """Print the version."""
    sys.stdout.write(json.dumps({"version": __version__}) if options.json else f"reflexa {__version__}")
    sys.stdout.write("\n")
    return 0


app = verbs("Print the version.")
add_verb(app, "version", VersionOptions, version)
