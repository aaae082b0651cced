"""What ``reflexa doctor`` takes."""

from __future__ import annotations

from dataclasses import dataclass

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class DoctorOptions:
    """Which database to look at, and how to print."""

    json: JsonOption = False
    database: DatabaseOption = None
