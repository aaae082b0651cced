"""Hosted calls against a real server on loopback: answers, names and keys, closing."""

from __future__ import annotations

import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.errors import (
    AuthenticationError,
    PolicyError,
    UsageError,
)
from reflexa.models.hosted.policy import HostedPolicy
from reflexa.protocols import Policy
from reflexa.types import Message, Sampling
from tests.support.faulty_server import (
    FaultyServer,
    Received,
    Reply,
    Script,
    answer,
    error,
    hang,
)
from tests.support.hosted import ASK, MODELS, OK, Serve, failure, quick


def test_importing_the_module_does_not_import_litellm() -> None:
    code = "import sys, reflexa.models.hosted.policy; print('litellm' in sys.modules, 'httpx' in sys.modules)"
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


def test_a_missing_key_is_named_before_any_request(no_keys: None) -> None:
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY"):
        HostedPolicy("gpt-4o")


def test_an_empty_key_is_a_missing_one(no_keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_unknown_model_is_a_usage_error(no_keys: None) -> None:
    with pytest.raises(UsageError, match="unknown model 'nonesuch'"):
        HostedPolicy("nonesuch")


def test_an_unknown_name_with_a_server_speaks_openais_protocol(serve: Serve) -> None:
    server = serve(Script(OK))
    policy = quick(server, "my-finetune")
    policy.generate(ASK, Sampling())
    assert server.requests[0].body["model"] == "my-finetune"
    assert policy.name == "my-finetune"
    policy.close()


def test_a_model_that_is_only_somewhere_needs_its_address(no_keys: None) -> None:
    with pytest.raises(UsageError, match="HOSTED_VLLM_API_BASE"):
        HostedPolicy("hosted_vllm/m")


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
