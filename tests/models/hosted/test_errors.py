from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.errors import AuthenticationError, ContextOverflowError, PolicyError, TransientPolicyError
from reflexa.models.hosted.endpoint import Endpoint
from reflexa.models.hosted.errors import explain
from reflexa.models.hosted.transport import Try

ENDPOINT = Endpoint("openai/m", "openai", "http://localhost:8000/v1", ("OPENAI_API_KEY",), None)


class StatusError(Exception):
    """An error of a client library that knows the server's status."""

    def __init__(self, message: str, status_code: int) -> None:
        super().__init__(message)
        self.status_code = status_code


class ReadTimeout(Exception):
    """Named as HTTP clients name it."""


def answered(status: int, retry_after: str | None = None) -> Try:
    return Try(10, status=status, retry_after=retry_after, stage="sent")


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_a_status_that_may_pass_is_transient(status: int) -> None:
    error = explain(Exception("busy"), answered(status, "3"), ENDPOINT)
    assert isinstance(error, TransientPolicyError)
    assert error.retry_after == 3.0
    assert f"HTTP {status}: busy" in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8192 tokens",
        "the request exceeds the available context size (4096 tokens)",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Input is too long for requested model.",
        "ContextWindowExceededError: too many tokens",
        "The input token count exceeds the maximum number of tokens allowed",
    ],
)
def test_overflow_is_known_by_the_words_of_many_servers(words: str) -> None:
    assert isinstance(explain(Exception(words), answered(400), ENDPOINT), ContextOverflowError)


def test_a_plain_400_is_not_an_overflow() -> None:
    assert type(explain(Exception("temperature must be at most 2"), answered(400), ENDPOINT)) is PolicyError


def test_a_refused_key_names_its_variable_and_the_server() -> None:
    error = explain(Exception("no"), answered(401), ENDPOINT)
    assert isinstance(error, AuthenticationError)
    assert "OPENAI_API_KEY" in str(error)
    assert "http://localhost:8000/v1" in str(error)


def test_a_client_that_went_round_our_transport_is_still_understood() -> None:
    unseen = Try(10)
    assert isinstance(explain(StatusError("busy", 503), unseen, ENDPOINT), TransientPolicyError)
    assert isinstance(explain(StatusError("no", 401), unseen, ENDPOINT), AuthenticationError)
    assert type(explain(ValueError("no such parameter"), unseen, ENDPOINT)) is PolicyError


def test_what_was_sent_without_an_answer_is_transient() -> None:
    sent = Try(10, stage="sent")
    assert "did not answer in time" in str(explain(ReadTimeout("x"), sent, ENDPOINT))
    error = explain(Exception("gone"), sent, ENDPOINT)
    assert isinstance(error, TransientPolicyError)
    assert "closed the connection" in str(error)


def test_a_bad_certificate_is_not_tried_again() -> None:
    connecting = Try(10, stage="connecting")
    assert isinstance(explain(Exception("refused"), connecting, ENDPOINT), TransientPolicyError)
    wrapped = Exception("Connection error.")
    wrapped.__cause__ = OSError("certificate verify failed: self-signed")
    failed = explain(wrapped, connecting, ENDPOINT)
    assert type(failed) is PolicyError
    assert "certificate verify failed" in str(failed)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "the model is asleep", "type": "x"}},
        {"error": "the model is asleep"},
        {"message": "the model is asleep"},
        {"detail": "the model is asleep"},
    ],
)
def test_the_servers_own_words_are_taken_out_of_its_json(body: dict[str, object]) -> None:
    error = explain(Exception(f"litellm.BadRequestError: Some_exception - {json.dumps(body)}"), answered(400), ENDPOINT)
    assert str(error).endswith(": the model is asleep")


@given(st.text(max_size=2000), st.sampled_from([200, 400, 401, 404, 429, 500]))
def test_any_words_become_one_bounded_line(words: str, status: int) -> None:
    told = str(explain(Exception(words), answered(status), ENDPOINT))
    assert len(told.splitlines()) == 1
    assert len(told) < 600
