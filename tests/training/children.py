"""Runs of the trainer in processes of their own, that import what they need once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reflexa.training.config import CommonConfig, TrainConfig
from reflexa.training.online.config import OnlineConfig

_ROOT = Path(__file__).parents[2]
# Each run is forked off one process that has imported all: before torch has started any thread of its own.
_SCRIPT = """
import json, os, signal, sys
{imports}
import torch

def progress(report):
    {act}

torch.set_num_threads(1)
for run in json.loads(sys.argv[1]):
    children = []
    for process in run["processes"]:
        child = os.fork()
        if child == 0:
            os.environ.update(process)
            {train}
            os._exit(0)
        children.append(child)
    print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


_ROWS = """
from reflexa.training.api import train
from reflexa.training.config import TrainConfig
"""
_ONLINE = """
from reflexa.training.online.api import train_online
from reflexa.training.online.config import OnlineConfig
from tests.training.online.runs import make_prompts, says_a
"""


def children(configs: Sequence[TrainConfig], act: str = "pass", processes: int = 1) -> list[list[int]]:
    """Trains each configuration, one after the other, in as many processes; their exit codes.

    ``act`` is what is done with every ``report``.
    """
    train = 'train(TrainConfig.model_validate(run["config"]), progress)'
    return _forked(configs, {"imports": _ROWS, "act": act, "train": train}, processes)


def online_children(configs: Sequence[OnlineConfig], act: str = "pass", processes: int = 1) -> list[list[int]]:
    """The same online, on the usual prompts and reward."""
    train = 'train_online(OnlineConfig.model_validate(run["config"]), make_prompts(), says_a, progress=progress)'
    return _forked(configs, {"imports": _ONLINE, "act": act, "train": train}, processes)


def _forked(configs: Sequence[CommonConfig], script: Mapping[str, str], processes: int) -> list[list[int]]:
    runs = [{"config": config.model_dump(mode="json"), "processes": _environments(processes)} for config in configs]
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(**script), json.dumps(runs)],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def _environments(processes: int) -> list[dict[str, str]]:
    if processes == 1:
        return [{}]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes)}
    return [{**common, "RANK": str(index), "LOCAL_RANK": str(index)} for index in range(processes)]
