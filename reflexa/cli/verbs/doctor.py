"""``reflexa doctor``: what works here."""

from __future__ import annotations

from dataclasses import dataclass

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class DoctorOptions:
    """Which database to look at, and how to print."""

    json: JsonOption = False
    database: DatabaseOption = None


def doctor(options: DoctorOptions) -> int:
    """Say what works on this machine: versions, sandbox, models, database. It holds no secrets."""
    from reflexa.cli.diagnosis import examine

    return examine(options)


app = verbs("Say what works on this machine, in a form to paste into a report.")
add_verb(app, "doctor", DoctorOptions, doctor)
