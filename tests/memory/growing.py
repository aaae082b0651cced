"""A small history in which everything grew from something else."""

from __future__ import annotations

from pathlib import Path

from reflexa.memory.store import Store
from reflexa.rows import Comparison, DatasetRecord, Lineage, Source, TrainingRecord
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

    def label(self, run: str, judge: str = "gpt", by: str = "pairwise:x", probability: float = 0.9) -> str:
        """An AI judge's label of a run's two attempts at Sums/0; its id."""
        label = Comparison(
            run=run, task="Sums/0", a=0, b=1, by=by, version="7", judge=judge, probability=probability, consistency=1.0
        )
        self.store.record_comparison(label)
        return f"{run}/Sums/0/1-2/{by}@7"

    def pairs(self, name: str, run: str, *attempts: int, labels: str | None = "all") -> str:
        """A data set of preferences: one row, its better answer first."""
        made = self.store.find_dataset(self.d1)
        update = {"id": name, "kind": "preferences", "config": {"labels": labels}}
        self.store.record_dataset(made.model_copy(update=update), [self._lineage(run, *attempts)])
        return name

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
        self.store.record_dataset(made, [self._lineage(run, *attempts)])
        return name

    @staticmethod
    def _lineage(run: str, *attempts: int) -> Lineage:
        sources = tuple(
            Source(run=run, task="Sums/0", attempt=index, verifier="v", verifier_version="1", score=1.0, policy="p")
            for index in attempts
        )
        return Lineage(suite="sums", split="train", oracle=False, sources=sources)

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
