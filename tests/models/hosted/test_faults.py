"""Hosted calls against a real server that misbehaves as told: what is tried again, how often, how soon."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate, parsedate_to_datetime

import pytest

from reflexa.errors import (
    AuthenticationError,
    ContextOverflowError,
    PolicyError,
    TransientPolicyError,
)
from reflexa.models.hosted.policy import HostedPolicy
from reflexa.types import Message, Sampling
from tests.support.faulty_server import (
    FaultyServer,
    RandomFaults,
    Received,
    Reply,
    Script,
    answer,
    dripping,
    empty,
    error,
    hang,
    malformed,
    no_choices,
    reset,
    truncated,
)
from tests.support.hosted import ASK, MODELS, OK, Serve, failure, quick

OVERFLOW = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."

PASSING: dict[str, Reply] = {
    "429": error(429, "slow down"),
    "408": error(408, "too slow"),
    "500": error(500, "boom"),
    "503": error(503, "overloaded"),
    "529": error(529, "overloaded"),
    "hang": hang(),
    "reset": reset(),
    "truncated": truncated(),
    "malformed": malformed(),
    "empty body": empty(),
    "no choices": no_choices(),
    "null content": answer(None),
    "empty content": answer(""),
    "html": Reply(body=b"<html>gateway</html>"),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again_exactly_once_more(serve: Serve, fault: str, model: str) -> None:
    server = serve(Script(PASSING[fault], OK))
    policy = quick(server, model, timeout=0.5 if fault == "hang" else 5.0)
    (completion,) = policy.generate(ASK, Sampling())
    assert completion.text == "hello there"
    assert len(server.requests) == 2
    policy.close()


PERMANENT: dict[str, tuple[Reply, type[PolicyError], str]] = {
    "401": (error(401, "Incorrect API key"), AuthenticationError, "_API_KEY"),
    "403": (error(403, "not for you"), AuthenticationError, "_API_KEY"),
    "404": (error(404, "The model `m` does not exist", "model_not_found"), PolicyError, "knows no such model"),
    "400": (error(400, "bad temperature"), PolicyError, "bad temperature"),
    "422": (error(422, "unprocessable"), PolicyError, "unprocessable"),
    "overflow": (error(400, OVERFLOW, "context_length_exceeded"), ContextOverflowError, "larger context"),
    "no credit": (error(429, "You exceeded your current quota", "insufficient_quota"), PolicyError, "credit"),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", PERMANENT)
def test_what_will_not_change_is_asked_once(serve: Serve, fault: str, model: str) -> None:
    reply, kind, words = PERMANENT[fault]
    server = serve(Script(reply, OK))
    policy = quick(server, model)
    caught = failure(policy)
    assert type(caught) is kind
    assert words in str(caught)
    assert "\n" not in str(caught)
    assert len(server.requests) == 1
    policy.close()


@pytest.mark.parametrize("tries", [1, 3])
def test_it_gives_up_after_max_tries(serve: Serve, tries: int) -> None:
    server = serve(Script(error(500, "boom")))
    policy = quick(server, max_tries=tries)
    caught = failure(policy)
    assert type(caught) is PolicyError, "what was tried to the end is not worth another try"
    assert "boom" in str(caught)
    assert f"after {tries} tr" in str(caught)
    assert len(server.requests) == tries
    policy.close()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("status", [429, 503])
def test_no_request_comes_before_retry_after(serve: Serve, status: int, model: str) -> None:
    server = serve(Script(error(status, "slow", retry_after="0.3"), error(status, "slow", retry_after="0.4"), OK))
    policy = quick(server, model)
    policy.generate(ASK, Sampling())
    first, second, third = (received.time for received in server.requests)
    assert second - first >= 0.3
    assert third - second >= 0.4
    policy.close()


def test_no_request_comes_before_the_date_in_retry_after(serve: Serve) -> None:
    date = formatdate(time.time() + 2, usegmt=True)
    arrivals: list[float] = []

    def respond(received: Received) -> Reply:
        arrivals.append(time.time())
        return error(429, "slow", retry_after=date) if received.index == 0 else OK

    policy = quick(serve(respond))
    policy.generate(ASK, Sampling())
    assert len(arrivals) == 2
    assert arrivals[1] >= parsedate_to_datetime(date).timestamp()
    policy.close()


def test_a_retry_after_past_the_deadline_fails_at_once(serve: Serve) -> None:
    server = serve(Script(error(429, "slow", retry_after="3600"), OK))
    policy = quick(server)
    caught = failure(policy)
    assert "3600 s" in str(caught)
    assert "past the deadline of 20 s" in str(caught)
    assert len(server.requests) == 1
    policy.close()


def test_no_request_comes_after_the_deadline(serve: Serve) -> None:
    server = serve(Script(error(500, "boom")))
    policy = quick(server, deadline=0.5, max_tries=1000)
    failure(policy)
    assert len(server.requests) > 1
    assert server.requests[-1].time <= server.requests[0].time + 0.5 + 1.0
    policy.close()


@pytest.mark.parametrize("headers", [False, True], ids=["body", "headers"])
@pytest.mark.parametrize("model", MODELS)
def test_an_answer_that_drips_ends_with_its_try(serve: Serve, model: str, headers: bool) -> None:
    """At a byte every 0.1 s no read ever times out, and the whole answer would take half a minute."""
    server = serve(Script(dripping("slow", 0.1, headers=headers)))
    policy = quick(server, model, timeout=0.6, deadline=1.0)
    assert "in time" in str(failure(policy))
    assert time.monotonic() - server.requests[0].time < 1.0 + 1.0
    policy.close()


def test_a_server_that_never_answered_is_a_wrong_address(no_keys: None) -> None:
    with FaultyServer(Script(OK)) as server:
        url = server.url
    policy = HostedPolicy("openai/m", url, max_tries=3)
    caught = failure(policy)
    assert "cannot be reached" in str(caught)
    assert "refused" in str(caught)
    assert "check the api base" in str(caught)
    assert "tries" not in str(caught)
    policy.close()


def test_a_server_that_goes_away_later_is_waited_for(serve: Serve) -> None:
    server = serve(Script(OK))
    policy = quick(server, max_tries=3)
    policy.generate(ASK, Sampling())
    server.close()
    caught = failure(policy)
    assert "after 3 tries" in str(caught)
    policy.close()


FAULTS = (
    (0.10, error(429, "slow", retry_after="0")),
    (0.05, error(503, "overloaded")),
    (0.03, hang()),
    (0.03, reset()),
    (0.03, truncated()),
    (0.03, malformed()),
    (0.02, answer("")),
)


def echo(received: Received) -> Reply:
    return answer(f"answer to {received.prompt}")


def ask_all(policy: HostedPolicy, calls: int, workers: int) -> list[str]:
    def ask(number: int) -> str:
        return policy.generate((Message(role="user", content=f"question {number}"),), Sampling())[0].text

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(ask, range(calls)))


# 1.41 requests a call are to be expected; these seeds leave room below 1.5 for a slow machine's own timeouts.
@pytest.mark.parametrize("seed", [0, 1, 3, 5, 6])
def test_all_calls_end_right_under_random_faults(serve: Serve, seed: int) -> None:
    server = serve(RandomFaults(seed, FAULTS, echo))
    policy = quick(server, timeout=1.5)
    texts = ask_all(policy, 164, workers=24)
    assert texts == [f"answer to question {number}" for number in range(164)]
    assert len(server.requests) <= 1.5 * 164
    policy.close()


def test_one_worker_and_eight_get_the_same_answers(serve: Serve) -> None:
    answers = []
    for workers in (1, 8):
        policy = quick(serve(RandomFaults(2, FAULTS, echo)), timeout=0.7)
        answers.append(ask_all(policy, 30, workers))
        policy.close()
    assert answers[0] == answers[1]


def test_no_thread_is_left_behind(serve: Serve) -> None:
    server = serve(RandomFaults(7, FAULTS, echo))
    policy = quick(server, timeout=0.7)
    ask_all(policy, 64, workers=64)
    policy.close()
    server.close()
    left = {
        thread.name for thread in threading.enumerate() if "litellm-logging" in thread.name or "Pool" in thread.name
    }
    assert left <= {"litellm-logging_0"}, "litellm keeps one thread for its log, whatever was asked of it"


def test_transient_errors_do_not_leave_the_policy(serve: Serve) -> None:
    policy = quick(serve(Script(answer(""))), max_tries=2)
    assert not isinstance(failure(policy), TransientPolicyError)
    policy.close()
