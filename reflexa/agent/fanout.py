"""One run on many processes: a Ray cluster starts them, and each joins the run by way of its database.

This is the one module that imports Ray, which is an extra. Ray carries nothing but the order to join: what is done is
taken under leases and recorded in the database, so that a worker that dies costs what it had under way, and no more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from reflexa.agent.bench import BenchOptions
from reflexa.agent.budget import Limits
from reflexa.agent.runner import GRACE, Listener, Outcome, Tally
from reflexa.agent.workbench import Workbench
from reflexa.errors import MissingExtraError, ReflexaError, UsageError
from reflexa.tasks import Suite
from reflexa.types import Frozen, RunStatus, Usage

if TYPE_CHECKING:
    from reflexa.memory import Store

LOOK_SECONDS = 1.0
"""Between two looks at how far the run is."""
STORE_BYTES = 80 * 1024 * 1024
"""Of shared memory for the objects of a cluster on this machine: a suite is all that goes there."""
_HERE = "127.0.0.1"


class Cluster(Frozen):
    """Where to fan out: a cluster's address, None for one that is started on this machine; and how many processes.

    ``workers`` of 0 is two on this machine, and one per machine of a cluster.
    """

    address: str | None = None
    workers: int = 0


class Joining(Frozen):
    """What a process must know to work on a run. ``database`` may hold a password: it is not for printing."""

    database: str
    run_id: str
    suite: Suite
    options: BenchOptions
    limits: Limits

    def work(self) -> Outcome:
        """Works on the run until nothing of it is left. What makes that impossible is told as a failed outcome."""
        from reflexa.memory import Store

        try:
            with Store.open(self.database) as store, Workbench(store, self.options) as bench:
                return bench.execute(store.find_run(self.run_id), self.suite, self.limits, shared=True)
        except ReflexaError as error:
            return Outcome(status="failed", detail=f"{type(error).__name__}: {error}", tally=Tally(total=0))


def require_ray() -> None:
    """Raises ``MissingExtraError`` where Ray is not installed."""
    if find_spec("ray") is None:
        raise MissingExtraError("running on Ray", "ray")


def fan_out(
    store: Store, joining: Joining, cluster: Cluster, listener: Listener | None = None, *, shared: bool = False
) -> Outcome:
    """Runs what is left of a run on a cluster, and records how it ended. The limits are divided among the processes.

    Raises ``MissingExtraError`` without Ray, ``UsageError`` for a cluster that cannot be reached, and for one of
    several machines where the database is a file of this one.
    """
    require_ray()
    names = [task.id for task in joining.suite.tasks]
    with _connected(cluster) as ray:
        workers = cluster.workers or max(2, len(_machines(ray)))
        database = reachable(joining.database, _machines(ray), str(ray.util.get_node_ip_address()))
        joining = joining.model_copy(update={"database": database})
        with store.claim(joining.run_id, names, shared=shared) as claim:
            try:
                outcomes = _work(ray, joining, workers, _Watch(store, joining, listener))
            except BaseException:
                claim.end("failed")
                raise
            outcome = _together(outcomes, len(names))
            claim.end(outcome.status)
    return outcome


def reachable(database: str, machines: Sequence[str], here: str) -> str:
    """The database as the processes of a cluster find it.

    Raises ``UsageError`` where one of its machines cannot have the database, which is a file of this one.
    """
    from reflexa.memory.location import locate

    location = locate(database)
    if location.path is None:
        return database
    elsewhere = [machine for machine in machines if machine != here]
    if elsewhere:
        raise UsageError(
            f"the database {location.shown} is a file of this machine, and the cluster has others "
            f"({', '.join(elsewhere[:3])}{', …' if len(elsewhere) > 3 else ''}): "
            "name a PostgreSQL database that all can reach (--database postgresql://USER@HOST/DATABASE)"
        )
    return str(location.path)


class _Watch:
    """Tells a listener how far the run is, as the database has it."""

    def __init__(self, store: Store, joining: Joining, listener: Listener | None) -> None:
        self._store, self._joining, self._listener = store, joining, listener
        self._before = store.standing(joining.run_id)

    def look(self) -> None:
        if self._listener is not None:
            now, before = self._store.standing(self._joining.run_id), self._before
            solved, failed, errors = (max(0, new - old) for new, old in zip(now, before, strict=True))
            total = len(self._joining.suite.tasks)
            self._listener(Tally(total=total, solved=solved, failed=failed, errors=errors))


@contextlib.contextmanager
def _connected(cluster: Cluster) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if cluster.address is None:
        quiet |= {"num_cpus": cluster.workers or 2, "include_dashboard": False, "object_store_memory": STORE_BYTES}
        quiet |= {"address": "local", "_node_ip_address": _HERE}
    else:
        quiet |= {"address": cluster.address}
    try:
        ray.init(**quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"Ray cannot be reached at {cluster.address or 'this machine'} ({str(error).partition(chr(10))[0]}): "
            "check the address (ray:HOST:PORT), and that the cluster runs the same versions of Ray and Python"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _machines(ray: Any) -> list[str]:
    """The addresses of the cluster's living machines."""
    return sorted({node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]})


def _work(ray: Any, joining: Joining, workers: int, watch: _Watch) -> list[Outcome]:
    """What became of each process. Ray starts one again that died; what died with it is another's by then."""
    limits = joining.limits
    share = Limits(
        cost_usd=None if limits.cost_usd is None else limits.cost_usd / workers,
        tokens=None if limits.tokens is None else max(1, limits.tokens // workers),
        seconds=limits.seconds,
    )
    order = ray.put(joining.model_copy(update={"limits": share}))
    remote = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(Joining.work)
    waiting = working = [remote.remote(order) for _ in range(workers)]
    try:
        while waiting:
            _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=LOOK_SECONDS)
            watch.look()
    except KeyboardInterrupt:
        for one in waiting:
            ray.cancel(one)  # a Ctrl-C in the process that works
        ray.wait(waiting, num_returns=len(waiting), timeout=GRACE + LOOK_SECONDS)
        return [Outcome(status="interrupted", detail="stopped by the user", tally=Tally(total=0))]
    return [_outcome(ray, one) for one in working]


def _outcome(ray: Any, reference: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayError as error:
        detail = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return Outcome(status="failed", detail=detail, tally=Tally(total=0))
    return outcome


def _together(outcomes: Sequence[Outcome], total: int) -> Outcome:
    """One outcome of all: the run is finished where one process saw that nothing was left."""
    order: tuple[RunStatus, ...] = ("finished", "interrupted", "budget", "failed")
    first = min(outcomes, key=lambda outcome: order.index(outcome.status))
    tallies = [outcome.tally for outcome in outcomes]
    tally = Tally(
        total=total,
        solved=sum(tally.solved for tally in tallies),
        failed=sum(tally.failed for tally in tallies),
        errors=sum(tally.errors for tally in tallies),
        usage=sum((tally.usage for tally in tallies), Usage()),
    )
    return Outcome(status=first.status, detail=first.detail, tally=tally)
