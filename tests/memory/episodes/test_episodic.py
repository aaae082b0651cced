from __future__ import annotations

import threading

from reflexa.memory.episodes.episodic import Episodic
from reflexa.memory.store import Store
from tests.memory.support import an_episode


def test_episodes_of_one_configuration_share_a_run(store: Store) -> None:
    episodic = Episodic(store)
    first = episodic.run_for(an_episode("a"))
    assert episodic.run_for(an_episode("b")) == first
    assert episodic.run_for(an_episode("c").model_copy(update={"strategy": "retry"})) != first
    assert episodic.run_for(an_episode("d")) == first


def test_a_task_that_comes_again_begins_a_new_run(store: Store) -> None:
    episodic = Episodic(store)
    first = episodic.run_for(an_episode("a"))
    second = episodic.run_for(an_episode("a"))
    assert second != first
    assert episodic.run_for(an_episode("b")) == second


def test_an_episode_without_attempts_has_a_run_too(store: Store) -> None:
    run = store.find_run(Episodic(store).run_for(an_episode("a", attempts=0).model_copy(update={"submitted": None})))
    assert (run.config.model, run.status) == ("", "finished")


def test_threads_remember_the_same_task_in_runs_of_their_own(store: Store) -> None:
    threads = [threading.Thread(target=store.remember, args=(an_episode("a"),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.list_runs()) == 8
    assert len(store.reflections(task_id="a")) == 8
