"""Model strings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reflexa.errors import PolicyError, ReflexaError, UsageError
from reflexa.models import PolicyOptions, list_models, open_policy
from reflexa.models.hosted.policy import HostedPolicy
from reflexa.models.scripted import ScriptedPolicy
from tests.support.tiny_models import make_checkpoint, make_gguf


def test_a_gguf_file_is_opened_on_llama_cpp(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs llama.cpp: scripts/reflexa setup embedded")
    pytest.importorskip("gguf", reason="writing a GGUF file needs the package gguf: scripts/reflexa setup train")
    path = make_gguf(tmp_path / "tiny.gguf")
    policy = open_policy(f"gguf:{path}", PolicyOptions(slots=1, context=64, threads=1))
    policy.close()
    assert policy.name == f"gguf:{path}"


@pytest.mark.parametrize("prefix", ["", "hf:"])
def test_a_checkpoint_folder_is_opened_with_transformers(tmp_path: Path, prefix: str) -> None:
    pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")
    folder = make_checkpoint(tmp_path / "tiny")
    policy = open_policy(f"{prefix}{folder}", PolicyOptions(slots=1, context=64, threads=1))
    policy.close()
    assert policy.name == f"hf:{folder}"


def test_a_file_of_answers_is_scripted(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text('{"task": "t", "attempts": ["a"]}\n')
    assert isinstance(open_policy(f"scripted:{file}"), ScriptedPolicy)


def test_a_hosted_name_is_opened_through_litellm_with_the_options() -> None:
    policy = open_policy("hosted_vllm/some-model", PolicyOptions(api_base="http://127.0.0.1:9/v1", timeout=3))
    assert isinstance(policy, HostedPolicy)
    assert policy.name == "hosted_vllm/some-model"
    policy.close()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "name is empty"),
        ("embeded", "did you mean embedded"),
        ("gugf:model.gguf", "did you mean gguf:"),
        ("gguf:", "nothing after the colon"),
        ("model.gguf", "write gguf:model.gguf"),
        ("./no-such-folder", "no checkpoint folder"),
        ("replay:k7f2", "needs the database"),
        ("scripted:/no/such/file.jsonl", "/no/such/file.jsonl"),
        ("gguf:/no/such/file.gguf", "No such file"),
        ("no-such-model-anywhere", "unknown model"),
    ],
)
def test_names_that_mean_nothing_say_what_would(spec: str, said: str) -> None:
    with pytest.raises((UsageError, PolicyError), match=said) as caught:
        open_policy(spec)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReflexaError, match="without a checkpoint"):
        open_policy(str(tmp_path))


def test_every_form_is_listed_with_what_it_lacks() -> None:
    forms = {model.form: model for model in list_models()}
    assert next(iter(forms)) == "embedded"
    assert set(forms) >= {"gguf:FILE", "hf:REPO_OR_PATH", "scripted:FILE", "replay:RUN"}
    assert all(model.ready != bool(model.hint) for model in forms.values())


def test_opening_local_models_and_refusing_mistakes_loads_no_heavy_library() -> None:
    code = (
        "import sys\nfrom reflexa.models import list_models, open_policy\nlist_models()\n"
        "for spec in ('embeded', 'gguf:/nowhere.gguf', './nowhere', 'replay:x'):\n"
        "    try:\n        open_policy(spec)\n    except Exception:\n        pass\n"
        "print(sorted({'litellm', 'torch', 'transformers', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
