"""A small history in which everything grew from something else."""

from __future__ import annotations

from pathlib import Path

from reflexa.memory.store import Store
from reflexa.rows import DatasetRecord, Lineage, Source, TrainingRecord
from tests.memory.support import CONFIG, a_reflection, an_episode, record


class History:
    """Run ``first`` has two attempts at Sums/0: the second saw reflection ``bad``, and was exported as ``d1``. Training
    ``t1`` learnt that, ``second`` ran its model, whose attempts became ``d2``, which ``t2`` learnt on top of it.
    ``apart`` is a run of its own, exported as ``d9`` and learnt in ``t9``.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.first = self._run("base", "bad")
        self.d1 = self._dataset("d1", self.first, 1)
        self.t1 = self._training("t1", "base", "d1")
        self.second = self._run(f"hf:{folder / 't1' / 'model'}", "later")
        self.d2 = self._dataset("d2", self.second, 0)
        self.t2 = self._training("t2", str(folder / "t1" / "checkpoints" / "step-4"), "d2")
        self.apart = self._run("base", "other")
        self.d9 = self._dataset("d9", self.apart, 1)
        self.t9 = self._training("t9", "base", "d9")

    def _run(self, model: str, reflection: str) -> str:
        config = CONFIG.model_copy(update={"model": model})
        run = self.store.create_run(config).id
        episode = an_episode()
        lesson = a_reflection().model_copy(update={"id": reflection})
        first, second = episode.tries
        seen = second.model_copy(
            update={"attempt": second.attempt.model_copy(update={"recalled": (reflection,), "policy": model})}
        )
        blind = first.model_copy(update={"attempt": first.attempt.model_copy(update={"recalled": (), "policy": model})})
        record(self.store, run, episode.model_copy(update={"tries": (blind, seen), "reflections": (lesson,)}))
        return run

    def _dataset(self, name: str, run: str, *attempts: int) -> str:
        sources = tuple(
            Source(run=run, task="Sums/0", attempt=index, verifier="v", verifier_version="1", score=1.0, policy="p")
            for index in attempts
        )
        made = DatasetRecord(
            id=name,
            kind="sft",
            format="trl",
            hash=name,
            rows=1,
            config={},
            counts={},
            path=f"{name}.jsonl",
            created=1.0,
        )
        self.store.record_dataset(made, [Lineage(suite="sums", split="train", oracle=False, sources=sources)])
        return name

    def _training(self, name: str, model: str, dataset: str) -> str:
        output = self.folder / name
        self.store.record_training(
            TrainingRecord(
                id=name,
                algorithm="sft",
                model=model,
                config={"output": str(output)},
                datasets=(dataset,),
                status="finished",
                created=float(name[1:]),
                checkpoint=str(output / "model"),
                loss=0.5,
            )
        )
        return name
