"""Confinement, in processes of their own, as it cannot be taken back."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has all of this")

_SCRIPT = """
import os, resource, sys
from reflexa.sandbox.worker import confine
confine.confine_zygote(confine.Confinement((sys.base_prefix, "/usr/lib", "/lib"), required=True, tasks=0))
confine.bound_children(256 << 20, 16, 1000)
print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_NPROC)[0])
print(resource.getrlimit(resource.RLIMIT_FSIZE), resource.getrlimit(resource.RLIMIT_CORE))
child = os.fork()
if child == 0:
    confine.ChildConfinement(required=True).apply(receives=False)
    for act in (os.fork, lambda: os.kill(os.getppid(), 0), lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1))):
        try:
            act()
        except (OSError, ValueError):
            continue
        os._exit(1)
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""


def test_limits_and_filters() -> None:
    ran = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False)
    if "no Landlock" in ran.stderr:
        pytest.skip("the kernel has no Landlock")
    assert ran.returncode == 0, ran.stderr
    first, second, third = ran.stdout.splitlines()
    assert first == f"{256 << 20} 1016"
    assert second == "(0, 0) (0, 0)"
    assert third == "0"
