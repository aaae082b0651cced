"""How long processes have waited for a CPU that others had, as Linux counts it."""

from __future__ import annotations

from pathlib import Path

_NANOSECONDS = 1e-9


def waits_of(pid: int) -> dict[int, float]:
    """For a process and all that came from it: seconds that its main thread was ready to run and did not.

    Empty where the system does not tell. A sleeping process does not wait for a CPU, and time that a virtual machine's
    host takes is not seen.
    """
    found: dict[int, float] = {}
    left = [pid]
    while left:
        each = left.pop()
        folder = Path("/proc") / str(each)
        try:
            found[each] = int((folder / "schedstat").read_text().split()[1]) * _NANOSECONDS
            left += [int(child) for child in (folder / "task" / str(each) / "children").read_text().split()]
        except (OSError, IndexError):  # it has ended, or the kernel counts nothing
            continue
    return found
