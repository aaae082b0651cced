"""R19: PostgreSQL restarted while a run writes."""

from __future__ import annotations

import threading
from pathlib import Path

from reflexa.memory.store import Store
from tests.memory.postgres import start_server
from tests.memory.support import CONFIG, a_call

BEFORE, AFTER = 20, 20
PATIENCE = 120.0


def test_a_run_survives_a_restart_of_its_server(tmp_path: Path) -> None:
    server = start_server(tmp_path)
    with Store.open(server.get_uri()) as store:
        run = store.create_run(CONFIG)
        acknowledged: list[int] = []
        underway, over = threading.Event(), threading.Event()

        def write() -> None:
            while not over.is_set():
                store.record_call(run.id, a_call(attempt=len(acknowledged)))
                acknowledged.append(len(acknowledged))
                if len(acknowledged) >= BEFORE:
                    underway.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert underway.wait(PATIENCE)
        server.stop()
        missed = len(acknowledged)
        server.ensure_postgres_running()
        enough = threading.Thread(target=_wait_for, args=(acknowledged, missed + AFTER, over))
        enough.start()
        enough.join(PATIENCE)
        over.set()
        writer.join()
        assert len(acknowledged) >= missed + AFTER
        assert [call.context.attempt for call in store.calls(run.id)] == acknowledged
    server.cleanup()


def _wait_for(acknowledged: list[int], count: int, over: threading.Event) -> None:
    while len(acknowledged) < count and not over.wait(0.02):
        pass
