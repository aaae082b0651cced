"""CPU time of one hosted call, beside plain HTTP clients on the same loopback server.

    python benchmarks/hosted.py [--calls N] [--json]

The server is a process of its own and answers after 50 ms. Four arms make the same request from many threads: plain
httpx, httpx over our transport, litellm as it comes, and ``HostedPolicy``. Rounds alternate between the arms; the
median CPU time per call counts, in milliseconds, and as a ratio to plain httpx.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

ROUNDS = 3
UNDER_WAY = (8, 64)
PROMPT = "word " * 200
SERVER = """
import sys
from tests.support.faulty_server import FaultyServer, Script, answer
with FaultyServer(Script(answer("a line of an answer " * 20, after=0.05))) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Cost:
    """An arm's CPU milliseconds per call with so many calls under way, and its ratio to plain httpx."""

    arm: str
    under_way: int
    cpu_ms: float
    ratio: float


@contextmanager
def loopback_server() -> Iterator[str]:
    """The server's api base."""
    root = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server has no pipes")
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def arms(url: str) -> Iterator[dict[str, Callable[[], object]]]:
    """The four ways of making one call."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import httpx
    import litellm

    from reflexa.models.hosted.policy import HostedPolicy
    from reflexa.models.hosted.transport import DeadlineTransport
    from reflexa.types import Message, Sampling

    messages = [{"role": "user", "content": PROMPT}]
    body = {"model": "m", "messages": messages, "temperature": 0.0, "max_tokens": 512}
    unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    plain = httpx.Client(limits=unlimited, timeout=60)
    ours = httpx.Client(transport=DeadlineTransport(httpx.create_ssl_context()), timeout=60)
    # litellm's arm keeps a session of its own, with the pool that it would have made.
    litellm.suppress_debug_info = True
    bare = httpx.Client(limits=unlimited)
    policy = HostedPolicy("openai/m", url)
    session = litellm.client_session

    def litellm_call() -> object:
        return litellm.completion("openai/m", messages, api_base=url, api_key="x", temperature=0.0, max_tokens=512)

    def hosted_call() -> object:
        return policy.generate([Message(role="user", content=PROMPT)], Sampling())

    litellm.client_session = bare
    litellm_call()
    litellm.client_session = session
    hosted_call()
    yield {
        "httpx": lambda: plain.post(f"{url}/chat/completions", json=body).json(),
        "httpx over our transport": lambda: ours.post(f"{url}/chat/completions", json=body).json(),
        "litellm as it comes": litellm_call,
        "HostedPolicy": hosted_call,
    }
    policy.close()
    for client in (plain, ours, bare):
        client.close()


def cpu_ms(call: Callable[[], object], calls: int, under_way: int) -> float:
    """CPU milliseconds of this process per call."""
    with ThreadPoolExecutor(under_way) as pool:
        list(pool.map(lambda _: call(), range(under_way)))
        before = time.process_time()
        list(pool.map(lambda _: call(), range(calls)))
        return 1000 * (time.process_time() - before) / calls


def measure(calls: int) -> list[Cost]:
    costs = []
    with loopback_server() as url, arms(url) as ways:
        for under_way in UNDER_WAY:
            rounds = [{arm: cpu_ms(call, calls, under_way) for arm, call in ways.items()} for _ in range(ROUNDS)]
            medians = {arm: statistics.median(one[arm] for one in rounds) for arm in ways}
            costs += [Cost(arm, under_way, ms, ms / medians["httpx"]) for arm, ms in medians.items()]
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="calls per arm and round")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    costs = measure(options.calls)
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs]))
        return
    print("calls under way   arm                         CPU ms per call   ratio")
    for cost in costs:
        print(f"{cost.under_way:>15}   {cost.arm:<26} {cost.cpu_ms:>16.2f} {cost.ratio:>7.2f}")


if __name__ == "__main__":
    main()
