"""The process of the scorers, spoken to as its parent does."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.sandbox.deadline import Deadline
from reflexa.sandbox.wire import receive_frame, send
from reflexa.verifiers.generated_worker import _scored

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1])\n"
_START += "from reflexa.verifiers.generated_worker import main\nmain(sys.path + ['/usr', '/lib'], 4096)"


def request(**changes: object) -> dict[str, object]:
    return {
        "generator": "gcd",
        "answer": "4",
        "reference": "4",
        "expected": "4",
        "metadata": {"dict": []},
        "config": "{}",
    } | changes


@pytest.fixture(scope="module")
def worker() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)], stdin=theirs.fileno(), stderr=subprocess.DEVNULL
        )
        assert receive_frame(ours, Deadline(60)) == {"refused": None}
        yield ours
        ours.shutdown(socket.SHUT_RDWR)
        assert process.wait(30) == 0


def ask(worker: socket.socket, **changes: object) -> dict[str, object]:
    send(worker, request(**changes), Deadline(30))
    reply = receive_frame(worker, Deadline(30))
    assert isinstance(reply, dict)
    return reply


def test_a_confined_process_gives_up_files_network_and_other_processes(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    acts = [
        f"open({str(tmp_path / 'secret')!r})",
        f"open({str(tmp_path / 'new')!r}, 'w')",
        "__import__('socket').socket().connect(('127.0.0.1', 9))",
        "__import__('os').fork()",
        "__import__('os').execv('/bin/true', ['true'])",
    ]
    program = (
        "import sys, json\nsys.path[:] = json.loads(sys.argv[1])\nimport socket\n"
        "from reflexa.verifiers.generated_worker import _confine\n"
        "print(_confine(('/usr', '/lib'), 4096))\n"
        "for act in json.loads(sys.argv[2]):\n"
        "    try:\n        eval(act)\n        print('done')\n"
        "    except OSError as error:\n        print(type(error).__name__)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(sys.path), json.dumps(acts)], capture_output=True, text=True
    )
    confined, *results = ran.stdout.split()
    if confined != "True":
        pytest.skip("this system has no Landlock and seccomp")
    assert results == ["PermissionError"] * len(acts), ran.stderr


def test_scores_are_the_generators(worker: socket.socket) -> None:
    assert ask(worker) == {"score": 1.0, "note": ""}
    assert ask(worker, answer="5") == {"score": 0.0, "note": ""}
    partial = ask(worker, generator="spell_backward", answer="cxa", expected="cba", reference="cba")
    assert partial["score"] == pytest.approx(2 / 3)


def test_what_must_not_be_evaluated_is_not(worker: socket.socket) -> None:
    reply = ask(worker, generator="countdown", answer="__import__('os')._exit(1)")
    assert reply["score"] == 0.0
    assert "not evaluated" in str(reply["note"])
    assert ask(worker)["score"] == 1.0


def test_marks_for_wrong_answers_are_taken_back(worker: socket.socket) -> None:
    reply = ask(worker, generator="game_of_life_halting", answer="No idea", expected="True", reference="True")
    assert reply == {"score": 0.0, "note": "game_of_life_halting's scorer accepts it, but it is wrong"}


def test_an_unreadable_answer_is_wrong_and_a_broken_scorer_is_an_error(worker: socket.socket) -> None:
    reply = ask(worker, generator="prime_factorization", answer="two", expected="2", reference="2")
    assert reply["score"] == 0.0
    assert "cannot read the answer (ValueError" in str(reply["note"])
    reply = ask(worker, generator="prime_factorization", answer="two", expected="2", reference="two")
    assert "does not work" in str(reply["error"])
    assert "cannot be set up" in str(ask(worker, config='{"nothing": 1}')["error"])


@pytest.mark.parametrize("generator", ["countdown", "n_queens", "simple_integration"])
def test_without_confinement_nothing_is_evaluated(generator: str) -> None:
    reply = _scored(request(generator=generator), confined=False)
    assert "no Landlock and seccomp" in reply["error"]
    assert _scored(request(), confined=False) == {"score": 1.0, "note": ""}
