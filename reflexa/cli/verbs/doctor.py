"""``reflexa doctor``: what works here."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.doctor import DoctorOptions


def doctor(options: DoctorOptions) -> int:
    """Say what works on this machine: versions, sandbox, models, database. It holds no secrets."""
    from reflexa.cli.diagnosis import examine

    return examine(options)


app = verbs("Say what works on this machine, in a form to paste into a report.")
add_verb(app, "doctor", DoctorOptions, doctor)
