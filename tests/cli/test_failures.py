from __future__ import annotations

import pytest

from reflexa.cli.failures import BUDGET, FAILED, USAGE, exit_code
from reflexa.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConfigError,
    MissingExtraError,
    ReflexaError,
    SandboxError,
    StoreError,
    UsageError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such suite"), USAGE),
        (ConfigError("differs"), USAGE),
        (MissingExtraError("training", "train"), USAGE),
        (AuthenticationError("no key"), FAILED),
        (SandboxError("none"), FAILED),
        (StoreError("locked"), FAILED),
        (BudgetExceededError("spent"), BUDGET),
    ],
)
def test_each_error_is_one_line_and_its_exit_code(
    error: ReflexaError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(error) == code
    assert capsys.readouterr().err == f"reflexa: {error}\n"


def test_lines_of_an_error_become_one(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code(SandboxError("none of these:\ndouble: no\nstrong: \x1b[31mno"))
    assert capsys.readouterr().err == "reflexa: none of these: double: no strong: \\x1b[31mno\n"


def test_a_defect_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(KeyError("lost")) == FAILED
    err = capsys.readouterr().err
    assert err.startswith("reflexa: KeyError: 'lost': this is a defect of Reflexa: please report it")
    assert "REFLEXA_DEBUG=1" in err
    assert err.count("\n") == 1


def test_the_traceback_is_there_for_who_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFLEXA_DEBUG", "1")
    try:
        raise StoreError("locked")
    except StoreError as error:
        exit_code(error)
    assert "Traceback" in capsys.readouterr().err
