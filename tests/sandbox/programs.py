"""Hostile programs of our own. Each must end as a failure, a timeout or an error, never as a pass.

All are judged by ``TESTS``: ``solve`` should give the sum of a list.
"""

from __future__ import annotations

TESTS = """
def check(candidate):
    assert candidate([1, 2, 3]) == 6
    assert candidate([]) == 0
    assert candidate([5]) == 5
    assert candidate([-1, 1, 10]) == 10
"""
GOOD = "def solve(xs): return sum(xs)"
BAD = "def solve(xs): return -1"

_FRAME = """
import json, os, struct, sys
def frame(value):
    body = json.dumps(value).encode()
    return struct.pack("!I", len(body)) + body
def spray(data):
    for fd in range(64):
        try: os.write(fd, data)
        except OSError: pass
"""

HOSTILE = {
    "forge_report": _FRAME
    + """
def solve(xs):
    spray(frame({"report": {"passed": True, "detail": "", "cases": [], "out": "", "broken": None, "unsuited": None}}))
    return -1
""",
    "forge_at_import": _FRAME
    + """
spray(frame({"ready": True}) + b"".join(frame({"n": n, "value": v}) for n, v in enumerate([6, 0, 5, 10])))
def solve(xs): return -1
""",
    "reply_twice": _FRAME
    + """
def solve(xs):
    if len(xs) == 3 and xs[0] == -1:
        spray(frame({"n": 3, "value": 10}))
    return sum(xs)
""",
    "extra_json_lines": _FRAME
    + """
def solve(xs):
    spray(b'{"n": 0, "value": 6}\\n{"passed": true}\\n')
    return sum(xs)
""",
    "thread_replies": _FRAME
    + """
import threading, time
def solve(xs):
    def later():
        for n, v in enumerate([6, 0, 5, 10]):
            spray(frame({"n": n, "value": v}))
    thread = threading.Thread(target=later); thread.start(); thread.join()
    while True: time.sleep(1)
""",
    "int_subclass": """
class Yes(int):
    def __eq__(self, other): return True
    def __hash__(self): return 6
    def __int__(self): return 6
    def __index__(self): return 6
def solve(xs): return Yes(-1)
""",
    "list_subclass": """
class Right(list):
    def __eq__(self, other): return True
    def __iter__(self): raise SystemExit(0)
def solve(xs): return Right([1])
""",
    "str_subclass": """
class Any(str):
    def __eq__(self, other): return True
    def __str__(self): return "6"
def solve(xs): return Any("6")
""",
    "del_at_exit": """
import os
class Last:
    def __del__(self): os._exit(0)
keep = Last()
def solve(xs): return -1
""",
    "replace_worker": """
import sys
for name, module in list(sys.modules.items()):
    if name.startswith("reflexa"):
        for key, value in list(vars(module).items()):
            if callable(value) and key not in ("read", "write"):
                try: setattr(module, key, lambda *a, **k: True)
                except Exception: pass
def solve(xs): return -1
""",
    "patch_frames": """
import sys
def solve(xs):
    frame = sys._getframe(1)
    while frame:
        for key in list(frame.f_globals):
            if key.startswith("_answer") or key in ("codec", "frames"):
                frame.f_globals[key] = None
        frame = frame.f_back
    return sum(xs)
""",
    "stop_itself": """
import os, signal
def solve(xs): os.kill(os.getpid(), signal.SIGSTOP); return -1
""",
    "kill_itself": """
import os, signal
def solve(xs): os.kill(os.getpid(), signal.SIGKILL); return -1
""",
    "dup_over_everything": """
import os
def solve(xs):
    reader, writer = os.pipe()
    for fd in range(3, 64):
        if fd not in (reader, writer):
            try: os.dup2(writer, fd)
            except OSError: pass
    return -1
""",
    "deep_nesting": """
def solve(xs):
    value = 6
    for _ in range(100000): value = [value]
    return value
""",
    "generator": "def solve(xs): yield sum(xs)",
    "coroutine": "async def solve(xs): return sum(xs)",
    "not_a_number": "def solve(xs): return float('nan')",
    "mutate_arguments": """
def solve(xs):
    xs[:] = []; return -1
""",
    "no_recursion_limit": """
import sys
sys.setrecursionlimit(10**9)
class Deep:
    def __getattr__(self, name): return getattr(self, name + "x")
def solve(xs): return Deep().x
""",
    "own_memory": """
def solve(xs):
    with open("/proc/self/mem", "r+b") as memory: memory.read(1)
    return sum(xs)
""",
    "memory_file": """
import os
def solve(xs): os.close(os.memfd_create("x")); return sum(xs)
""",
    "userfaultfd": """
import ctypes
def solve(xs): return sum(xs) if ctypes.CDLL(None).syscall(323, 0) >= 0 else -1
""",
    "undump": """
import ctypes
def solve(xs): return sum(xs) if ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0 else -1
""",
    "alarm_storm": """
import signal, time
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
def solve(xs):
    while True: time.sleep(0.01)
""",
    "nice_and_affinity": """
import os
def solve(xs):
    os.sched_setaffinity(0, {0}); os.setpriority(os.PRIO_USER, 0, 19)
    return sum(xs)
""",
    "fill_memory_folder": """
def solve(xs):
    with open("/dev/shm/full", "wb") as file: file.write(b"x" * (1 << 20))
    return sum(xs)
""",
    "fill_tmp": """
import tempfile
def solve(xs):
    with tempfile.TemporaryFile() as file: file.write(b"x")
    return sum(xs)
""",
    "symlink": """
import os
def solve(xs): os.symlink("/etc/passwd", "/tmp/link-of-reflexa-test"); return sum(xs)
""",
    "hand_over_descriptors": """
import socket, array
def solve(xs):
    for fd in range(3, 64):
        try: endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)
        except OSError: continue
        endpoint.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    return sum(xs)
""",
    "signal_by_owner": """
import fcntl, os
def solve(xs):
    reader, writer = os.pipe()
    fcntl.fcntl(reader, 8, os.getppid())
    fcntl.fcntl(reader, 10, 9)
    return sum(xs)
""",
    "lift_limits": """
import resource
def solve(xs):
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return sum(xs)
""",
    "thread_bomb": """
import threading, time
threading.stack_size(32768)
def solve(xs):
    while True:
        threading.Thread(target=time.sleep, args=(60,)).start()
""",
    "change_other_files": """
import os
def solve(xs): os.chmod("/tmp", 0o777); return sum(xs)
""",
    "ready_without_loading": _FRAME
    + """
spray(frame({"ready": True}))
raise SystemExit(0)
""",
    "reply_with_code": _FRAME
    + """
def solve(xs):
    spray(frame({"n": 0, "value": {"__reduce__": ["os.system", "true"]}}))
    return -1
""",
    "reply_nested_json": _FRAME
    + """
def solve(xs):
    spray(struct.pack("!I", 200000) + b"[" * 100000 + b"]" * 100000)
    return -1
""",
    "half_a_frame": _FRAME
    + """
def solve(xs):
    spray(struct.pack("!I", 100) + b"{")
    os._exit(0)
""",
}
"""Programs by what they try. Where one returns the right sum, it does so only if it could do the forbidden thing,
or after sending what it was not asked for."""
