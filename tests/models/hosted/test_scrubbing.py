from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.models.hosted.scrubbing import scrub

SECRETS = st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=60)


@given(SECRETS, st.text(max_size=50), st.text(max_size=50))
def test_values_of_key_like_variables_are_scrubbed(secret: str, before: str, after: str) -> None:
    for name in ("OPENAI_API_KEY", "hf_token", "AWS_SECRET_ACCESS", "DB_PASSWORD"):
        assert secret not in scrub(before + secret + after, {name: secret}).replace("[redacted]", "\n")


@pytest.mark.parametrize(
    "secret",
    ["sk-proj-abcdefghijklmnop", "sk-ant-REDACTED", "hf_abcdefghijklmnopqrst", "AIzaSyA1234567890abcdefgh"],
)
def test_strings_in_the_shape_of_keys_are_scrubbed(secret: str) -> None:
    assert scrub(f"the key {secret} is wrong", {}) == "the key [redacted] is wrong"


def test_credentials_in_headers_and_addresses_are_scrubbed() -> None:
    assert scrub("Authorization: Bearer abcdefghijkl", {}) == "Authorization: [redacted]"
    assert scrub("http://user:pass@host/v1", {}) == "http://[redacted]host/v1"


def test_ordinary_words_stay() -> None:
    text = "the task-force asked at 12:30 about sk- and hf_x, http://localhost:8000/v1"
    assert scrub(text, {"PATH": "the task", "KEY": "force"}) == text
