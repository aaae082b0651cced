"""What a store knows of where things came from, and of what was retracted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from reflexa.errors import UsageError
from reflexa.memory.database import Database
from reflexa.memory.lineage import comparisons, finding, retracting, trained
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.memory.lineage.growth import Growth
from reflexa.memory.lineage.nodes import Node
from reflexa.memory.lineage.retracting import Retraction
from reflexa.memory.lineage.story import Bounds, Story, Teller
from reflexa.memory.lineage.trained import TrainedModel
from reflexa.rows import Comparison


class Ancestry:
    """Stories and retractions of one database.

    ``ref`` is whatever names a thing: an id or a unique start of one, a run's name, RUN/TASK/NUMBER for an attempt and
    DATASET/NUMBER for a row (both counted from 1), RUN/TASK/A-B/STANDARDS@VERSION for a label, a checkpoint's folder. A
    method that takes one raises ``UsageError`` with near matches or candidates.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, ref: str) -> Node:
        """What ``ref`` names."""
        return self._database.read(partial(finding.find, ref=ref))

    def story(self, ref: str, bounds: Bounds | None = None) -> Story:
        """What a thing was made from, back to the start."""
        retracting.renew(self._database)
        node = self.find(ref)
        return self._database.read(lambda connection: Teller(connection, bounds or Bounds()).tell(node))

    def grown(self, ref: str) -> list[Node]:
        """All that grew from a thing, the nearest first: what ``retract`` would mark with it."""
        node = self._retractable(ref)
        return self._database.read(lambda connection: Growth(connection).of(node))

    def retract(self, ref: str, reason: str = "") -> list[Node]:
        """Marks a thing as retracted, and all that grew from it, which it returns. Nothing is deleted."""
        return retracting.retract(self._database, self._retractable(ref), reason)

    def restore(self, ref: str) -> int:
        """Takes back a retraction; how many marks went."""
        return retracting.restore(self._database, self._retractable(ref))

    def roots(self) -> list[Retraction]:
        """What was retracted itself, the newest first."""
        return retracting.list_roots(self._database)

    def renew(self) -> None:
        """Marks what grew from retracted things since they were retracted. Ask for it before ``retracted``."""
        retracting.renew(self._database)

    def retracted(self, nodes: Iterable[Node]) -> Mapping[Node, Retraction]:
        """Those of the things that are marked, with why."""
        return self._database.read(partial(retracting.find, nodes=list(nodes)))

    def retracted_attempts(self, keys: Sequence[AttemptKey]) -> set[AttemptKey]:
        """Those of the attempts that are marked, or whose whole runs are."""
        return self._database.read(partial(retracting.bad_attempts, keys=keys))

    def retracted_labels(self, labels: Sequence[Comparison]) -> set[Comparison]:
        """Those of the labels that are marked, or one of whose attempts is."""
        keys = {comparisons.key_of(label): label for label in labels}
        return {keys[key] for key in self._database.read(partial(retracting.bad_labels, keys=list(keys)))}

    def retracted_model(self, spec: str) -> Retraction | None:
        """Why a model is not to be used any more: the mark of the training run that made it."""
        training = self.training_of(spec)
        node = None if training is None else Node("training", training)
        return None if node is None else self.retracted([node]).get(node)

    def training_of(self, spec: str) -> str | None:
        """The training run whose checkpoint a model string names."""
        return self._database.read(partial(finding.training_of, spec=spec))

    def models(self, limit: int | None = None) -> list[TrainedModel]:
        """The models that training runs made, the newest first, each with what it came from."""
        retracting.renew(self._database)
        return self._database.read(partial(trained.trained, limit=limit))

    def _retractable(self, ref: str) -> Node:
        node = self.find(ref)
        if node.kind == "model":
            training = self.training_of(node.id)
            if training is None:
                raise UsageError(f"{node.id} was made by no training run that is recorded here")
            node = Node("training", training)
        retracting.check_retractable(node)
        return node
