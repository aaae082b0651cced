"""One role of one check in a process of its own, talking over standard input and output.

For isolation that is a command (``docker run``, ``runsc do``): sockets cannot be handed through those.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from reflexa.sandbox.worker import candidate, confine, frames, judge, zygote


def main(config: dict[str, Any]) -> None:
    """Confines this process as far as the system can, plays the role in ``config``, and ends."""
    stream = frames.Stream(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    output = candidate.Output()
    children = confine.ChildConfinement(required=False)
    confine.confine_zygote(confine.Confinement(tuple(config["readable"]), required=False, tasks=config["tasks"]))
    confine.bound_children(config["memory_bytes"], config["processes"], config["tasks"])
    with contextlib.suppress(OSError):
        children.apply(receives=False)
    request = config["request"]
    if config["role"] == "candidate":
        candidate.serve(request, stream, output)
    elif config["role"] == "judge":
        stream.write({"report": judge.judge(request, stream)})
    else:
        stream.write({"report": zygote.together(request, output)})
    os._exit(0)
