"""``reflexa version``."""

from __future__ import annotations

import sys

from reflexa import __version__
from reflexa.cli.options import NoOptions, add_verb, verbs


def version(options: NoOptions) -> int:
    """Print the version."""
    sys.stdout.write(f"reflexa {__version__}\n")
    return 0


app = verbs("Print the version.")
add_verb(app, "version", NoOptions, version)
