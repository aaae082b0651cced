"""Reading GGUF headers: what is read, and that damaged files are named as such."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reflexa.errors import PolicyError
from reflexa.models.gguf.header import TokenType, read_header
from tests.support.tiny_models import HEADS, HIDDEN, KV_HEADS, LAYERS, SPECIALS, TEMPLATE, make_gguf, vocabulary

pytest.importorskip("gguf", reason="writing a GGUF file needs the package gguf: scripts/reflexa setup train")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def test_the_header_is_read(model: Path) -> None:
    header = read_header(model)
    assert header.architecture == "llama"
    assert header.template == TEMPLATE
    assert header.context_length == 512
    assert list(header.tokens) == vocabulary()
    assert header.token_types[: len(SPECIALS) + 1] == (TokenType.CONTROL,) * len(SPECIALS) + (TokenType.NORMAL,)
    assert (header.bos, header.eos) == (1, 2)
    assert header.token_text(header.eos) == "<|im_end|>"
    assert (header.token_text(None), header.token_text(-1), header.token_text(10**6)) == ("", "", "")


def test_a_token_of_context_costs_keys_and_values_of_16_bits_in_every_layer(model: Path) -> None:
    assert read_header(model).kv_bytes_per_token == LAYERS * KV_HEADS * (HIDDEN // HEADS) * 2 * 2


def test_a_model_without_a_template_has_none(tmp_path: Path) -> None:
    assert read_header(make_gguf(tmp_path / "plain.gguf", template=None)).template is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"GG", "ends after 2 bytes"),
        (b"PK\x03\x04 a zip archive", "does not begin with GGUF"),
        (b"GGUF\x63\x00\x00\x00" + bytes(16), "version 99"),
        (b"GGUF\x03\x00\x00\x00" + bytes(8) + b"\x01" + bytes(7) + b"\xff" * 8, "ends after"),
    ],
)
def test_what_is_no_gguf_file_is_said_to_be_none(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=reason) as caught:
        read_header(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["missing.gguf", "."])
def test_a_path_that_is_no_file_is_an_error(tmp_path: Path, where: str) -> None:
    with pytest.raises(PolicyError, match="cannot read the model"):
        read_header(tmp_path / where)


def test_a_file_cut_inside_its_tensors_is_noticed(model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    with pytest.raises(PolicyError, match="inside its tensors"):
        read_header(cut)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(at=st.integers(0, 4000), byte=st.integers(0, 255), length=st.integers(0, 6000))
def test_damage_is_an_error_or_harmless_but_never_a_crash(
    model: Path, tmp_path: Path, at: int, byte: int, length: int
) -> None:
    content = bytearray(model.read_bytes()[:length])
    content[at : at + 1] = bytes([byte])
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(bytes(content))
    with pytest.raises(PolicyError):
        read_header(damaged)
