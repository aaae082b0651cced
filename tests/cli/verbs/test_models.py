from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import PolicyError
from reflexa.models.embedded import embedded_path
from tests.cli.support import Cli


def test_list_says_what_can_be_used(cli: Cli) -> None:
    forms = {form["form"]: form["ready"] for form in cli("models", "list", "--json").json["forms"]}
    assert forms["scripted:FILE"] is True
    assert {"embedded", "gguf:FILE", "hf:REPO_OR_PATH", "replay:RUN"} <= set(forms)
    assert "scripted:FILE" in cli("models", "list").out


def test_pull_of_what_is_there_says_where(cli: Cli) -> None:
    try:
        path = embedded_path()
    except PolicyError:
        pytest.skip("the embedded model is not installed here, and the tests fetch nothing")
    assert cli("models", "pull", "embedded", "--json").json == {"model": "embedded", "path": str(path)}
    assert Path(cli("models", "pull", "embedded").out.strip().removeprefix("embedded: ")) == path


def test_only_the_embedded_model_is_fetched(cli: Cli) -> None:
    refused = cli("models", "pull", "embeded")
    assert refused.code == 2
    assert "did you mean embedded" in refused.complaint
