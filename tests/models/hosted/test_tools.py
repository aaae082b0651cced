"""Native tool calls, over a real server on loopback: offered in OpenAI's form, and read as untrusted text."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from reflexa.models.hosted.policy import HostedPolicy
from reflexa.models.hosted.tools import function, tool_calls
from reflexa.protocols import ToolPolicy
from reflexa.types import Sampling, ToolCall, ToolSpec
from tests.support.faulty_server import Script, answer, calling
from tests.support.hosted import ASK, MODELS, OK, Serve, quick

SEARCH = ToolSpec(name="search", summary="shows a page", argument="TITLE")
OFFERED = Sampling(tools=(SEARCH,))


@pytest.mark.parametrize("model", MODELS)
def test_tools_are_offered_and_a_call_without_text_is_an_answer(serve: Serve, model: str) -> None:
    server = serve(Script(calling(("search", '{"input": "Blic"}'))))
    policy = quick(server, model)
    (completion,) = policy.generate(ASK, OFFERED)
    policy.close()
    assert (completion.text, completion.finish_reason) == ("", "stop")
    assert completion.calls == (ToolCall(name="search", arguments='{"input": "Blic"}'),)
    (request,) = server.requests
    assert request.body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "search",
                "description": "shows a page",
                "parameters": {
                    "type": "object",
                    "properties": {"input": {"type": "string", "description": "TITLE"}},
                    "required": ["input"],
                },
            },
        }
    ]


@pytest.mark.parametrize("model", MODELS)
def test_calls_come_as_the_model_wrote_them(serve: Serve, model: str) -> None:
    replies = [calling(("search", "{oops"), ("nonesuch", "[]"), text="Two."), answer("No call.")]
    policy = quick(serve(Script(*replies)), model)
    called, spoken = (policy.generate(ASK, OFFERED)[0] for _ in replies)
    policy.close()
    assert called.text == "Two."
    assert called.calls == (ToolCall(name="search", arguments="{oops"), ToolCall(name="nonesuch", arguments="[]"))
    assert (spoken.text, spoken.calls) == ("No call.", ())


def test_without_tools_nothing_is_offered_and_calls_are_no_answer(serve: Serve) -> None:
    server = serve(Script(calling(("search", "{}")), OK))
    policy = quick(server)
    (completion,) = policy.generate(ASK, Sampling())
    policy.close()
    assert (completion.text, completion.calls) == ("hello there", ())
    assert len(server.requests) == 2
    assert not {"tools", "parallel_tool_calls"} & set(server.requests[0].body)


def test_neither_text_nor_call_is_no_answer_where_tools_are_offered(serve: Serve) -> None:
    server = serve(Script(answer(None), answer(""), calling(), OK))
    policy = quick(server)
    (completion,) = policy.generate(ASK, OFFERED)
    policy.close()
    assert (completion.text, len(server.requests)) == ("hello there", 4)


@pytest.mark.parametrize("name", [None, 7])
@pytest.mark.parametrize("arguments", [None, {"input": "x"}, 7])
def test_calls_of_any_shape_break_nothing(serve: Serve, name: object, arguments: object) -> None:
    policy = quick(serve(Script(calling((name, arguments)), OK)))
    (completion,) = policy.generate(ASK, OFFERED)
    policy.close()
    assert completion.calls or completion.text == "hello there"


def test_what_is_no_text_becomes_empty() -> None:
    odd = SimpleNamespace(function=SimpleNamespace(name=None, arguments=7))
    message = SimpleNamespace(tool_calls=[odd, SimpleNamespace(function=None), SimpleNamespace()])
    assert tool_calls(message) == (ToolCall(name="", arguments=""),) * 3
    assert tool_calls(SimpleNamespace(tool_calls=None)) == tool_calls(SimpleNamespace()) == ()


def test_a_function_takes_one_string() -> None:
    assert function(SEARCH)["function"]["parameters"]["required"] == ["input"]


@pytest.mark.parametrize(
    ("model", "takes"),
    [("gpt-4o", True), ("openai/gpt-4o", True), ("gpt-3.5-turbo-instruct", False), ("openai/m", False)],
)
def test_a_providers_model_takes_tools_where_that_is_known(
    no_keys: None, monkeypatch: pytest.MonkeyPatch, model: str, takes: bool
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-value-of-a-key")
    policy = HostedPolicy(model)
    assert isinstance(policy, ToolPolicy)
    assert policy.takes_tools is takes
    policy.close()


def test_of_ones_own_server_it_is_not_known(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_API_BASE", raising=False)
    server = serve(Script(OK))
    for policy in (quick(server, "gpt-4o"), quick(server, "hosted_vllm/m"), HostedPolicy("ollama/llama3.1")):
        assert not policy.takes_tools
        policy.close()
    assert server.requests == []
