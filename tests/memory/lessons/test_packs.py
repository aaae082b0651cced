"""Packs are foreign text: bounded, checked, redacted, and in quarantine until a person has read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.errors import UsageError
from reflexa.lessons import LONGEST, RecallQuery
from reflexa.memory.lessons.packs import (
    LONGEST_LINE,
    LONGEST_NAME,
    MOST_BYTES,
    MOST_SOURCES,
    PackLine,
    read_pack,
    write_pack,
)
from reflexa.memory.redaction import Redactor
from reflexa.memory.store import Store
from tests.memory.lesson_support import SOURCE, a_lesson
from tests.memory.support import AWKWARD

SHIPPED = Path(__file__).parents[3] / "memory"


def a_pack(folder: Path, *lines: Any) -> Path:
    path = folder / "pack.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_what_is_exported_can_be_imported_elsewhere_and_waits_for_a_person(url: str, tmp_path: Path) -> None:
    exported = [a_lesson(0, text=AWKWARD, policy="m"), a_lesson(1, sources=(SOURCE, SOURCE), split="validation")]
    write_pack(tmp_path / "pack.jsonl", exported)
    with Store.open(url) as store:
        assert store.import_pack(tmp_path / "pack.jsonl", "theirs").redacted == 0
        taken = store.lessons()[::-1]
        assert [
            PackLine.model_validate({name: getattr(one, name) for name in PackLine.model_fields}) for one in taken
        ] == [
            PackLine.model_validate(
                {name: getattr(one, name) for name in PackLine.model_fields} | {"created": new.created}
            )
            for one, new in zip(exported, taken, strict=True)
        ]
        assert {(one.trust, one.status, one.pack) for one in taken} == {("imported", "quarantined", "theirs")}
        assert not {one.id for one in taken} & {one.id for one in exported}
        assert store.recall_lessons(RecallQuery(text=AWKWARD, scope="all", suite="")) == []
        store.import_pack(tmp_path / "pack.jsonl", "again")
        assert store.lessons()[::-1] == taken


def test_a_pack_cannot_take_the_place_of_a_lesson_that_is_there(tmp_path: Path) -> None:
    path = a_pack(tmp_path, {"text": "obey", "suite": "sums", "id": "l0000"})
    with Store.open(tmp_path / "a.db") as store:
        store.add_lessons([a_lesson(0)])
        with pytest.raises(UsageError, match=r"line 1: id: Extra inputs are not permitted"):
            store.import_pack(path, "theirs")
        assert store.lessons() == [a_lesson(0)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("not JSON", "line 2: no JSON"),
        ("[1, 2]", "line 2: Input should be"),
        ("[" * 20_000, "line 2: (it is nested too deeply|no JSON)"),
        ({"suite": "sums"}, "line 2: text: Field required"),
        ({"text": "", "suite": "sums"}, "line 2: text: .*expected 1 to"),
        ({"text": "x" * (LONGEST + 1), "suite": "sums"}, "line 2: text: .*expected 1 to"),
        ({"text": "x", "suite": ""}, "suite and split need names"),
        ({"text": "x", "suite": "s" * (LONGEST_NAME + 1)}, "no name has more than"),
        ({"text": "x", "suite": "s", "trust": "checked"}, "line 2: trust: Extra inputs"),
        ({"text": "x", "suite": "s", "status": "active"}, "line 2: status: Extra inputs"),
        ({"text": 5, "suite": "s"}, "line 2: text: Input should be a valid string"),
        ({"text": "x", "suite": "s", "sources": [SOURCE.model_dump()] * (MOST_SOURCES + 1)}, "line 2: sources: Tuple"),
        ({"text": "x", "suite": "s", "policy": "p" * LONGEST_LINE}, "expected at most 65,536"),
    ],
)
def test_what_is_no_lesson_is_refused_with_its_line_and_nothing_is_taken(
    tmp_path: Path, line: Any, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem) as error:
        read_pack(a_pack(tmp_path, {"text": "fine", "suite": "sums"}, line), "p", Redactor())
    assert "is no lesson pack, nothing was imported" in str(error.value)
    assert len(str(error.value)) < 1000


def test_files_that_are_no_packs(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, tmp_path / "\0"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_pack(path, "p", Redactor())
    with pytest.raises(UsageError, match="is no file"):
        read_pack(Path("/dev/null"), "p", Redactor())
    with pytest.raises(UsageError, match="has no lessons"):
        read_pack(a_pack(tmp_path, "", " "), "p", Redactor())
    with pytest.raises(UsageError, match="a pack's name has"):
        read_pack(a_pack(tmp_path), "", Redactor())
    with (tmp_path / "big").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(UsageError, match="bytes, a pack at most 16,777,216"):
        read_pack(tmp_path / "big", "p", Redactor())


def test_secrets_are_removed_and_counted(tmp_path: Path) -> None:
    key = "ghp_" + "a1B2" * 10
    path = a_pack(tmp_path, {"text": f"log in with {key}", "suite": "s"}, {"text": "plain", "suite": "s"})
    read = read_pack(path, "p", Redactor({}))
    assert [lesson.text for lesson in read.lessons] == ["log in with [redacted:github-token]", "plain"]
    assert read.redacted == 1


def test_a_pack_is_written_whole_and_over_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pack.jsonl"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists: name another file"):
        write_pack(path, [a_lesson(0)])
    assert path.read_text() == "mine"
    with pytest.raises(UsageError, match="cannot be written"):
        write_pack(tmp_path / "no" / "pack.jsonl", [a_lesson(0)])
    assert [each.name for each in tmp_path.iterdir()] == ["pack.jsonl"]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_pack_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    path.write_bytes(data)
    try:
        read = read_pack(path, "p", Redactor({}))
    except UsageError:
        return
    assert read.lessons


def test_the_packs_of_this_repository_are_read(tmp_path: Path) -> None:
    packs = sorted(SHIPPED.glob("*.jsonl"))
    assert packs
    with Store.open(tmp_path / "a.db") as store:
        for path in packs:
            assert store.import_pack(path, path.stem).redacted == 0
            assert path.name in (SHIPPED / "README.md").read_text(encoding="utf-8")
        assert len(store.lessons()) >= 10
        assert {lesson.split for lesson in store.lessons()} == {"train"}
