"""Worker processes: ended when they do not answer, replaced, lent to one caller at a time, and gone when closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from reflexa.errors import TransientVerifierError, UsageError
from reflexa.types import Attempt, Message, Task, Verdict
from reflexa.verifiers import Persistent
from reflexa.verifiers.persistent import RetryRule
from reflexa.verifiers.workers import Pool, Program, Worker
from tests.verifiers.toy_worker import MODULE, TOY

ToyPool = Pool[Worker]
TASK = Task(id="t", prompt=(Message(role="user", content="?"),))
SECONDS = 60.0


@pytest.fixture(scope="module")
def pool() -> Iterator[ToyPool]:
    with closing(Pool(partial(Worker, TOY), places=2)) as opened:
        yield opened


def ask(pool: ToyPool, seconds: float = SECONDS, **request: object) -> dict[str, object]:
    with pool.lent() as worker:
        return worker.ask(dict(request), seconds)


def pid_of(pool: ToyPool) -> int:
    pid = ask(pool)["pid"]
    assert isinstance(pid, int)
    return pid


def gone(pid: int) -> bool:
    """Whether the process has ended and was waited for."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def test_a_worker_that_is_stuck_is_ended_and_replaced(pool: ToyPool) -> None:
    pid = pid_of(pool)
    with pytest.raises(TransientVerifierError, match=r"the toy did not answer in 0\.3 s"):
        ask(pool, 0.3, hang=True)
    assert gone(pid)
    assert pid_of(pool) != pid


def test_a_worker_that_dies_is_no_answer_and_is_replaced(pool: ToyPool) -> None:
    pid = pid_of(pool)
    with pytest.raises(TransientVerifierError, match=r"the toy ended before it answered \(exit status 7\)"):
        ask(pool, die=True)
    assert pid_of(pool) != pid


def test_what_is_no_answer_ends_the_worker(pool: ToyPool) -> None:
    pid = pid_of(pool)
    with pytest.raises(TransientVerifierError, match="the toy answered no object"):
        ask(pool, list=True)
    assert gone(pid)


def test_a_worker_that_somebody_ends_while_it_is_idle_is_not_lent(pool: ToyPool) -> None:
    with pool.lent() as worker:
        pid = worker.ask({}, SECONDS)["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert pid_of(pool) != pid


class Scorer:
    """A verifier whose worker dies once."""

    name, version = "toy", "1"

    def __init__(self, pool: ToyPool, path: Path) -> None:
        self.pool, self.path = pool, path

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        ask(self.pool, die_without=str(self.path))
        return Verdict(score=1.0, passed=True, verifier=self.name, version=self.version)


def test_a_crash_is_asked_again_by_the_rule(pool: ToyPool, tmp_path: Path) -> None:
    scorer = Scorer(pool, tmp_path / "died")
    with pytest.raises(TransientVerifierError, match="exit status -9"):
        Persistent(scorer, RetryRule(tries=1)).verify(TASK, Attempt())
    scorer.path.unlink()
    assert Persistent(scorer, RetryRule(wait=0.0)).verify(TASK, Attempt()).passed


def test_threads_share_the_workers_and_each_gets_its_own_answer(pool: ToyPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: ask(pool, echo=number), range(100)))
    assert [answer["echo"] for answer in answers] == list(range(100))
    assert len({answer["pid"] for answer in answers}) <= 2


def test_one_left_in_the_middle_gives_its_answer_to_nobody_else(pool: ToyPool) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGUSR1])
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            ask(pool, hang=True)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert ask(pool, echo="mine")["echo"] == "mine"


def test_an_idle_worker_serves_before_another_is_started() -> None:
    with closing(Pool(partial(Worker, TOY), places=2)) as pool:
        with pool.lent() as kept, suppress(RuntimeError), pool.lent():
            raise RuntimeError
        assert pid_of(pool) == kept.ask({}, SECONDS)["pid"]


def test_closing_leaves_no_process_and_a_later_caller_gets_a_new_one() -> None:
    pool = Pool(partial(Worker, TOY), places=2)
    with pool.lent() as one, pool.lent() as other:
        pids = [worker.ask({}, SECONDS)["pid"] for worker in (one, other)]
    pool.close()
    assert all(gone(pid) for pid in pids)
    assert pid_of(pool) not in pids
    pool.close()
    pool.close()


def test_closing_waits_for_what_is_under_way() -> None:
    pool = Pool(partial(Worker, TOY), places=1)
    with pool.lent() as worker:
        closer = threading.Thread(target=pool.close)
        closer.start()
        pid = worker.ask({}, SECONDS)["pid"]
        assert not gone(pid)
    closer.join()
    assert gone(pid)


def test_a_program_that_refuses_or_cannot_be_loaded_says_why() -> None:
    with pytest.raises(UsageError, match="the toy is not for you"):
        Worker(replace(TOY, arguments=("refuses",)))
    with pytest.raises(TransientVerifierError, match=r"exit status 1.*: RuntimeError: out of toys"):
        Worker(replace(TOY, arguments=("breaks",)))
    with pytest.raises(
        TransientVerifierError, match=r"the toy ended .*: ModuleNotFoundError: No module named 'nowhere'"
    ):
        Worker(replace(TOY, module="nowhere"))


def test_a_worker_that_cannot_be_started_gives_its_place_back() -> None:
    with closing(Pool(partial(Worker, replace(TOY, arguments=("refuses",))), places=1)) as pool:
        for _ in range(2):
            with pytest.raises(UsageError), pool.lent():
                pass


def test_a_bare_worker_is_given_nothing_but_what_it_has_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_SECRET", "secret")
    for bare, secret, folder in ((True, None, "/"), (False, "secret", str(Path.cwd()))):
        worker = Worker(Program("the toy", MODULE, ("works",), bare))
        told = worker.ask({"variable": "TOY_SECRET"}, SECONDS)
        worker.end()
        assert (told["value"], told["folder"]) == (secret, folder)
        assert len(told["given"]) == (2 if bare else 0)
        if bare:
            readable, tasks = told["given"]
            assert all(Path(path).exists() for path in readable)
            assert tasks > 0


def test_a_forked_process_is_lent_nothing() -> None:
    program = (
        "import os\nfrom functools import partial\n"
        "from reflexa.errors import VerifierError\nfrom reflexa.verifiers.workers import Pool, Worker\n"
        "from tests.verifiers.toy_worker import TOY\n"
        "pool = Pool(partial(Worker, TOY), 1)\n"
        "def ask():\n    with pool.lent() as worker:\n        return worker.ask({'echo': 'parent'}, 60)['echo']\n"
        "ask()\nchild = os.fork()\n"
        "if child == 0:\n"
        "    try:\n        print(ask(), flush=True)\n"
        "    except VerifierError as error:\n        print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\nprint(ask())\npool.close()\n"
    )
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    refused, answered = ran.stdout.splitlines()
    assert refused.startswith("a verifier's processes cannot be shared with a forked process"), ran.stderr
    assert answered == "parent"
