from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from reflexa.memory.episodes.encoding import Write, call_rows, end_rows
from reflexa.memory.episodes.outbox import Outbox
from tests.memory.support import a_call, an_episode


def as_json(write: Write) -> str:
    return json.dumps([write.rows, write.bodies, write.replaces])


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "a.outbox")


def test_what_is_kept_is_delivered_in_order_and_once(outbox: Outbox) -> None:
    writes = [call_rows("run", a_call(attempt=index)) for index in range(3)] + [end_rows("run", an_episode())]
    assert not outbox.waiting()
    for write in writes:
        outbox.keep(write)
    assert outbox.waiting()
    delivered: list[Write] = []
    outbox.deliver(delivered.append)
    assert [as_json(write) for write in delivered] == [as_json(write) for write in writes]
    assert not outbox.waiting()
    outbox.deliver(delivered.append)
    assert len(delivered) == len(writes)


def test_a_refused_delivery_keeps_everything(outbox: Outbox) -> None:
    outbox.keep(call_rows("run", a_call()))

    def refuse(write: Write) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        outbox.deliver(refuse)
    assert outbox.waiting()


def test_a_line_that_a_crash_cut_short_is_passed_over(outbox: Outbox) -> None:
    outbox.keep(call_rows("run", a_call()))
    whole = outbox.path.read_bytes()
    outbox.path.write_bytes(whole + whole[:100])
    delivered: list[Write] = []
    outbox.deliver(delivered.append)
    assert len(delivered) == 1


def test_the_file_is_for_its_owner_alone(outbox: Outbox) -> None:
    outbox.keep(call_rows("run", a_call()))
    assert stat.S_IMODE(outbox.path.stat().st_mode) == 0o600


def test_a_link_is_not_followed(outbox: Outbox, tmp_path: Path) -> None:
    outbox.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        outbox.keep(call_rows("run", a_call()))
    assert not (tmp_path / "elsewhere").exists()
