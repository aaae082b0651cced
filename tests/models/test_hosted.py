"""Hosted calls against a real server on loopback that misbehaves as told: retries, deadlines, errors, secrets."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.errors import (
    AuthenticationError,
    ContextOverflowError,
    PolicyError,
    ReflexaError,
    TransientPolicyError,
    UsageError,
)
from reflexa.models.hosted import HostedPolicy
from reflexa.models.retrying import Backoff
from reflexa.protocols import Policy
from reflexa.types import Message, Sampling
from tests.support.faulty_server import (
    FaultyServer,
    RandomFaults,
    Received,
    Reply,
    Responder,
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

ASK = (Message(role="user", content="hi"),)
OK = answer("hello there")
OVERFLOW = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
MODELS = ["openai/m", "hosted_vllm/m"]
"""One that litellm asks through OpenAI's client, and one that it asks through its own."""


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """litellm's first call of each kind imports for seconds, which must not count against a test's deadline."""
    for model in MODELS:
        with FaultyServer(Script(OK)) as server:
            policy = quick(server, model)
            policy.generate(ASK, Sampling())
            policy.close()


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "HOSTED_VLLM_API_KEY", "HOSTED_VLLM_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[[Responder], FaultyServer]]:
    servers: list[FaultyServer] = []

    def start(respond: Responder) -> FaultyServer:
        servers.append(FaultyServer(respond))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[[Responder], FaultyServer]


def quick(server: FaultyServer, model: str = "openai/m", **options: Any) -> HostedPolicy:
    """A policy whose waits are short enough for tests."""
    chosen = {"timeout": 5.0, "deadline": 20.0, "backoff": Backoff(first=0.01, most=0.05), **options}
    return HostedPolicy(model, server.url, **chosen)


def failure(policy: HostedPolicy) -> ReflexaError:
    with pytest.raises(ReflexaError) as caught:
        policy.generate(ASK, Sampling())
    return caught.value


def test_importing_the_module_does_not_import_litellm() -> None:
    code = "import sys, reflexa.models.hosted; print('litellm' in sys.modules, 'httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("model", MODELS)
def test_one_request_carries_the_sampling_and_gives_text_and_usage(serve: Serve, model: str) -> None:
    server = serve(Script(OK))
    policy = quick(server, model)
    sampling = Sampling(temperature=0.7, top_p=0.9, max_tokens=33, stop=("\nEND",), seed=5)
    system = Message(role="system", content="be brief")
    (completion,) = policy.generate((system, *ASK), sampling)
    assert isinstance(policy, Policy)
    assert policy.name == model
    assert (completion.text, completion.finish_reason) == ("hello there", "stop")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (7, 2)
    assert completion.usage.cost_usd is None, "an unknown price is not a price of zero"
    (received,) = server.requests
    assert received.path == "/v1/chat/completions"
    assert received.body["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    wanted = {"model": "m", "temperature": 0.7, "top_p": 0.9, "max_tokens": 33, "stop": ["\nEND"], "seed": 5}
    assert {name: received.body.get(name) for name in wanted} == wanted
    policy.close()


def test_a_model_with_a_known_price_costs_it(serve: Serve) -> None:
    policy = quick(serve(Script(OK)), "gpt-4o")
    (completion,) = policy.generate(ASK, Sampling())
    assert completion.usage.cost_usd == pytest.approx(7 * 2.5e-6 + 2 * 10e-6)
    policy.close()


def test_samples_are_single_requests_whose_seeds_differ(serve: Serve) -> None:
    server = serve(lambda received: answer(f"seed {received.body['seed']}"))
    policy = quick(server)
    drawn = policy.generate(ASK, Sampling(seed=10), n=3)
    assert [completion.text for completion in drawn] == ["seed 10", "seed 11", "seed 12"]
    assert all("n" not in received.body for received in server.requests)
    policy.close()


def test_log_probabilities_come_on_request(serve: Serve) -> None:
    body = (
        b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": '
        b'{"role": "assistant", "content": "ab"}, "finish_reason": "stop", "logprobs": {"content": ['
        b'{"token": "a", "logprob": -0.5, "top_logprobs": []}, '
        b'{"token": "b", "logprob": -1.25, "top_logprobs": []}]}}]}'
    )
    server = serve(Script(Reply(body=body)))
    policy = quick(server)
    (completion,) = policy.generate(ASK, Sampling(logprobs=True))
    assert completion.logprobs == (-0.5, -1.25)
    assert server.requests[0].body["logprobs"] is True
    policy.close()


def test_an_answer_cut_by_its_limit_is_an_answer(serve: Serve) -> None:
    server = serve(Script(answer("half an ans", "length"), answer("", "length"), answer(None, "content_filter")))
    policy = quick(server)
    drawn = [policy.generate(ASK, Sampling())[0] for _ in range(3)]
    assert [(completion.text, completion.finish_reason) for completion in drawn] == [
        ("half an ans", "length"),
        ("", "length"),
        ("", "content_filter"),
    ]
    assert len(server.requests) == 3
    policy.close()


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(), min_size=1))
def test_any_text_can_be_sent_and_received(text: str) -> None:
    with FaultyServer(lambda received: answer(f"got: {received.prompt}")) as server:
        policy = quick(server)
        (completion,) = policy.generate((Message(role="user", content=text),), Sampling())
        policy.close()
    assert completion.text == "got: " + text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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


def test_keys_never_stand_in_errors(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-5up3r-s3cr3t-v4lue"
    monkeypatch.setenv("OPENAI_API_KEY", canary)
    kinds = [error(status, f"no: {canary} and sk-proj-ABCDEFGHIJKLMNOP123") for status in (400, 401, 404, 429, 500)]
    for reply in kinds:
        server = serve(Script(reply))
        policy = quick(server, max_tries=1)
        caught = failure(policy)
        told = "".join(traceback.format_exception(caught)) + repr(caught) + repr(vars(policy))
        assert server.requests[0].headers["authorization"] == f"Bearer {canary}"
        assert canary not in told
        assert "ABCDEFGHIJKLMNOP123" not in told
        assert caught.__context__ is None, "the client's exception holds the request with its key"
        policy.close()


def test_a_missing_key_is_named_before_any_request() -> None:
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY"):
        HostedPolicy("gpt-4o")


def test_an_empty_key_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY"):
        HostedPolicy("gpt-4o")


def test_a_server_of_ones_own_gets_no_key(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(Script(OK))
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    policy = HostedPolicy("openai/m")
    policy.generate(ASK, Sampling())
    assert server.requests[0].headers["authorization"] == "Bearer no-key"
    policy.close()


def test_an_unknown_model_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="unknown model 'nonesuch'"):
        HostedPolicy("nonesuch")


def test_an_unknown_name_with_a_server_speaks_openais_protocol(serve: Serve) -> None:
    server = serve(Script(OK))
    policy = quick(server, "my-finetune")
    policy.generate(ASK, Sampling())
    assert server.requests[0].body["model"] == "my-finetune"
    assert policy.name == "my-finetune"
    policy.close()


def test_a_model_that_is_only_somewhere_needs_its_address() -> None:
    with pytest.raises(UsageError, match="HOSTED_VLLM_API_BASE"):
        HostedPolicy("hosted_vllm/m")


def test_a_server_that_never_answered_is_a_wrong_address() -> None:
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


def test_connections_are_used_again(serve: Serve) -> None:
    server = serve(Script(OK))
    policy = quick(server)
    for _ in range(10):
        policy.generate(ASK, Sampling())
    assert server.connections == 1
    policy.close()


def test_nothing_is_printed(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    policy = quick(serve(Script(error(500, "boom"), OK)))
    policy.generate(ASK, Sampling())
    policy.close()
    assert capfd.readouterr() == ("", "")


def test_closing_ends_calls_under_way_and_later_ones(serve: Serve) -> None:
    arrived = threading.Event()

    def respond(received: Received) -> Reply:
        arrived.set()
        return hang()

    policy = quick(serve(respond), timeout=60.0, deadline=60.0)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(failure, policy)
        assert arrived.wait(20)
        policy.close()
        assert "closed" in str(call.result(20))
    assert "closed" in str(failure(policy))


def test_closing_ends_a_wait_between_tries(serve: Serve) -> None:
    answered = threading.Event()

    def respond(received: Received) -> Reply:
        answered.set()
        return error(429, "slow", retry_after="50")

    policy = quick(serve(respond), timeout=60.0, deadline=60.0)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(failure, policy)
        assert answered.wait(20)
        policy.close()
        assert isinstance(call.result(20), PolicyError)


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
